"""Attribution of a trained model's decision about a text: what is asked, what stands for a word, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import cellwright as cw
from cellwright.errors import ConfigError, DataError
from cellwright.microscope.attribution import deletion, gradient_times_input, integrated_gradients
from cellwright.microscope.decomposition import contextual_decomposition
from cellwright.tasks.slots.predict import SlotModel

torch.set_num_threads(1)
TEXT = "leave Taipei on November 2nd"
SMALL = {
    "data__size": 150,
    "model__hidden_size": 8,
    "model__num_layers": 2,
    "model__word_dim": 8,
    "model__char_dim": 4,
    "model__char_filters": 3,
    "model__char_widths": [3],
    "model__affix_dim": 4,
    "train__epochs": 2,
    "train__learning_rate": 0.02,
    "train__threads": 1,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("explained") / "run"
    cw.train("slots", data="travel-en", out=place, callbacks=[], **SMALL)  # type: ignore[arg-type]
    return place / "best"


@pytest.fixture(scope="module")
def model(folder: Path) -> SlotModel:
    return cw.load(folder)


def decided(model: SlotModel, text: str) -> float:
    """log p of the intent that the model gives to TEXT, of another text."""
    from cellwright.tasks.slots.batches import make_batch

    network = model.network.double()
    with torch.no_grad():
        own, other = (network(make_batch([model.utterance(t)], model.vocabulary))[1] for t in (TEXT, text))
    network.float()
    return float(other.log_softmax(-1)[0, own.argmax()])


def test_every_measure_adds_up_for_a_model(model: SlotModel, folder: Path) -> None:
    name = "log p(intent = "
    for figure in (
        integrated_gradients(model, TEXT),
        integrated_gradients(folder, TEXT, baseline="pad"),
        integrated_gradients(model, TEXT.split(), baseline="mean"),
        gradient_times_input(model, TEXT),
        deletion(model, TEXT),
        deletion(model, TEXT, how="unknown"),
        deletion(model, TEXT, how="pad"),
        contextual_decomposition(model, TEXT, ["November 2nd"]),
    ):
        assert figure.check is not None
        assert figure.check.holds, figure.check
        assert figure.labels["t"] == tuple(TEXT.split())
        assert name in figure.unit
    assert "pad: what the network reads" in integrated_gradients(model, TEXT, baseline="pad").notes[0]


def test_a_deleted_word_is_the_text_without_it(model: SlotModel) -> None:
    words = TEXT.split()
    figure = deletion(model, TEXT)
    left = [decided(model, " ".join(words[:t] + words[t + 1 :])) for t in range(len(words))]
    np.testing.assert_allclose(figure.arrays["without"], left, rtol=0, atol=1e-12)
    unknown = deletion(model, TEXT, how="unknown")
    assert unknown.arrays["without"][0] == pytest.approx(decided(model, TEXT.replace("leave", "\ue000")), abs=1e-12)
    assert not model.vocabulary.knows("\ue000")


def test_the_parts_of_a_phrase_and_of_all_words(model: SlotModel) -> None:
    figure = contextual_decomposition(model, TEXT, [(0, 5), "November 2nd"])
    assert figure.labels["phrase"] == (TEXT, "November 2nd")
    assert figure.arrays["phrase_rest"][0] == 0.0
    assert figure.arrays["phrase"][1] != pytest.approx(figure.arrays["word"][3:].sum(), abs=1e-6)


def test_a_target_of_your_own_is_of_the_outputs(model: SlotModel) -> None:
    figure = integrated_gradients(model, TEXT, target=lambda outputs: outputs[0][0, 1, 2])
    assert figure.check is not None
    assert figure.check.holds
    assert "your function of the outputs" in figure.title


def test_what_is_refused_of_a_model(model: SlotModel, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Expected at least one word"):
        integrated_gradients(model, "  ")
    with pytest.raises(ConfigError, match="Expected a phrase of the text"):
        contextual_decomposition(model, TEXT, ["December"])
    with pytest.raises(ConfigError, match="without it nothing is left"):
        deletion(model, "leave")
    with pytest.raises(ConfigError, match="with a layer alone"):
        integrated_gradients(model, TEXT, state=[torch.zeros(1)])


def test_a_model_without_intents_is_asked_for_its_tags(tmp_path: Path) -> None:
    """Its number is one decision a word: without a word it would be another number."""
    for split in ("train", "valid", "test"):
        lines = ["leave O", "Taipei B-city", "", "arrive O", "Rome B-city", "now O"]
        (tmp_path / f"{split}.conll").write_text("\n".join(lines * 4) + "\n", encoding="utf-8")
    model = cw.train("slots", data=tmp_path, out=tmp_path / "run", callbacks=[], **SMALL | {"data__size": 0})
    figure = deletion(model, "leave Rome", how="unknown")
    assert figure.check is not None
    assert figure.check.holds
    assert figure.unit.startswith("of log p(")
    assert integrated_gradients(model, "leave Rome").check.holds  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="without a word it is another number"):
        deletion(model, "leave Rome")


REVIEW = "昨天收到了。纸好。打开没有刺鼻的油墨味。价格便宜。做工好。在别家买的盒子割手。"


@pytest.mark.long
def test_a_review_is_read_by_its_keywords_and_its_negation(tmp_path: Path) -> None:
    """没有…油墨味 speaks for the goods, more than 刺鼻的油墨味 in it, which by itself is blame. Words that praise weigh
    more than chatter, and another shop's box does not outweigh them."""
    model = cw.train(
        "classify",
        data="reviews-zh",
        out=tmp_path / "run",
        callbacks=[],
        data__size=3000,
        model__word_dim=48,
        model__char_dim=0,
        model__affix_dim=0,
        model__hidden_size=48,
        model__feature_dropout=0.2,
        model__dropout=0.1,
        train__epochs=6,
        train__learning_rate=0.01,
        train__average=0.9,
        train__threads=1,
    )
    assert model.predict(REVIEW).label == "positive"
    assert model.predict("一打开就有刺鼻的油墨味。").label == "negative"
    good = model.classes.index("positive")
    phrases = ["没有刺鼻的油墨味", "刺鼻的油墨味", "纸好", "价格便宜", "做工好", "昨天收到了", "在别家买的盒子割手"]
    figure = contextual_decomposition(
        model, REVIEW, phrases, target=lambda scores: scores[0, good] - scores[0, 1 - good]
    )
    assert figure.check is not None
    assert figure.check.holds
    denied, fault, paper, price, make, chatter, elsewhere = figure.arrays["phrase"]
    assert denied > max(0.0, fault)
    assert max(paper, price, make) > max(abs(chatter), -elsewhere)
    assert min(paper, price, make) > 0
