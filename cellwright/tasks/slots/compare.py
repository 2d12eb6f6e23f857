"""The argument of recurrence: networks that see nothing, the left, or both sides of a word, on the same data."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.slots.cell_choice import PER_TOKEN, choose_cell
from cellwright.tasks.slots.config import SlotsConfig
from cellwright.tasks.slots.corpora import open_corpus, with_validation
from cellwright.tasks.slots.metrics import Scores
from cellwright.tasks.slots.model_file import load_model
from cellwright.tasks.slots.task import SlotsTask, answers, compare_answers
from cellwright.tasks.training.loop import fit, prepare
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.task import Callback
from cellwright.tasks.travel.generate import Case, TravelCorpus

__all__ = ["NETWORKS", "CaseCount", "Comparison", "Row", "compare"]

NETWORKS: dict[str, tuple[str, bool]] = {  # name: (cell, bidirectional)
    "per-token": (PER_TOKEN, False),
    "Elman": ("Elman", False),
    "LSTM": ("LSTM", False),
    "GRU": ("GRU", False),
    "BiElman": ("Elman", True),
    "BiLSTM": ("LSTM", True),
    "BiGRU": ("GRU", True),
}

# Small networks and no CRF: the rows differ in nothing but what a word's tag can depend on.
SETTINGS: dict[str, Any] = {
    "model.hidden_size": 100,
    "model.num_layers": 1,
    "model.head": "softmax",
    "model.char_dim": 0,
    "model.affix_dim": 32,
    "model.word_dim": 64,
    "model.intent_to_slots": False,
    "model.feature_dropout": 0.1,
    "model.dropout": 0.1,
    "data.size": 6000,
    "data.swap": 0.0,
    "train.epochs": 6,
    "train.learning_rate": 0.005,
    "train.average": 0.99,
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


@dataclass(slots=True)
class Comparison:
    """All networks on one corpus."""

    data: str
    rows: list[Row]
    notes: list[str]

    def to_data(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "data": self.data,
            "networks": [
                {
                    "name": row.name,
                    **row.scores.figures(),
                    "cities": {kind: {"right": c.right, "total": c.total} for kind, c in row.cases.items()},
                    "parameters": row.parameters,
                    "seconds": round(row.seconds, 2),
                }
                for row in self.rows
            ],
            "notes": self.notes,
        }


def compare(
    config: SlotsConfig,
    networks: Sequence[str] = tuple(NETWORKS),
    *,
    callbacks: Sequence[Callback] = (),
    on_row: Callable[[Row], None] | None = None,
) -> Comparison:
    """Train each network on the same corpus with the same settings but cell and direction; evaluate each once.

    Args:
        networks: names of NETWORKS.
        on_row: called as each row is known.
    """
    corpus = with_validation(open_corpus(config.data))
    split = "test" if corpus.test else "valid"
    rows = []
    for name in networks:
        row = _train(name, config, corpus, split, callbacks)
        rows.append(row)
        if on_row is not None:
            on_row(row)
    notes = [f"{len(dict(corpus.splits())[split]):,} utterances of {corpus.name} {split}; figures in percent"]
    if isinstance(corpus, TravelCorpus):
        cases = corpus.cases[split]
        notes.append(
            f"cue left … unseen: {len(cases):,} cities that only the context makes departure or destination, in pairs "
            "that differ in nothing but the cue, so that 50 is chance; far: cue 10 to 30 words away; unseen: neither "
            "the city nor the sentence frame is in training"
        )
    return Comparison(corpus.name, rows, notes)


def _train(name: str, config: SlotsConfig, corpus: Corpus, split: str, callbacks: Sequence[Callback]) -> Row:
    cell_name, bidirectional = NETWORKS[name]
    changed = config.model.model_copy(update={"cell": cell_name, "bidirectional": bidirectional})
    own = config.model_copy(update={"model": changed})
    started = time.perf_counter()
    prepare(own.train)
    task = SlotsTask(own, corpus, choose_cell(cell_name))
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.open(Path(folder) / "run", own)
        fit(task, own, run, callbacks=callbacks)
        best = load_model(run.best)
    utterances = dict(corpus.splits())[split]
    found = answers(best.network, best.vocabulary, utterances)
    return Row(
        name,
        compare_answers(utterances, found, best.vocabulary.has_intents),
        sum(p.numel() for p in task.network.parameters() if p.requires_grad),
        time.perf_counter() - started,
        _count(corpus.cases[split], corpus, split, found) if isinstance(corpus, TravelCorpus) else {},
    )


def _count(
    cases: Sequence[Case], corpus: TravelCorpus, split: str, found: Sequence[tuple[Sequence[str], str]]
) -> dict[str, CaseCount]:
    counts = {name: CaseCount() for name in ("left", "right", "far left", "far right", "unseen")}
    utterances = dict(corpus.splits())[split]
    for case in cases:
        right = found[case.utterance][0][case.word] == utterances[case.utterance].slots[case.word]
        kinds: list[str] = [case.cue]
        kinds += [f"far {case.cue}"] if case.far else []
        kinds += ["unseen"] if not (case.seen_city or case.seen_frame) else []
        for kind in kinds:
            counts[kind].total += 1
            counts[kind].right += right
    return counts
