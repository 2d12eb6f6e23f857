"""Rare classes may weigh as much as frequent ones: the weights, the loss, and what a model then answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

import cellwright as cw
from cellwright.errors import ConfigError
from cellwright.tasks.class_figures import class_figures, macro_f1
from cellwright.tasks.networks.class_weights import balanced_weights, weighted_loss
from cellwright.tasks.registry import kind_named
from cellwright.tasks.training.config import load_config

LABELS = ["fine"] * 190 + ["broken"] * 10
RARE_SIGN, FINE_SIGN = 0.6, 0.1  # how often the sign stands in each: alone it does not outweigh 95 to 5


def test_the_weights_are_those_of_scikit_learn() -> None:
    labels = ["b"] * 7 + ["a"] * 2 + ["c"]
    oracle = compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=labels)
    assert balanced_weights(labels, ["a", "b", "c"]).tolist() == pytest.approx(oracle.tolist())


def test_a_batch_counts_by_what_is_in_it() -> None:
    """A mean over the examples, so that batches add up to the whole; torch divides by the batch's weights."""
    torch.manual_seed(0)
    scores_BN, classes_B = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 0, 0, 0, 1, 2])
    weight_N = balanced_weights(["a", "a", "a", "a", "b", "c"], ["a", "b", "c"]).double()
    whole = weighted_loss(scores_BN, classes_B, weight_N)
    halves = [weighted_loss(scores_BN[half], classes_B[half], weight_N) for half in (slice(0, 3), slice(3, 6))]
    assert float(whole) == pytest.approx(float(sum(halves) / 2))
    oracle = functional.cross_entropy(scores_BN, classes_B, weight_N)  # over all its weights add up to their number
    assert float(whole) == pytest.approx(float(oracle))
    assert float(halves[0]) != pytest.approx(float(functional.cross_entropy(scores_BN[:3], classes_B[:3], weight_N)))
    assert torch.equal(weighted_loss(scores_BN, classes_B, None), functional.cross_entropy(scores_BN, classes_B))


def test_a_class_that_is_never_said_counts_as_0_in_macro_f1() -> None:
    given, found = ["a", "a", "a", "b"], ["a", "a", "b", "a"]
    assert class_figures("a", given, found) == pytest.approx(
        {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "count": 3}
    )
    assert macro_f1(given, found) == pytest.approx(1 / 3)


def signs(rng: np.random.Generator) -> list[tuple[str, bool]]:
    """(class, whether the sign stands there) of a split."""
    return [(label, bool(rng.random() < (RARE_SIGN if label == "broken" else FINE_SIGN))) for label in LABELS]


def texts(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for split in ("train", "valid", "test"):
        rows = [f"it {'leaks' if sign else 'works'} today\t{label}" for label, sign in signs(rng)]
        (folder / f"{split}.tsv").write_text("\n".join(["text\tlabel", *rows]) + "\n")
    return folder


def series(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for split in ("train", "valid", "test"):
        rows = [f"0,{int(sign)},0:{label}" for label, sign in signs(rng)]
        (folder / f"{split}.ts").write_text("\n".join(["@classLabel true fine broken", "@data", *rows]) + "\n")
    return folder


def figures(task: str, data: Path, out: Path, weights: str) -> dict[str, Any]:
    """Of the test split; and the rare class's recall."""
    own = {"model__word_dim": 8, "model__affix_dim": 0} if task == "classify" else {}
    model = cw.train(
        task, data=data, out=out, model__hidden_size=8, model__class_weights=weights, train__epochs=12,
        train__learning_rate=0.02, train__average=0.0, train__threads=1, callbacks=[], **own,
    )  # fmt: skip
    report = cw.evaluate(model, data)
    of_class = {line.name: line.figures for line in report.sections[0].lines}
    return {"macro_f1": report.figures["macro_f1"], "recall": float(of_class["broken"]["recall"])}


@pytest.mark.parametrize("task", ["classify", "series-classify"])
def test_a_class_of_5_in_100_is_found_where_classes_are_balanced(tmp_path: Path, task: str) -> None:
    data = (texts if task == "classify" else series)(tmp_path / "data")
    plain, balanced = (figures(task, data, tmp_path / weights, weights) for weights in ("none", "balanced"))
    assert plain["recall"] == 0.0
    assert balanced["recall"] >= 0.3
    assert balanced["macro_f1"] > plain["macro_f1"]


def test_the_weights_are_told_and_no_others_are_taken(tmp_path: Path) -> None:
    kind = kind_named("classify")
    data = texts(tmp_path / "data")
    task = kind.build(load_config(None, [f"data.path={data}", "model.class_weights=balanced"], schema=kind.config))
    assert "class weights: 0.526 (fine) to 10 (broken); the epoch with the best macro F1 is kept" in task.notes
    with pytest.raises(ConfigError, match=r'expected one of "none", "balanced"'):
        load_config(None, ["model.class_weights=[1.0, 19.0]"], schema=kind.config)
    with pytest.raises(ConfigError, match=r"Did you mean model\.class_weights\?"):
        load_config(None, ["train.class_weights=balanced"], schema=kind.config)
