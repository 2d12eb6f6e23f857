"""cellwright's LSTM in place of torch's: the same weights, the same numbers, and lengths without packing."""

import torch

import cellwright as cw

torch.manual_seed(0)
theirs = torch.nn.LSTM(8, 16, num_layers=2, bidirectional=True)
ours = cw.nn.LSTM(8, 16, num_layers=2, bidirectional=True)
ours.load_state_dict(theirs.state_dict())

x_TBI = torch.randn(7, 3, 8)
print("largest difference:", (ours(x_TBI)[0] - theirs(x_TBI)[0]).abs().max().item())

lengths = [3, 7, 5]  # in any order
y_TBO, (h, c) = ours(x_TBI, lengths=lengths)
packed = torch.nn.utils.rnn.pack_padded_sequence(x_TBI, torch.tensor(lengths), enforce_sorted=False)
h_packed = theirs(packed)[1][0]
print("final states equal to a packed run:", torch.allclose(h, h_packed, atol=1e-6))
