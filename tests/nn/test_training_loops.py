"""What people build around a recurrent layer, once with torch.nn and once with ours: the same training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint

from cellwright import nn as cwnn

I, H, T, B, C = 5, 6, 7, 3, 4
LENGTHS = torch.tensor([4, 7, 2])
KINDS = {"LSTM": (nn.LSTM, cwnn.LSTM), "GRU": (nn.GRU, cwnn.GRU), "RNN": (nn.RNN, cwnn.RNN)}
every_kind = pytest.mark.parametrize("kind", KINDS)


def data(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def ours_of(model: nn.Module) -> nn.Module:
    """A copy of a torch model with our layers in place of its recurrent ones, by state_dict alone."""
    model = copy.deepcopy(model)
    for name, theirs in list(model.named_children()):
        if isinstance(theirs, nn.RNNBase):
            made: Any = KINDS[type(theirs).__name__][1]
            options = (theirs.num_layers, *([theirs.nonlinearity] if type(theirs) is nn.RNN else []))
            ours = made(
                theirs.input_size, theirs.hidden_size, *options, batch_first=theirs.batch_first,
                bidirectional=theirs.bidirectional, dtype=torch.float64,
            )  # fmt: skip
            ours.load_state_dict(theirs.state_dict(), strict=True)
            setattr(model, name, ours)
    return model


def trained_alike(model: nn.Module, loss: Callable[[Any], Tensor], steps: int = 4) -> None:
    """Both models, trained by `loss`, have the same losses and end with the same weights, which have moved."""
    ours, before = ours_of(model), copy.deepcopy(model.state_dict())
    losses: list[list[float]] = []
    for one in (model, ours):
        optimizer = torch.optim.Adam(one.parameters(), 0.05)
        losses.append([])
        for _ in range(steps):
            optimizer.zero_grad()
            value = loss(one)
            value.backward()
            nn.utils.clip_grad_norm_(one.parameters(), 1.0)
            optimizer.step()
            losses[-1].append(value.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-8)
    for name, weight in ours.state_dict().items():
        torch.testing.assert_close(weight, model.state_dict()[name], rtol=1e-6, atol=1e-8)
    assert not torch.allclose(before["rnn.weight_hh_l0"], model.state_dict()["rnn.weight_hh_l0"])


class Tagger(nn.Module):
    """A class for each word: packed in, padded out."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.rnn = KINDS[kind][0](I, H, 2, batch_first=True, bidirectional=True, dtype=torch.float64)
        self.out = nn.Linear(2 * H, C, dtype=torch.float64)

    def forward(self, x_BTI: Tensor) -> Tensor:
        packed = pack_padded_sequence(x_BTI, LENGTHS, batch_first=True, enforce_sorted=False)
        y_BTO, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        scores: Tensor = self.out(y_BTO)
        return scores


@every_kind
def test_tagging_with_packed_sequences(kind: str) -> None:
    x, tags = data(B, T, I), torch.arange(B * T).view(B, T) % C
    tags[torch.arange(T) >= LENGTHS[:, None]] = -100
    trained_alike(Tagger(kind), lambda model: nn.functional.cross_entropy(model(x).flatten(0, 1), tags.flatten()))


class Translator(nn.Module):
    """The decoder begins with the encoder's state and reads its own answer, a token at a time."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.rnn = KINDS[kind][0](I, H, 2, dtype=torch.float64)
        self.decoder = KINDS[kind][0](C, H, 2, dtype=torch.float64)
        self.out = nn.Linear(H, C, dtype=torch.float64)

    def forward(self, x_TBI: Tensor, steps: int) -> Tensor:
        _, state = self.rnn(x_TBI)
        token, answers = torch.zeros(1, B, C, dtype=torch.float64), []
        for _ in range(steps):
            y, state = self.decoder(token, state)
            answers.append(self.out(y))
            token = answers[-1].softmax(-1)
        return torch.cat(answers)


@every_kind
def test_a_decoder_that_reads_its_own_answers(kind: str) -> None:
    x, wanted = data(T, B, I), torch.arange(4 * B) % C
    trained_alike(Translator(kind), lambda model: nn.functional.cross_entropy(model(x, 4).flatten(0, 1), wanted))


class Layered(nn.Module):
    """A recurrent layer that begins with a learnt state."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.rnn = KINDS[kind][0](I, H, dtype=torch.float64)
        self.start = nn.ParameterList(data(1, 1, H) for _ in range(2 if kind == "LSTM" else 1))

    def state(self) -> Any:
        states = tuple(start.expand(1, B, H) for start in self.start)
        return states if len(states) == 2 else states[0]


@every_kind
@pytest.mark.parametrize("reentrant", [None, False, True])
def test_a_learnt_initial_state_and_torchs_checkpoints(kind: str, reentrant: bool | None) -> None:
    x = data(T, B, I).requires_grad_()

    def loss(model: Layered) -> Tensor:
        if reentrant is None:
            y = model.rnn(x, model.state())[0]
        else:
            y = checkpoint(model.rnn, x, model.state(), use_reentrant=reentrant)[0]
        return (y.square().sum(-1) * data(T, B)).sum() + sum(start.square().sum() for start in model.start)

    trained_alike(Layered(kind), loss)


@every_kind
def test_a_stream_cut_into_pieces_with_its_state_carried_on(kind: str) -> None:
    """Truncated backpropagation: the state goes on, its gradient does not."""
    stream = data(3 * T, B, I)

    def loss(model: Layered) -> Tensor:
        state, total = model.state(), torch.zeros((), dtype=torch.float64)
        for piece in stream.split(T):
            y, state = model.rnn(piece, state)
            part = y.square().mean()
            part.backward()
            total += part.detach()
            state = tuple(s.detach() for s in state) if kind == "LSTM" else state.detach()
        return total + sum(start.sum() for start in model.start)

    trained_alike(Layered(kind), loss)


@every_kind
def test_episodes_that_end_inside_a_rollout(kind: str) -> None:
    """Acting a step at a time with resets, then learning from the whole rollout with `resets=`."""
    x, done = data(T, B, I), torch.zeros(T, B, dtype=torch.bool)
    done[[2, 5, 6], [0, 1, 1]] = True
    theirs = KINDS[kind][0](I, H, dtype=torch.float64)
    ours: Any = ours_of(nn.ModuleDict({"rnn": theirs}))["rnn"]
    state, expected = None, []
    for x_t, done_t in zip(x, done, strict=True):
        if state is not None:
            keep = (~done_t)[None, :, None]
            state = tuple(s * keep for s in state) if kind == "LSTM" else state * keep
        y, state = theirs(x_t[None], state)
        expected.append(y[0])
    stepper, acted = ours.stepper(B), []
    for x_t, done_t in zip(x, done, strict=True):
        stepper.reset(done_t)
        acted.append(stepper(x_t).clone())
    learnt, _ = ours(x, resets=done)
    torch.testing.assert_close(torch.stack(acted), torch.stack(expected))
    torch.testing.assert_close(learnt, torch.stack(expected))
    torch.stack(expected).square().sum().backward()
    learnt.square().sum().backward()
    torch.testing.assert_close(ours.weight_hh_l0.grad, theirs.weight_hh_l0.grad)


def test_weights_shared_frozen_and_averaged() -> None:
    """Two layers with one set of weights, a frozen matrix, and an exponential average of the model."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.again = (nn.LSTM(H, H, dtype=torch.float64) for _ in range(2))

    def shared(model: Any) -> Any:
        for name, weight in list(model.rnn.named_parameters()):
            setattr(model.again, name, weight)
        model.rnn.weight_ih_l0.requires_grad_(False)
        return model

    torch.manual_seed(0)
    x, results = data(T, B, H), []
    plain = Twice()
    for model in (shared(copy.deepcopy(plain)), shared(ours_of(plain))):
        assert len(list(model.parameters())) == 4
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5))
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model.again(model.rnn(x)[0])[0].square().sum().backward()
            optimizer.step()
            average.update_parameters(model)
        assert model.rnn.weight_ih_l0.grad is None
        results.append((model.rnn(x)[0], average.module.rnn(x)[0]))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)
