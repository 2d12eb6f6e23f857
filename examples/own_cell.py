"""A cell of one's own: written as equations, used as a layer, trained by gradient like any other."""

import torch

import cellwright as cw
from cellwright import Cell
from cellwright.ops import sigmoid, tanh


class Blend(Cell):
    gates = "u n"
    states = "h"

    def step(self, x, h, W, R, b):
        u = sigmoid(W.u @ x + R.u @ h + b.u)
        n = tanh(W.n @ x + R.n @ (u * h) + b.n)
        return u * h + (1 - u) * n


torch.manual_seed(0)
print(Blend().equations())

# Remember the first of six numbers.
layer = cw.nn.Recurrent(Blend(), input_size=1, hidden_size=16, forget_bias=2.0)
readout = torch.nn.Linear(16, 1)
optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], lr=0.03)
for step in range(101):
    x_TBI = torch.rand(6, 32, 1)
    y_TBO, _ = layer(x_TBI)
    loss = (readout(y_TBO[-1]) - x_TBI[0]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step}: mean squared error {loss.item():.4f}")
