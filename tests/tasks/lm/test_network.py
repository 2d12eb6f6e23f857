"""The network's parts: softmax and adaptive softmax, tied weights, penalties, projections, cells as data."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest
import torch

from cellwright.cells import LSTM, LSTMP, Cell
from cellwright.errors import ConfigError
from cellwright.ops import concat, sigmoid, tanh
from cellwright.tasks.lm.config import LmConfig, LmModelSection
from cellwright.tasks.lm.heads import NEVER
from cellwright.tasks.lm.model import LanguageNetwork
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.training.config import load_config

ROWS = 40
X = torch.randint(4, ROWS, (3, 6), generator=torch.Generator().manual_seed(0))
Y = torch.randint(4, ROWS, (3, 6), generator=torch.Generator().manual_seed(1))


def network(cell: Cell | None = None, **settings: object) -> LanguageNetwork:
    torch.manual_seed(0)
    sizes = {"hidden_size": 12, "embedding_size": 8, **settings}
    return LanguageNetwork(LmModelSection(**sizes), ROWS, cell or LSTM()).double()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tied": False},
        {"hidden_size": 8},
        {"num_layers": 3, "last_size": 8},
        {"softmax": "adaptive", "tied": False, "cutoffs": [10, 25], "hidden_size": 16},
    ],
)
def test_probabilities_sum_to_one_and_losses_are_theirs(settings):
    made = network(**settings).eval()
    found = made(X)
    log_p_NV = made.log_probabilities(found.dropped_BTF.flatten(0, 1))
    torch.testing.assert_close(log_p_NV.double().exp().sum(1), torch.ones(18, dtype=torch.float64), rtol=0, atol=1e-6)
    expected = -log_p_NV.gather(1, Y.flatten()[:, None]).mean()
    torch.testing.assert_close(made.mean_loss(found, Y), expected, rtol=1e-5, atol=1e-6)
    if settings.get("softmax") != "adaptive":
        assert (log_p_NV.exp()[:, list(NEVER)] == 0).all()


def test_tied_weights_are_the_embeddings_and_stored_once():
    made = network(hidden_size=8)
    assert made.head.weight is None
    assert made.project is None
    found = made.eval()(X).raw_BTF
    scores = made.head.scores(found.flatten(0, 1), made.embedding.weight)
    free = [row for row in range(ROWS) if row not in NEVER]
    expected = found.flatten(0, 1) @ made.embedding.weight[free].T
    torch.testing.assert_close(scores[:, free], expected, rtol=1e-12, atol=1e-12)
    assert {tuple(p.shape) for p in made.parameters()} >= {(ROWS, 8)}
    assert sum(p.shape[0] == ROWS and p.ndim == 2 for p in made.state_dict().values()) == 1


def test_a_projected_cell_or_another_size_gets_a_product_before_the_softmax():
    assert network(hidden_size=12).project is not None
    assert network(cell=LSTMP(8), hidden_size=12).project is None


def test_penalties_are_those_of_the_paper():
    made = network(activation=2.0, activation_change=1.0, dropout=0.5).train()
    torch.manual_seed(3)
    found = made(X)
    change = found.raw_BTF[:, 1:] - found.raw_BTF[:, :-1]
    expected = 2.0 * found.dropped_BTF.pow(2).mean() + change.pow(2).mean()
    torch.testing.assert_close(made.penalties(found).double(), expected, rtol=1e-6, atol=1e-9)
    assert not torch.equal(found.dropped_BTF, found.raw_BTF)


def test_one_dropout_mask_holds_for_all_steps():
    made = network(dropout=0.5).train()
    found = made(X)
    zero_BTF = found.dropped_BTF == 0
    assert (zero_BTF == zero_BTF[:, :1]).all()
    assert not (zero_BTF[0] == zero_BTF[1]).all()


def test_a_model_that_sees_the_last_token_only_knows_no_order():
    torch.manual_seed(0)
    made = LanguageNetwork(LmModelSection(hidden_size=12, embedding_size=8), ROWS, None).eval()
    same = torch.cat([X[:, 3:], X[:, :3]], 1)
    torch.testing.assert_close(made(same).raw_BTF[:, :3], made(X).raw_BTF[:, 3:], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.bidirectional=true", "expected false, since .* the very word it must guess .a leak."),
        ("model.softmax=adaptive", "set tied = false"),
        ("model.cutoffs=[9, 3]", "cutoffs must rise"),
        ("model.steps=0", "expected integer ≥ 1"),
        ("model.hiden_size=3", "Did you mean model.hidden_size"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_reason(setting, message):
    with pytest.raises(ConfigError, match=message):
        load_config(None, [setting], schema=LmConfig)


def test_cutoffs_beyond_the_vocabulary_are_refused():
    with pytest.raises(ConfigError, match=r"below the 40 rows of the vocabulary, found 50"):
        network(softmax="adaptive", tied=False, cutoffs=[10, 50])
    with pytest.raises(ConfigError, match=r"at least 16 features for 2 cutoffs, found 12"):
        network(softmax="adaptive", tied=False, cutoffs=[10, 20])


class Sized(Cell):
    """An LSTM-like cell whose step splits one product at a number of its own."""

    gates = "g"
    states = "h"
    params: ClassVar[dict[str, str]] = {"V": "H H"}

    def step(self, x, h, W, R, b, V):
        v = V @ h
        cut = concat(v[4:], v[:4])
        return sigmoid(W.g @ x + b.g) * tanh(cut + R.g @ h)


def test_a_step_bound_to_a_size_is_refused_where_layers_differ():
    assert stored_cell(Sized(), [(8, 8), (8, 8)]) is not None
    with pytest.raises(ConfigError, match="holds at every size"):
        stored_cell(Sized(), [(8, 8), (8, 12)])
    assert stored_cell(LSTM(), [(8, 8), (8, 12)]) is not None
    assert stored_cell(None, [(8, 8)]) is None


def test_a_uniform_network_has_the_perplexity_of_its_rows():
    made = network(embedding_scale=1e-9).eval()
    loss = float(made.mean_loss(made(X), Y).detach())
    assert loss == pytest.approx(math.log(ROWS - len(NEVER)), abs=1e-6)
