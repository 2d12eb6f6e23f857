"""NT-ASGD's mean of weights, SGD, and products of lower precision, in the loop."""

from __future__ import annotations

import json

import pytest
import torch

from cellwright.engine.run.registry import multiplies_bfloat16
from cellwright.tasks.storage.tensors import read_tensors
from cellwright.tasks.training.config import TrainSection
from cellwright.tasks.training.schedule import WeightAverage, make_optimizer


def test_the_plain_mean_is_that_of_all_weights_since_it_began():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2).double()
    average = WeightAverage(model, 0.9, plain=True)
    seen = []
    for step in range(1, 10):
        with torch.no_grad():
            model.weight.normal_()
        if step == 5:  # an epoch ended with step 4
            average.since = 4
        average.update(step)
        if step > 4:
            seen.append(model.weight.detach().clone())
        own = model.weight.detach().clone()
        with average.in_place():
            expected = torch.stack(seen).mean(0) if seen else own
            torch.testing.assert_close(model.weight, expected, rtol=0, atol=1e-14)
        assert torch.equal(model.weight, own)


def test_sgd_takes_the_step_of_the_formula():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2).double()
    before = model.weight.detach().clone()
    model(torch.ones(1, 3, dtype=torch.float64)).sum().backward()
    make_optimizer(model, TrainSection(optimizer="sgd", learning_rate=0.5, weight_decay=0.1)).step()
    expected = before - 0.5 * (torch.ones(2, 3, dtype=torch.float64) + 0.1 * before)
    torch.testing.assert_close(model.weight, expected, rtol=0, atol=1e-14)


SGD = ("train.optimizer=sgd", "train.learning_rate=0.3", "train.schedule=constant", "train.warmup=0.0")
NT = (*SGD, "train.non_monotone=1", "train.average=0.0", "train.epochs=6")


def test_the_mean_begins_after_epochs_without_a_better_metric_and_resumes(toy, tmp_path, notes, same_run):
    told = notes()
    toy.train(tmp_path / "whole", *NT, callbacks=[told])
    begun = [note for note in told.notes if "mean of the weights" in note]
    assert len(begun) == 1
    records = [json.loads(line) for line in (tmp_path / "whole/metrics.jsonl").read_text().splitlines()]
    first = int(begun[0].split()[1].rstrip(":"))
    # the first epoch whose accuracy is not above all before it
    accuracies = [record["valid"]["accuracy"] for record in records]
    assert first == next(k + 1 for k, a in enumerate(accuracies) if k and a <= max(accuracies[:k]))

    def stop(report):
        if report.epoch == first + 1 and report.position == 5:
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError):
        toy.train(tmp_path / "cut", *NT, callbacks=[notes(stop)])
    toy.train(tmp_path / "cut", *NT, resume=True)
    same_run(tmp_path / "cut", tmp_path / "whole")


def test_a_checkpoint_of_sgd_holds_no_moments(toy, tmp_path):
    toy.train(tmp_path / "run", *SGD)
    newest = max((tmp_path / "run/checkpoints").glob("step-*"))
    names = read_tensors((newest / "state.safetensors").read_bytes())
    assert not [name for name in names if name.startswith("optimizer.")]


def test_products_in_bfloat16_are_float32_where_the_processor_has_none_and_a_note_says_so(
    toy, tmp_path, notes, monkeypatch
):
    monkeypatch.setattr("cellwright.tasks.training.loop.multiplies_bfloat16", lambda: False)
    told = notes()
    toy.train(tmp_path / "low", "train.precision=bfloat16", "train.epochs=1", callbacks=[told])
    toy.train(tmp_path / "full", "train.epochs=1")
    assert any("float32 ones are used" in note for note in told.notes)
    assert (tmp_path / "low/metrics.jsonl").read_bytes() == (tmp_path / "full/metrics.jsonl").read_bytes()


@pytest.mark.skipif(not multiplies_bfloat16(), reason="this processor does not multiply bfloat16")
def test_products_in_bfloat16_train(toy, tmp_path):
    toy.train(tmp_path / "low", "train.precision=bfloat16", "train.epochs=1")
    toy.train(tmp_path / "full", "train.epochs=1")
    low, full = (json.loads((tmp_path / name / "metrics.jsonl").read_text()) for name in ("low", "full"))
    assert low["loss"] != full["loss"]
    assert low["loss"] == pytest.approx(full["loss"], rel=0.05)
