"""Slots and intents as the verbs see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellwright.cells import Cell
from cellwright.tasks.comparison import NETWORKS
from cellwright.tasks.data.corpus import corpus_texts, read_utterances
from cellwright.tasks.data.splits import split_named, with_validation
from cellwright.tasks.data.streamed_data import check_stream_folder, check_validation
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Report, shown
from cellwright.tasks.set_files import SetFiles
from cellwright.tasks.slots.config import SlotsConfig, SlotsData
from cellwright.tasks.slots.corpora import EMBEDDED, open_corpus
from cellwright.tasks.slots.evaluate import evaluate_model
from cellwright.tasks.slots.predict import SlotModel
from cellwright.tasks.slots.task import SlotsTask
from cellwright.tasks.training.config import DataSection

if TYPE_CHECKING:
    from cellwright.tasks.slots.compare import Row

__all__ = ["SlotsKind", "evaluation_data"]


class SlotsKind(TaskKind[SlotsConfig, SlotModel]):
    name = "slots"
    config = SlotsConfig
    embedded = tuple(EMBEDDED)
    example = Utterance
    networks = tuple(NETWORKS)

    def build(self, config: SlotsConfig, cell: Cell | None = None) -> SlotsTask:
        chosen = cell if cell is not None else choose_cell(config.model.cell)
        check_stream_folder(config.data)
        corpus = open_corpus(config.data)
        check_validation(config.data, corpus)
        return SlotsTask(config, with_validation(corpus), chosen)

    def load(self, folder: Path) -> SlotModel:
        return SlotModel.load(folder)

    def embedded_files(self, data: DataSection) -> SetFiles:
        assert isinstance(data, SlotsData)
        corpus = open_corpus(data)
        counts = {split: len(utterances) for split, utterances in corpus.splits()}
        return SetFiles(corpus_texts(corpus), counts, "utterances", notes=corpus.notes)

    def evaluate(self, model: SlotModel, data: DataSection, split: str) -> Report:
        assert isinstance(data, SlotsData)
        name, found_split, utterances = evaluation_data(data, split)
        return evaluate_model(model, utterances, name, found_split)

    def evaluate_examples(self, model: SlotModel, examples: Sequence[Utterance]) -> Report:
        return evaluate_model(model, examples, "utterances")

    def compare(
        self,
        config: SlotsConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        from cellwright.tasks.slots.compare import compare

        def on_row(row: Row) -> None:
            if announce is not None:
                announce(f"{row.name}: slot F1 {shown(row.scores.slots.f1, percent=True)}, {row.seconds:.0f} s")

        return compare(config, networks, processes=processes, on_row=on_row)

    def comparison(self, data: str) -> dict[str, Any]:
        from cellwright.tasks.slots.compare import SETTINGS

        values = {**SETTINGS, "data.path": data}
        if data not in EMBEDDED:
            del values["data.size"]  # all of the user's sentences
        return values


def evaluation_data(data: SlotsData, split: str) -> tuple[str, str, Sequence[Utterance]]:
    """(name, split, utterances); a single file is all there is, whatever `split` says, and has none."""
    path = Path(data.path)
    if data.path not in EMBEDDED and (path.is_file() or (path / "seq.in").exists()):
        return path.name, "", read_utterances(path, scheme=data.scheme, unit=data.unit)
    corpus = open_corpus(data)
    return corpus.name, split, split_named(corpus, split, data.path)
