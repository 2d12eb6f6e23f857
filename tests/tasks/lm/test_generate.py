"""Drawing tokens: the rules of the sampler, and steps that say what the network says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from cellwright.cells import CELLS, GRU, LSTM
from cellwright.errors import ConfigError
from cellwright.tasks.lm.config import LmModelSection
from cellwright.tasks.lm.model import LanguageNetwork
from cellwright.tasks.lm.sampling import Sampler
from cellwright.tasks.lm.stepping import TokenSteps

SCORES = np.log(np.array([0.4, 0.3, 0.2, 0.06, 0.04], np.float32))


def drawn(count: int = 4000, **settings) -> Counter[int]:
    sampler = Sampler(**settings)
    return Counter(sampler.choose(SCORES) for _ in range(count))


def shares(counts: Counter[int]) -> np.ndarray:
    return np.array([counts[k] for k in range(5)]) / counts.total()


def test_rows_are_drawn_as_often_as_their_probability_says():
    np.testing.assert_allclose(shares(drawn(20_000)), np.exp(SCORES), atol=0.015)


def test_temperature_sharpens_and_zero_takes_the_likeliest():
    np.testing.assert_allclose(
        shares(drawn(20_000, temperature=0.5)), np.exp(2 * SCORES) / np.exp(2 * SCORES).sum(), atol=0.015
    )
    assert drawn(50, temperature=0.0) == {0: 50}


def test_top_k_and_top_p_cut_what_is_unlikely():
    assert set(drawn(top_k=2)) == {0, 1}
    assert set(drawn(top_p=0.39)) == {0}
    assert set(drawn(top_p=0.75)) == {0, 1, 2}  # 0.4 + 0.3 is less than 0.75
    assert set(drawn(top_k=4, top_p=0.75)) == {0, 1, 2}
    np.testing.assert_allclose(shares(drawn(20_000, top_k=2))[:2], [4 / 7, 3 / 7], atol=0.015)


def test_the_same_seed_draws_the_same():
    first, second, other = (
        [sampler.choose(SCORES) for _ in range(2000)] for sampler in (Sampler(seed=1), Sampler(seed=1), Sampler(seed=2))
    )
    assert first == second != other


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1.0}, "temperature to be 0 or more, found -1.0"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": -1}, "top-k to be 0 or more"),
        ({"top_p": 0.0}, "top-p to be above 0"),
        ({"top_p": 1.5}, "top-p"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_outside_their_range_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Sampler(**settings)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "Elman", "PeepholeLSTM", "LayerNormLSTM", "MGU", None])
@pytest.mark.parametrize("layers", [1, 2])
def test_steps_give_the_scores_of_the_whole_text(name, layers):
    torch.manual_seed(0)
    section = LmModelSection(hidden_size=12, embedding_size=8, num_layers=layers)
    network = LanguageNetwork(section, 30, None if name is None else CELLS[name]()).eval()
    rows = torch.randint(4, 30, (20,))
    steps = TokenSteps(network)
    assert not steps.note
    found = np.stack([steps(int(row)) for row in rows])
    with torch.no_grad():
        expected = network.log_probabilities(network(rows[None]).raw_BTF[0]).exp().numpy()
    p = np.exp(found - found.max(1, keepdims=True))
    np.testing.assert_allclose(p / p.sum(1, keepdims=True), expected, atol=1e-6)


def test_steps_of_an_adaptive_softmax_and_untied_weights_agree_too():
    for settings in ({"tied": False}, {"tied": False, "softmax": "adaptive", "cutoffs": [10, 20], "hidden_size": 16}):
        torch.manual_seed(0)
        network = LanguageNetwork(LmModelSection(**{"hidden_size": 8, **settings}), 30, GRU()).eval()
        steps = TokenSteps(network)
        with torch.no_grad():
            expected = network.log_probabilities(network(torch.tensor([[5, 6]])).raw_BTF[0])[1]
        steps(5)
        found = torch.from_numpy(steps(6)).log_softmax(0)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_cell_without_a_stepper_runs_through_the_network_and_says_so():
    class Strange(LSTM):
        """Its product reads a function of x."""

        gates = "g"
        states = "h"

        def step(self, x, h, W, R, b):
            from cellwright.ops import tanh

            return tanh(W.g @ tanh(x) + R.g @ h + b.g)

    torch.manual_seed(0)
    network = LanguageNetwork(LmModelSection(hidden_size=8), 30, Strange()).eval()
    steps = TokenSteps(network)
    assert "reads a function of x" in steps.note
    steps(5)
    found = torch.from_numpy(steps(6)).log_softmax(0)
    with torch.no_grad():
        expected = network.log_probabilities(network(torch.tensor([[5, 6]])).raw_BTF[0])[1]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_generated_text_repeats_with_its_seed_and_joins_its_pieces(model):
    texts = ["".join(model.generate("the sea", 40, seed=seed)) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert texts[0][0] in " \n"  # goes on after the start
    assert "</s>" not in texts[0]
    assert "<unk>" not in texts[0]
    assert list(model.generate("the sea", 0)) == []
