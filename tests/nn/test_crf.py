"""The CRF against pytorch-crf and against the sum over all paths."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torchcrf import CRF

from cellwright.errors import ShapeError
from cellwright.nn import LinearChainCRF

B, T, K = 4, 6, 3
LENGTHS = torch.tensor([6, 1, 4, 3])


@pytest.fixture
def pair() -> tuple[LinearChainCRF, CRF, Tensor, Tensor]:
    torch.manual_seed(1)
    ours, theirs = LinearChainCRF(K).double(), CRF(K, batch_first=True).double()
    with torch.no_grad():
        ours.transitions.copy_(theirs.transitions.normal_())
        ours.start.copy_(theirs.start_transitions.normal_())
        ours.end.copy_(theirs.end_transitions.normal_())
    return ours, theirs, torch.randn(B, T, K, dtype=torch.float64), torch.randint(K, (B, T))


def mask() -> Tensor:
    return torch.arange(T) < LENGTHS[:, None]


def test_likelihood_and_gradients_equal_pytorch_crf(pair: tuple[LinearChainCRF, CRF, Tensor, Tensor]) -> None:
    ours, theirs, emissions, tags = pair
    a, b = emissions.clone().requires_grad_(), emissions.clone().requires_grad_()
    mine = ours.log_likelihood(a, tags, LENGTHS)
    other = theirs(b, tags, mask(), reduction="none")
    assert torch.allclose(mine, other, rtol=0, atol=1e-12)
    mine.sum().backward()
    other.sum().backward()
    for x, y in [
        (a, b),
        (ours.transitions, theirs.transitions),
        (ours.start, theirs.start_transitions),
        (ours.end, theirs.end_transitions),
    ]:
        assert x.grad is not None
        assert torch.allclose(x.grad, y.grad, rtol=0, atol=1e-12)


def test_viterbi_equals_pytorch_crf(pair: tuple[LinearChainCRF, CRF, Tensor, Tensor]) -> None:
    ours, theirs, emissions, _ = pair
    assert ours.viterbi(emissions, LENGTHS) == theirs.decode(emissions, mask())


def test_probabilities_of_all_paths_sum_to_one_and_give_the_marginals() -> None:
    torch.manual_seed(2)
    crf = LinearChainCRF(K).double()
    torch.nn.init.normal_(crf.transitions)
    emissions = torch.randn(1, 4, K, dtype=torch.float64)
    length = torch.tensor([4])
    total, expected = 0.0, torch.zeros(4, K, dtype=torch.float64)
    for path in itertools.product(range(K), repeat=4):
        p = float(crf.log_likelihood(emissions, torch.tensor([path]), length).exp().detach())
        total += p
        for t, tag in enumerate(path):
            expected[t, tag] += p
    assert abs(total - 1) < 1e-12
    assert torch.allclose(crf.marginals(emissions, length)[0], expected, rtol=0, atol=1e-12)


def test_a_forbidden_pair_never_comes_out() -> None:
    allowed = torch.ones(K, K, dtype=torch.bool)
    allowed[0, 1] = False
    crf = LinearChainCRF(K, allowed, torch.tensor([True, False, True]))
    paths = crf.viterbi(torch.randn(200, T, K, generator=torch.Generator().manual_seed(0)), torch.full((200,), T))
    assert all(path[0] != 1 for path in paths)
    assert not any(pair == (0, 1) for path in paths for pair in itertools.pairwise(path))
    free = LinearChainCRF(K).viterbi(
        torch.randn(200, T, K, generator=torch.Generator().manual_seed(0)), LENGTHS[:1].expand(200)
    )
    assert any(pair == (0, 1) for path in free for pair in itertools.pairwise(path))


def test_scores_beyond_the_range_of_exp_are_exact() -> None:
    """Where products of exponentials underflow, the plain form takes over."""
    crf = LinearChainCRF(2)
    with torch.no_grad():
        crf.transitions.copy_(torch.tensor([[0.0, -300.0], [-300.0, 0.0]]))
    emissions = torch.tensor([[[0.0, -200.0], [-1000.0, 0.0], [-1000.0, 0.0]]])
    exact = LinearChainCRF(2).double()
    exact.load_state_dict(crf.state_dict())
    length = torch.tensor([3])
    assert crf.log_partition(emissions, length).item() == pytest.approx(-200.0, abs=1e-3)
    assert exact.log_partition(emissions.double(), length).item() == pytest.approx(-200.0, abs=1e-9)


def test_what_stands_after_the_end_changes_nothing(pair: tuple[LinearChainCRF, CRF, Tensor, Tensor]) -> None:
    ours, _, emissions, tags = pair
    before = ours.log_likelihood(emissions, tags, LENGTHS)
    changed = emissions.masked_fill(~mask()[..., None], 1e6)
    assert torch.equal(before, ours.log_likelihood(changed, tags.masked_fill(~mask(), 99), LENGTHS))
    assert torch.equal(
        ours.marginals(changed, LENGTHS)[~mask()], torch.zeros(int((~mask()).sum()), K, dtype=torch.float64)
    )


def test_wrong_shapes_are_named() -> None:
    crf = LinearChainCRF(K)
    with pytest.raises(ShapeError, match=r"\(B, T, 3\), found \(2, 5, 4\)"):
        crf.viterbi(torch.zeros(2, 5, 4), torch.tensor([5, 5]))
    with pytest.raises(ShapeError, match="from 1 to 5"):
        crf.viterbi(torch.zeros(2, 5, 3), torch.tensor([0, 5]))
