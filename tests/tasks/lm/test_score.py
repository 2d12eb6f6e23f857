"""Static and dynamic evaluation against sums written down here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellwright.cells import LSTM
from cellwright.tasks.lm.config import LmModelSection
from cellwright.tasks.lm.model import Features, LanguageNetwork
from cellwright.tasks.lm.score import dynamic, static

TEXT = np.array([5, 9, 7, 8, 6] * 60)


@pytest.fixture
def network() -> LanguageNetwork:
    torch.manual_seed(0)
    return LanguageNetwork(LmModelSection(hidden_size=16, embedding_size=8, dropout=0.5), 12, LSTM())


def losses_of(network: LanguageNetwork, rows: np.ndarray) -> np.ndarray:
    network.eval()
    with torch.no_grad():
        return scored(network, network(torch.from_numpy(rows[None, :-1])), rows[1:])


def scored(network: LanguageNetwork, found: Features, rows: np.ndarray) -> np.ndarray:
    """−ln P of each of `rows`."""
    log_p_NV = network.log_probabilities(found.dropped_BTF[0])
    return -log_p_NV[torch.arange(len(rows)), torch.from_numpy(rows)].double().numpy()


def test_a_text_in_one_stream_is_foretold_as_one_long_sequence(network):
    found = static(network, TEXT)
    np.testing.assert_allclose(found.losses, losses_of(network, TEXT), atol=1e-5)
    assert found.perplexity == pytest.approx(np.exp(losses_of(network, TEXT).mean()), rel=1e-5)
    assert len(found.losses) == len(TEXT) - 1


def test_several_streams_lose_only_their_left_context(network):
    found = static(network, TEXT[:41], 4)
    expected = np.concatenate([losses_of(network, TEXT[k * 10 : k * 10 + 11]) for k in range(4)])
    np.testing.assert_allclose(found.losses, expected, atol=1e-5)


def test_dynamic_evaluation_foretells_before_it_learns_and_gives_the_weights_back(network):
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    still = static(network, TEXT).losses
    moved = dynamic(network, TEXT, rate=0.5, decay=0.0, steps=10)
    np.testing.assert_allclose(moved.losses[:10], still[:10], atol=1e-5)  # nothing learnt yet
    assert moved.losses[-50:].mean() < 0.75 * still[-50:].mean()  # the text repeats itself
    assert all(torch.equal(p, before[name]) for name, p in network.named_parameters())


def test_no_step_size_is_static_and_decay_one_forgets_at_once(network):
    still = static(network, TEXT).losses
    np.testing.assert_allclose(dynamic(network, TEXT, rate=0.0, decay=0.0, steps=10).losses, still, atol=1e-5)
    pulled = dynamic(network, TEXT, rate=0.5, decay=0.999999, steps=10).losses
    np.testing.assert_allclose(pulled, still, atol=1e-3)


def test_a_step_is_the_gradient_of_the_last_window(network):
    network.double()
    weights = [p.detach().clone() for p in network.parameters()]
    found = network.eval()(torch.from_numpy(TEXT[None, :6]))
    loss = network.mean_loss(found, torch.from_numpy(TEXT[None, 1:7]))
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    carried = [tuple(s.detach() for s in states) for states in found.carried]
    with torch.no_grad():
        for p, w, g in zip(network.parameters(), weights, gradients, strict=True):
            p.copy_(w - 0.3 * g + 0.25 * (w - (w - 0.3 * g)))
        after = network(torch.from_numpy(TEXT[None, 6:12]), carried)
        expected = scored(network, after, TEXT[7:13])
        for p, w in zip(network.parameters(), weights, strict=True):
            p.copy_(w)
    moved = dynamic(network, TEXT[:13], rate=0.3, decay=0.25, steps=6)
    np.testing.assert_allclose(moved.losses[6:], expected, atol=1e-6)
