"""What was asked of reviews and questions, on models of the size that `cellwright train classify` makes."""

from __future__ import annotations

from pathlib import Path

import pytest

import cellwright as cw

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

KERAS = Path(__file__).resolve().parents[3] / "examples" / "six-classes.toml"


def test_keras_net_knows_six_classes(tmp_path: Path) -> None:
    """Rows C8 and D23."""
    cw.train("classify", config=KERAS, out=tmp_path / "run")
    assert max(cw.history(tmp_path / "run")["val_accuracy"]) >= 0.95


def test_a_chinese_review_and_the_words_that_decided(tmp_path: Path) -> None:
    """Row D10: good paper, no smell, cheap, well made; a clause on another shop counts for nothing."""
    model = cw.train("classify", data="reviews-zh", out=tmp_path / "run")
    text = "纸很好。没有刺鼻的油墨味。价格便宜。做工非常好。在别家买的封面差，一打开就有割手的边。"
    explained = model.why(text)
    assert explained.decision.label == "positive"
    kept = [piece.text for piece in explained.pieces if piece.effect > 0]
    for word in ("没", "便宜", "别家"):  # in "没有" it is 没 that denies: without it 有 is left
        assert any(word in piece for piece in kept), explained
    assert sum("好" in piece for piece in kept) == 2, explained  # of the paper and of the work
    assert model.predict("有刺鼻的油墨味。").label == "negative"
    assert model.predict("没有刺鼻的油墨味。").label == "positive"
    assert model.predict("在别家买的有割手的边。纸很好。").label == "positive"
