"""The argument of recurrence: networks that see nothing, the left, or both sides of a word, on the same data."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cellwright.tasks.comparison import NETWORKS
from cellwright.tasks.data.splits import with_validation
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Figure, Line, Report, Section
from cellwright.tasks.share import Share
from cellwright.tasks.slots.config import SlotsConfig
from cellwright.tasks.slots.corpora import open_corpus
from cellwright.tasks.slots.evaluate import PERCENT
from cellwright.tasks.slots.metrics import Scores
from cellwright.tasks.slots.model_file import load_model
from cellwright.tasks.slots.task import SlotsTask, answers, compare_answers
from cellwright.tasks.training.loop import fit, prepare
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.side_by_side import train_each
from cellwright.tasks.travel.generate import Case, TravelCorpus

__all__ = ["SETTINGS", "CaseCount", "Row", "compare", "train_network"]

CASE_KINDS = ("left", "right", "far left", "far right", "new left", "new right")
CITIES = "cities"

# Small networks and no CRF: the rows differ in nothing but what a word's tag can depend on.
SETTINGS: dict[str, Any] = {
    "model.hidden_size": 100,
    "model.num_layers": 1,
    "model.forget_bias": 1.0,
    "model.head": "softmax",
    "model.word_dim": 64,
    "model.word_scale": 0.4,
    "model.char_dim": 16,
    "model.char_widths": [3],
    "model.char_filters": 32,
    "model.affix_dim": 0,
    "model.intent_to_slots": False,
    "model.word_dropout": 4.0,
    "model.feature_dropout": 0.0,
    "model.dropout": 0.0,
    "data.size": 24_000,
    "data.swap": 0.0,
    "data.made_up": 0.3,
    "train.epochs": 5,
    "train.batch_size": 64,
    "train.learning_rate": 0.012,
    "train.clip": 1.0,
    "train.average": 0.99,
    "train.checkpoint_every": 0,
    "train.threads": 1,
}


@dataclass(slots=True)
class CaseCount:
    """Ambiguous cities of one kind, and how many got the right slot."""

    right: int = 0
    total: int = 0

    @property
    def accuracy(self) -> float | None:
        return self.right / self.total if self.total else None


@dataclass(slots=True)
class Row:
    """One network's figures on test (on valid, where there is no test)."""

    name: str
    scores: Scores
    parameters: int
    seconds: float
    cases: dict[str, CaseCount] = field(default_factory=dict)

    def figures(self) -> dict[str, Figure]:
        """Of the first table; precision and recall apart are `evaluate`'s."""
        kept = ("slot_f1", "intent_accuracy", "sentence_accuracy", "token_accuracy")
        scores = self.scores.figures()
        cost = {"parameters": self.parameters, "seconds": round(self.seconds)}
        return {**{key: scores[key] for key in kept}, **cost}

    def cities(self) -> dict[str, Figure]:
        """Of the second table."""
        return {kind: Share(case.right, case.total) if case.total else None for kind, case in self.cases.items()}


def compare(
    config: SlotsConfig,
    networks: Sequence[str] = tuple(NETWORKS),
    *,
    processes: int = 1,
    on_row: Callable[[Row], None] | None = None,
) -> Report:
    """Train each network on the same corpus with the same settings but cell and direction; evaluate each once.

    Args:
        networks: names of NETWORKS.
        processes: how many to train at a time, each in a process of its own; more than 1 needs a program whose main
            part is guarded by ``if __name__ == "__main__"``. The figures are the same.
        on_row: called as each row is known.
    """
    corpus = with_validation(open_corpus(config.data))
    split = "test" if corpus.test else "valid"
    first = sorted(networks, key=lambda name: not NETWORKS[name][1])  # those of two directions take longest

    def known(name: str, row: Row) -> None:
        if on_row is not None:
            on_row(row)

    rows = train_each(first, partial(train_network, config=config), processes, known)
    chosen = [rows[name] for name in networks]
    notes, sections = list(corpus.notes), []
    if isinstance(corpus, TravelCorpus):
        sections = [Section(CITIES, [Line(row.name, row.cities()) for row in chosen])]
        cases = corpus.cases[split]
        notes.append(
            f"left … new right: {len(cases):,} cities that only the context makes departure or destination, in pairs "
            "that differ in nothing but the cue, left or right of the city, so that 50 is chance; far: cue 10 to 30 "
            "words away; new: neither the city nor the sentence frame is in training"
        )
    lines = [Line(row.name, row.figures()) for row in chosen]
    return Report(
        "slots", corpus.name, split, len(dict(corpus.splits())[split]), lines,
        "utterances", PERCENT, sections, notes, intervals=False,
    )  # fmt: skip


def train_network(name: str, config: SlotsConfig) -> Row:
    """Train one network of the comparison and evaluate its best epoch on test (valid, where there is no test)."""
    cell_name, bidirectional = NETWORKS[name]
    changed = config.model.model_copy(update={"cell": cell_name, "bidirectional": bidirectional})
    own = config.model_copy(update={"model": changed})
    corpus = with_validation(open_corpus(own.data))
    split = "test" if corpus.test else "valid"
    started = time.perf_counter()
    prepare(own.train)
    task = SlotsTask(own, corpus, choose_cell(cell_name))
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.open(Path(folder) / "run", own)
        fit(task, own, run)
        best = load_model(run.best)
    found = answers(best.network, best.vocabulary, dict(corpus.splits())[split])
    return Row(
        name,
        compare_answers(dict(corpus.splits())[split], found),
        sum(p.numel() for p in task.network.parameters() if p.requires_grad),
        time.perf_counter() - started,
        _count(corpus.cases[split], corpus, split, found) if isinstance(corpus, TravelCorpus) else {},
    )


def _count(
    cases: Sequence[Case], corpus: TravelCorpus, split: str, found: Sequence[tuple[Sequence[str], str]]
) -> dict[str, CaseCount]:
    counts = {name: CaseCount() for name in CASE_KINDS}
    utterances = dict(corpus.splits())[split]
    for case in cases:
        # The slot alone: where every character is a token, B- or I- is another question.
        right = found[case.utterance][0][case.word][2:] == utterances[case.utterance].slots[case.word][2:]
        kinds: list[str] = [case.cue]
        kinds += [f"far {case.cue}"] if case.far else []
        kinds += [] if case.seen_city or case.seen_frame else [f"new {case.cue}"]
        for kind in kinds:
            counts[kind].total += 1
            counts[kind].right += right
    return counts
