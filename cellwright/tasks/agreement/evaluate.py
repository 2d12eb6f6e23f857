"""A model of agreement by number of attractors, beside answers that need no memory of the subject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from cellwright.errors import DataError
from cellwright.tasks.agreement.grammar import Sentence
from cellwright.tasks.agreement.predict import AgreementModel, number_of
from cellwright.tasks.classify.task import probabilities
from cellwright.tasks.report import Figure, Line, Report, Section
from cellwright.tasks.share import Share

__all__ = ["evaluate_model"]


def evaluate_model(
    model: AgreementModel, sentences: Sequence[Sentence], name: str, split: str, notes: Sequence[str] = ()
) -> Report:
    """How often the number is right, and the form. Raises DataError: no sentences."""
    if not sentences:
        raise DataError(f"Expected sentences in the split {split or 'given'}, found none.", repair="Choose --split.")
    rows = probabilities(model.network, model.vocabulary, sentences).argmax(1).tolist()
    majority = Counter(s.number for s in sentences).most_common(1)[0][0]
    found: dict[str, list[str]] = {
        "model": [model.vocabulary.classes[row] for row in rows],
        f"n-grams up to {model.baselines.longest}, logistic regression": model.baselines.answers(sentences),
    }
    if all(s.nearest for s in sentences):
        found["number of the nearest noun"] = [s.nearest for s in sentences]
    found[f"always {majority}"] = [majority] * len(sentences)
    right = {
        who: [number_of(a) == s.number for a, s in zip(answers, sentences, strict=True)]
        for who, answers in found.items()
    }
    lines = []
    for who, answers in found.items():
        figures: dict[str, Figure] = {"number": Share(sum(right[who]), len(sentences))}
        if set(answers) & {s.label for s in sentences} and len({s.label for s in sentences}) > 2:
            figures["form"] = Share(sum(a == s.label for a, s in zip(answers, sentences, strict=True)), len(sentences))
        lines.append(Line(who, figures))
    sections = [_section("number, by attractors", sentences, right, lambda s: str(s.attractors))]
    if any(s.kind for s in sentences):
        sections.append(_section("number, by what is new", sentences, right, lambda s: s.kind))
        subjects = {True: "second subject", False: "one subject"}
        sections.append(_section("number, by subjects", sentences, right, lambda s: subjects[s.second]))
    percent = sorted({key for section in sections for line in section.lines for key in line.figures})
    return Report("agreement", name, split, len(sentences), lines, "sentences", percent, sections, notes)


def _section(
    title: str, sentences: Sequence[Sentence], right: Mapping[str, Sequence[bool]], group: Callable[[Sentence], str]
) -> Section:
    """A column a group, a line each who answers."""
    names = sorted({group(s) for s in sentences})
    lines = []
    for who, answers in right.items():
        own = {name: [ok for ok, s in zip(answers, sentences, strict=True) if group(s) == name] for name in names}
        lines.append(Line(who, {name: sum(oks) / len(oks) for name, oks in own.items()}))
    return Section(title, lines)
