"""A number unit and a gender unit: what an LSTM holds about a subject, when it forgets it, and what the verb sees."""

from __future__ import annotations

import math

import torch

from cellwright.lessons.lesson import Lesson, Number, Table
from cellwright.microscope.ablation import ablation
from cellwright.microscope.events import KINDS, forgetting_events
from cellwright.microscope.handset import HandSet, agreement
from cellwright.nn import Recurrent

__all__ = ["lesson"]

MEANING = {
    "小明": "a boy",
    "昨天": "yesterday",
    "在": "at",
    "学校": "school",
    "唱歌": "sing(s)",
    "同学们": "the classmates",
}
ONE, MANY = ("小明", "在", "学校", "唱歌"), ("同学们", "在", "学校", "唱歌")


def accuracy(model: HandSet, layer: Recurrent) -> float:
    """Share of two sentences whose number is read off the output at the verb: above ½ is plural."""
    with torch.no_grad():
        y_TBO, _ = layer(torch.from_numpy(model.encode(ONE, MANY)))
    plural = y_TBO[-1].sum(dim=-1) > 0.5
    return float((plural == torch.tensor([False, True])).double().mean())


def lesson() -> Lesson:
    """The sentence word by word, its events, and each unit silenced."""
    model = agreement()
    record = model.inspect()
    c, f, h, o = (record.run().values[name][:, 0] for name in "cfho")
    words = model.sentence
    rows: tuple[tuple[str | float, ...], ...] = tuple(
        (word, MEANING[word], *(round(float(v), 6) for v in (f[t, 0], c[t, 0], h[t, 0], c[t, 1], h[t, 1])))
        for t, word in enumerate(words)
    )
    events = forgetting_events(record)
    found = tuple(
        (words[int(step)], model.units[int(unit)], KINDS[int(kind)], float(erased))
        for step, unit, kind, erased in zip(
            *(events.arrays[name] for name in ("step", "unit", "kind", "erased_amount")), strict=True
        )
    )
    silenced = ablation(model.layer, lambda layer: accuracy(model, layer), chance=0.5)
    drop = silenced.arrays["drop"]
    verb, subject = words.index("唱歌"), words.index("同学们")
    return Lesson(
        "number-unit",
        "A number unit: 小明 … 同学们 …",
        (
            "A language model must know whether its subject is one or many until the verb comes, and must forget it "
            "when a new subject does. Here is an LSTM of two units with its weights written down: one holds the "
            "number (−1 one, +1 many), one the gender. (Chinese verbs do not change with number; think of the "
            "English sing and sings. The gates' behaviour is the point.)",
            Table(
                "Word by word",
                ("word", "meaning", "f of number", "c number", "h number", "c gender", "h gender"),
                rows,
            ),
            "At 同学们 the forget gate of the number unit shuts: −1 is deleted, +1 is written. f ⊙ c is what is KEPT. "
            "At the verb the output gate opens for the number alone: the gender is held in c and not in h. The cell "
            "state is not the hidden state.",
            Table("Forgetting events", ("word", "unit", "kind", "erased"), found),
            events,
            "How is such a unit found in a network nobody wrote down? Silence each unit and see what is lost. On one "
            "singular and one plural sentence:",
            Table(
                "What is lost without it",
                ("unit", "accuracy lost"),
                tuple((unit, round(float(lost), 9)) for unit, lost in zip(model.units, drop, strict=True)),
            ),
            silenced,
        ),
        (
            Number("c of the number unit after 小明", float(c[0, 0]), -1, "written"),
            Number("just before 同学们", float(c[subject - 1, 0]), -1, "held"),
            Number("after 同学们", float(c[subject, 0]), 1, "written"),
            Number("f of the number unit at 同学们", float(f[subject, 0]), 0, "σ(−40)", 1e-8),
            Number("h of the number unit at the verb", float(h[verb, 0]), math.tanh(-1), "tanh(−1)", 1e-12),
            Number("c of the gender unit at the verb", float(c[verb, 1]), 1, "held"),
            Number("h of the gender unit at the verb", float(h[verb, 1]), 0, "o = σ(−40)", 1e-8),
            Number("o of the gender unit at the verb", float(o[verb, 1]), 0, "σ(−40)", 1e-8),
            Number("forgetting events", len(found), 2, "both at 同学们"),
            Number("accuracy lost without the number unit", float(drop[0]), 0.5, "down to chance", 1e-9),
            Number("accuracy lost without the gender unit", float(drop[1]), 0, "none", 1e-9),
        ),
        (
            "Linzen, Dupoux & Goldberg 2016, Assessing the ability of LSTMs to learn syntax-sensitive dependencies",
            "Lakretz et al. 2019, The emergence of number and syntax units in LSTM language models",
        ),
    )
