"""The network: what each answer depends on, with any cell, in any company."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import cellwright as cw
from cellwright.errors import ConfigError
from cellwright.ops import sigmoid, tanh
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.slots.batches import make_batch
from cellwright.tasks.slots.config import SlotsModel
from cellwright.tasks.slots.model import SlotNetwork
from cellwright.tasks.slots.predict import SlotModel
from cellwright.tasks.slots.vocabulary import Vocabulary
from cellwright.tasks.text.words import UNKNOWN
from cellwright.tasks.travel.generate import generate

SMALL = {"hidden_size": 8, "num_layers": 1, "word_dim": 6, "char_dim": 4, "char_filters": 3, "affix_dim": 4}
CORPUS = generate("en", seed=1, train=80, valid=10, test=10)
VOCABULARY = Vocabulary.learn(CORPUS.train)


def network(cell: str = "LSTM", **settings: object) -> SlotNetwork:
    torch.manual_seed(0)
    config = SlotsModel.model_validate({**SMALL, **settings})
    return SlotNetwork(config, VOCABULARY, choose_cell(cell)).double().eval()


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Elman", "PeepholeLSTM", "MGU", "PerToken"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_company_and_padding_change_no_answer(cell: str, bidirectional: bool) -> None:
    """Mission row D8: the intent is read at the last valid step; padding changes nothing."""
    net = network(cell, bidirectional=bidirectional)
    together = net(make_batch(CORPUS.train[:12], VOCABULARY))
    for k, u in enumerate(CORPUS.train[:12]):
        slots, intents = net(make_batch([u], VOCABULARY))
        assert torch.allclose(slots[0], together[0][k, : len(u.words)], rtol=0, atol=1e-12)
        assert torch.allclose(intents[0], together[1][k], rtol=0, atol=1e-12)


@pytest.mark.parametrize("head", ["crf", "softmax"])
def test_answers_are_valid_bio_and_confidences_are_probabilities(head: str) -> None:
    net = network(head=head)
    with torch.no_grad():
        net.slots.weight.mul_(20)  # far from even, so that a forbidden pair would come out
    said = net.answer(make_batch(CORPUS.train, VOCABULARY))
    for path, sure in zip(said.tags, said.tag_confidence, strict=True):
        tags = [VOCABULARY.tags[row] for row in path]
        for before, after in zip(["O", *tags], tags, strict=False):
            assert after[0] != "I" or before[2:] == after[2:]
        assert all(0 <= p <= 1 for p in sure)
    assert all(0 <= p <= 1 for p in said.intent_confidence)


def test_a_forward_network_does_not_see_what_follows_and_a_per_token_one_nothing() -> None:
    words = CORPUS.train[0].words
    longer = [words[:3], words[:3] + ("zzz", "?")]
    batches = [make_batch([_utterance(w)], VOCABULARY) for w in longer]
    forward = network(bidirectional=False, intent_to_slots=False)
    assert torch.allclose(forward(batches[0])[0], forward(batches[1])[0][:, :3], rtol=0, atol=1e-12)
    both = network(bidirectional=True, intent_to_slots=False)
    assert not torch.allclose(both(batches[0])[0], both(batches[1])[0][:, :3], rtol=0, atol=1e-6)
    per_token = network("PerToken", intent_to_slots=False)
    swapped = make_batch([_utterance((words[1], words[0], words[2]))], VOCABULARY)
    assert torch.allclose(per_token(swapped)[0][0, 1], per_token(batches[0])[0][0, 0], rtol=0, atol=1e-12)


def _utterance(words: tuple[str, ...]) -> Utterance:
    return Utterance(words, ("O",) * len(words), "")


def test_rare_words_become_unknown_more_often() -> None:
    rng = np.random.default_rng(0)
    u = CORPUS.train[0]
    dropped = np.zeros(len(u.words))
    for _ in range(400):
        batch = make_batch([u], VOCABULARY, word_dropout=1.0, rng=rng)
        dropped += batch.words_BT[0].numpy() == UNKNOWN
    counts = VOCABULARY.counts[make_batch([u], VOCABULARY).words_BT[0].numpy()]
    assert np.abs(dropped / 400 - 1 / (1 + counts)).max() < 0.12


def test_a_rare_character_becomes_unknown_and_with_it_the_word_that_is_nothing_else() -> None:
    rng = np.random.default_rng(0)
    corpus = generate("zh", seed=1, train=80, valid=10, test=10)
    vocabulary = Vocabulary.learn(corpus.train)
    u = next(u for u in corpus.train if all(len(word) == 1 for word in u.words))
    rare = min(range(len(u.words)), key=lambda t: vocabulary.counts[vocabulary.code(u.words[t]).row])
    known, unknown = make_batch([u], vocabulary), 0
    for _ in range(400):
        batch = make_batch([u], vocabulary, word_dropout=1.0, rng=rng)
        spelling = batch.characters_UM[batch.distinct_BT[0]]
        changed = (spelling != known.characters_UM[known.distinct_BT[0]]).any(1)
        assert (batch.words_BT[0][changed] == UNKNOWN).all()
        unknown += int(changed[rare])
    n = vocabulary.character_counts[vocabulary.character_rows[u.words[rare]]]
    assert abs(unknown / 400 - 1 / (1 + n)) < 0.12


def test_a_cell_of_ones_own_trains_and_its_model_needs_no_source(tmp_path: Path, quick: dict[str, object]) -> None:
    class Blend(cw.Cell):
        gates = "u n"
        states = "h"

        def step(self, x, h, W, R, b):
            u = sigmoid(W.u @ x + R.u @ h + b.u)
            n = tanh(W.n @ x + R.n @ (u * h) + b.n)
            return (u * h + (1 - u) * n,)

    settings = {**quick, "train__epochs": 1, "data__size": 60}
    model = cw.train("slots", data="travel-en", out=tmp_path / "run", cell=Blend(), **settings)  # type: ignore[arg-type]
    assert model.cell is not None
    assert type(model.cell) is not Blend
    assert model.cell.name == "Blend"
    again = cw.load(tmp_path / "run")
    assert again.predict("leave Taipei") == model.predict("leave Taipei")
    with pytest.raises(ConfigError, match="found 'Blend'"):
        cw.train(out=tmp_path / "run", resume=True)
    with pytest.raises(ConfigError, match="the cell changed since"):
        cw.train(out=tmp_path / "run", resume=True, cell=cw.cells.MGU())
    resumed = cw.train(out=tmp_path / "run", resume=True, cell=Blend())
    assert resumed.predict("leave Taipei") == model.predict("leave Taipei")


def test_a_cell_in_a_file_is_found_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from cellwright import Cell\nfrom cellwright.ops import tanh\n"
        'class Tiny(Cell):\n    gates = "h"\n    states = "h"\n'
        "    def step(self, x, h, W, R, b):\n        return tanh(W.h @ x + R.h @ h + b.h)\n"
        "tiny = Tiny()\n"
    )
    for name in ("Tiny", "tiny"):
        cell = choose_cell(f"{tmp_path / 'mine.py'}:{name}")
        assert cell is not None
        assert cell.equations() == "h′ = tanh(W_h x + R_h h + b_h)"
    with pytest.raises(ConfigError, match="found Tiny, tiny"):
        choose_cell(f"{tmp_path / 'mine.py'}:Tny")
    with pytest.raises(ConfigError, match="found none"):
        choose_cell(f"{tmp_path / 'other.py'}:Tiny")
    (tmp_path / "broken.py").write_text("1/0\n")
    with pytest.raises(ConfigError, match="ZeroDivisionError"):
        choose_cell(f"{tmp_path / 'broken.py'}:Tiny")


def test_an_unknown_cell_names_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean LSTM"):
        choose_cell("LSTN")
    with pytest.raises(ConfigError, match="arguments of its own"):
        choose_cell("LSTMP")


def test_static_vectors_are_used_kept_and_never_trained(tmp_path: Path, quick: dict[str, object]) -> None:
    (tmp_path / "v.txt").write_text("leave 1 0 0\narrive 0 1 0\nnowhere 0 0 1\n")
    settings = {**quick, "train__epochs": 1, "data__size": 60, "model__vectors": str(tmp_path / "v.txt")}
    model = cw.train("slots", data="travel-en", out=tmp_path / "run", **settings)  # type: ignore[arg-type]
    table = model.network.features.vectors
    assert table is not None
    assert table.weight[model.vocabulary.code("Leave").row].tolist() == [1, 0, 0]
    assert isinstance(model, SlotModel)


def test_nothing_to_see_is_refused() -> None:
    with pytest.raises(ConfigError, match="all of size 0"):
        network(word_dim=0, char_dim=0, affix_dim=0)
