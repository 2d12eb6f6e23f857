"""No position sees itself, whatever the cell, the depth and the direction; every other word on its sides is seen."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cellwright.tasks.cloze.batches import make_batch
from cellwright.tasks.cloze.config import ClozeModelSection
from cellwright.tasks.cloze.model import ClozeNetwork
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.text.vocabulary import BEGIN, END, PAD, TextVocabulary

WORDS = TextVocabulary([f"w{k}" for k in range(30)])
T = 7
NETWORKS = [
    ("LSTM", 1, True), ("LSTM", 2, True), ("LSTM", 3, True), ("LSTM", 2, False),
    ("GRU", 2, True), ("Elman", 2, True), ("PeepholeLSTM", 2, True),
]  # fmt: skip


def network(cell: str, layers: int = 1, both: bool = True) -> ClozeNetwork:
    torch.manual_seed(3)
    section = ClozeModelSection(
        cell=cell, num_layers=layers, bidirectional=both, hidden_size=6, embedding_size=5, forget_bias=2.0
    )
    return ClozeNetwork(section, len(WORDS), choose_cell(cell)).double().eval()


def features(net: ClozeNetwork, words: list[str]) -> Tensor:
    batch = make_batch([words], [words], WORDS)
    with torch.no_grad():
        return net(batch.x_BS, batch.lengths_B)[0]


@pytest.mark.parametrize(("cell", "layers", "both"), NETWORKS)
def test_no_position_sees_itself(cell: str, layers: int, both: bool) -> None:
    net = network(cell, layers, both)
    words = [f"w{k}" for k in range(T)]
    before = features(net, words)
    for place in range(T):
        after = features(net, [*words[:place], "w20", *words[place + 1 :]])
        changed = (after != before).any(1)
        seen = [place < k or (both and place > k) for k in range(T)]
        assert changed.tolist() == seen  # bit for bit where it is not seen


def test_no_gradient_reaches_a_position_from_its_own_embedding() -> None:
    net = network("LSTM", 2)
    batch = make_batch([[f"w{k}" for k in range(T)]], [["w0"] * T], WORDS)
    for place in range(T):
        e = net.embedding(batch.x_BS).detach().requires_grad_()
        net.embedding.register_forward_hook(lambda *_: e)  # noqa: B023
        net(batch.x_BS, batch.lengths_B)[0, place].sum().backward()
        net.embedding._forward_hooks.clear()
        assert e.grad is not None
        own = e.grad[0].abs().sum(1)
        assert own[place + 1] == 0  # begin stands before the first word
        assert (own[[k for k in range(T + 2) if k != place + 1]] > 0).all()


def test_without_recurrence_the_next_words_alone_are_seen() -> None:
    net = network("PerToken")
    words = [f"w{k}" for k in range(T)]
    before = features(net, words)
    after = features(net, [*words[:3], "w20", *words[4:]])
    assert (after != before).any(1).tolist() == [False, False, True, False, True, False, False]


def test_a_sentence_says_the_same_alone_and_beside_longer_ones() -> None:
    net = network("LSTM", 2)
    texts = [["w1", "w2"], ["w3"] * 9, ["w4", "w5", "w6"]]
    batch = make_batch(texts, texts, WORDS)
    with torch.no_grad():
        y_BTF = net(batch.x_BS, batch.lengths_B)
    for k, words in enumerate(texts):
        torch.testing.assert_close(y_BTF[k, : len(words)], features(net, words), rtol=0, atol=1e-14)
    assert batch.valid_BT.sum(1).tolist() == [2, 9, 3]
    assert batch.target_N.tolist() == [WORDS.row(word) for words in texts for word in words]


def test_what_is_no_word_is_never_foretold() -> None:
    net = network("LSTM")
    p = net.log_probabilities(features(net, ["w1", "w2"])).exp()
    assert p[:, [PAD, BEGIN, END]].max() == 0
    torch.testing.assert_close(p.sum(1), torch.ones(2, dtype=torch.float64))
