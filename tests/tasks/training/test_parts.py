"""Data order, step size, averaged weights, checkpoint checks and progress, each by itself."""

from __future__ import annotations

import dataclasses
import io
import itertools
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.errors import StorageError
from cellwright.tasks.storage.atomic import read_folder, write_folder
from cellwright.tasks.storage.tensors import read_tensors, tensors_to_bytes
from cellwright.tasks.training.checkpoint import expected_tensors, latest_checkpoint, restore, save_checkpoint
from cellwright.tasks.training.config import TrainSection
from cellwright.tasks.training.order import batch_rng, epoch_order
from cellwright.tasks.training.progress import LiveProgress, PlainProgress, progress_for
from cellwright.tasks.training.schedule import WeightAverage, learning_rate, make_optimizer


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, 50), max_size=80),
    st.integers(1, 20),
    st.integers(0, 2**63 - 1),
    st.integers(0, 100),
    st.integers(1, 60),
)
def test_order_is_a_pure_function_that_holds_every_example_once(lengths, batch_size, seed, epoch, chunk):
    state = np.random.get_state()[1].copy()
    batches = epoch_order(lengths, batch_size, seed=seed, epoch=epoch, chunk=chunk)
    assert sorted(itertools.chain(*batches)) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert len(batches) == -(-len(lengths) // batch_size)  # the same in every epoch
    assert batches == epoch_order(list(lengths), batch_size, seed=seed, epoch=epoch, chunk=chunk)
    assert (np.random.get_state()[1] == state).all()


def test_order_differs_between_epochs_and_seeds():
    orders = [epoch_order([5] * 100, 10, seed=seed, epoch=epoch) for seed in (1, 2) for epoch in (0, 1)]
    assert all(a != b for a, b in itertools.combinations(orders, 2))


def test_lengths_within_a_batch_are_alike():
    lengths = list(np.random.default_rng(0).integers(1, 100, size=1000))
    batches = epoch_order(lengths, 10, seed=1, epoch=0)
    spread = np.mean([max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches])
    assert spread < 10  # plain shuffling: about 80


def test_each_batch_has_random_numbers_of_its_own():
    places = [(seed, epoch, position) for seed in (1, 2) for epoch in (0, 1) for position in (0, 1)]
    first = [batch_rng(*place).random() for place in places]
    assert len(set(first)) == len(places)
    assert first == [batch_rng(*place).random() for place in places]


def section(**values) -> TrainSection:
    return TrainSection(**values)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
@pytest.mark.parametrize(
    ("warmup", "steps"), [(0.0, 1), (0.0, 2), (0.5, 2), (0.1, 7), (0.85, 7), (0.02, 100), (0.99, 100)]
)
def test_the_step_size_ends_at_zero_after_the_last_step(schedule, warmup, steps):
    train = section(schedule=schedule, warmup=warmup, learning_rate=0.5)
    rates = [learning_rate(train, step, steps) for step in range(steps)]
    assert all(0 < rate <= 0.5 for rate in rates)
    assert learning_rate(train, steps, steps) == pytest.approx(0, abs=1e-12)


def test_the_step_size_rises_to_its_peak_then_falls():
    train = section(warmup=0.1, learning_rate=0.5)
    rates = [learning_rate(train, step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.5 / 11)
    assert rates[10] == 0.5
    assert all(a < b for a, b in itertools.pairwise(rates[:11]))
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))


def test_without_warmup_the_first_step_is_the_peak():
    for schedule in ("cosine", "linear", "constant"):
        assert learning_rate(section(schedule=schedule, warmup=0.0, learning_rate=0.5), 0, 50) == 0.5


def test_half_way_the_linear_and_cosine_step_size_is_half():
    for schedule in ("cosine", "linear"):
        train = section(schedule=schedule, warmup=0.0, learning_rate=0.5)
        assert learning_rate(train, 50, 100) == pytest.approx(0.25)
    linear, cosine = (section(schedule=s, warmup=0.0, learning_rate=1.0) for s in ("linear", "cosine"))
    assert learning_rate(linear, 25, 100) == pytest.approx(0.75)
    assert learning_rate(cosine, 25, 100) == pytest.approx((1 + 0.5**0.5) / 2)


def test_a_constant_step_size_stays():
    train = section(schedule="constant", warmup=0.1, learning_rate=0.5)
    assert {learning_rate(train, step, 100) for step in range(10, 100)} == {0.5}


def model_of(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    model[2].bias.requires_grad_(False)
    return model


def test_only_matrices_decay():
    optimizer = make_optimizer(model_of(0), section(weight_decay=0.3))
    decays = {p.ndim: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decays == {2: 0.3, 1: 0.0}


def copy_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("fails", [False, True])
def test_averaged_weights_in_place_are_taken_back_bit_for_bit(fails):
    model = model_of(0)
    average = WeightAverage(model, 0.5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1).add_(0.1)
    own, averaged = copy_of(model), {name: t.clone() for name, t in average.tensors.items()}
    places = {name: p.data_ptr() for name, p in model.named_parameters()}

    def use() -> None:
        with average.in_place():
            assert equal({n: dict(model.named_parameters())[n].detach() for n in averaged}, averaged)
            assert not torch.equal(model[0].weight, own["0.weight"])
            if fails:
                raise RuntimeError("evaluation failed")

    if fails:
        with pytest.raises(RuntimeError, match="evaluation failed"):
            use()
    else:
        use()
    assert equal(copy_of(model), own)
    assert equal(average.tensors, averaged)
    assert {name: p.data_ptr() for name, p in model.named_parameters()} == places


def test_averaged_weights_move_towards_the_weights_every_fourth_step():
    model = model_of(0)
    average = WeightAverage(model, 0.998)
    start = average.tensors["0.weight"].clone()
    with torch.no_grad():
        model[0].weight.add_(1.0)
    for step in (1, 2, 3):
        average.update(step)
        assert torch.equal(average.tensors["0.weight"], start)
    average.update(4)
    decay = (5 / 14) ** 4
    torch.testing.assert_close(average.tensors["0.weight"], start + (1 - decay))
    average.update(40_000)
    torch.testing.assert_close(average.tensors["0.weight"], start + (1 - decay * 0.998**4))


def test_no_average_leaves_the_weights_as_they_are():
    model = model_of(0)
    average, own = WeightAverage(model, 0.0), copy_of(model)
    average.update(4)
    with average.in_place():
        assert equal(copy_of(model), own)
    assert average.tensors == {}


# A checkpoint whose digests are right but whose content is not a run's.


def hostile(reference, tmp_path, change_info=None, change_tensors=None):
    source = read_folder(reference / "checkpoints/step-000000036", kind="checkpoint")
    info, tensors = dict(source.info), read_tensors(source["state.safetensors"])
    if change_info:
        info.update(change_info)
    if change_tensors:
        change_tensors(tensors)
    files = {"state.safetensors": tensors_to_bytes(tensors)}
    write_folder(tmp_path / "checkpoints/step-000000036", files, kind="checkpoint", info=info)
    return tmp_path / "checkpoints"


def load(toy, folder):
    task = toy.ToyTask(toy.toy_config())
    average = WeightAverage(task.model, 0.9)
    return latest_checkpoint(folder, lambda: expected_tensors(task.model, average.tensors), lambda text: None)


def test_an_untouched_checkpoint_is_read(toy, reference, tmp_path):
    counters, _ = load(toy, hostile(reference, tmp_path))
    assert (counters.step, counters.finished) == (36, "epochs")


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1},
        {"step": "36"},
        {"step": 36.0},
        {"step": True},
        {"loss_sum": "0"},
        {"loss_sum": None},
        {"best": "high"},
        {"best": [1]},
        {"seconds": None},
        {"epoch_began": "now"},
        {"finished": 3},
        {"best_metrics": [1]},
        {"best_metrics": {"accuracy": "high"}},
        {"stranger": 1},
    ],
    ids=str,
)
def test_counters_that_are_not_a_runs_are_refused(toy, reference, tmp_path, change):
    with pytest.raises(StorageError, match="counters"):
        load(toy, hostile(reference, tmp_path, change))


def test_half_an_optimizer_state_is_refused(toy, reference, tmp_path):
    folder = hostile(reference, tmp_path, None, lambda tensors: tensors.pop("optimizer.head.bias.exp_avg_sq"))
    with pytest.raises(StorageError, match=r"optimizer\.head\.bias\.exp_avg_sq"):
        load(toy, folder)


def test_a_checkpoint_is_restored_bit_for_bit(toy, reference, tmp_path):
    counters, tensors = load(toy, reference / "checkpoints")
    task = toy.ToyTask(toy.toy_config())
    average = WeightAverage(task.model, 0.9)
    optimizer = make_optimizer(task.model, toy.toy_config().train)
    restore(tensors, task.model, average.tensors, optimizer)
    path = save_checkpoint(tmp_path, counters, task.model, average.tensors, optimizer)
    again, first = (read_folder(p, kind="checkpoint") for p in (path, reference / "checkpoints/step-000000036"))
    assert again["state.safetensors"] == first["state.safetensors"]
    assert again.info == first.info == dataclasses.asdict(counters)


def test_plain_progress_prints_one_line_an_epoch(toy, tmp_path):
    stream = io.StringIO()
    assert isinstance(progress_for(stream), PlainProgress)
    toy.train(tmp_path / "run", callbacks=[progress_for(stream)])
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    for epoch, line in enumerate(lines, start=1):
        pattern = rf"epoch {epoch}/3  loss \d+\.\d{{4}}  valid: accuracy 0\.\d{{4}}[ *] .*\d tokens/s  0:\d\d"
        assert re.fullmatch(pattern, line), line
    assert "*" in lines[0]


def test_live_progress_ends_with_the_same_lines(toy, tmp_path):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    live = progress_for(stream)
    assert isinstance(live, LiveProgress)
    toy.train(tmp_path / "run", callbacks=[live])
    for epoch in (1, 2, 3):
        assert f"epoch {epoch}/3  loss" in stream.getvalue()
    assert live.bar.finished
