"""Rasa NLU YAML: examples of each intent with [text](entity), [text]{"entity": …, "role": …} within them.

An entity with a role is the slot `entity.role`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from cellwright.errors import DataError
from cellwright.tasks.data.jsonl import labelled_text
from cellwright.tasks.data.labelled import Labelled, checked
from cellwright.tasks.data.schemes import spans
from cellwright.tasks.data.text import Unit, decode, join_words, read_bytes
from cellwright.tasks.data.utterance import Utterance

__all__ = ["labelled_example", "rasa_text", "read_rasa"]

_ENTITY = re.compile(r"\[([^\[\]]+)\](?:\(([^()]*)\)|(\{[^{}]*\}))")


def read_rasa(path: Path, unit: Unit = "word") -> list[Labelled]:
    """All examples of all intents; lookup tables, synonyms and regexes are skipped.

    Raises DataError: no YAML; no `nlu:` list; an example that is no text; an entity without a name; nothing to read.
    """
    try:
        root = yaml.compose(decode(read_bytes(path), path), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise DataError(
            f"Expected YAML, found: {getattr(error, 'problem', None) or error}.",
            file=path,
            line=None if mark is None else mark.line + 1,
            repair="Indent examples by the same number of spaces; quote text that holds a colon.",
        ) from None
    entries = _child(root, "nlu")
    if not isinstance(entries, yaml.SequenceNode):
        raise DataError(
            "Expected a list under nlu:, found none.", file=path, line=1, repair="- intent: NAME, then examples: |"
        )
    records = []
    for entry in entries.value:
        intent = _child(entry, "intent")
        if intent is None:
            continue
        if not isinstance(intent, yaml.ScalarNode) or not intent.value.strip():
            raise DataError("Expected the name of an intent.", file=path, line=entry.start_mark.line + 1)
        for line, text in _examples(entry, path):
            records.append(_record(text, intent.value.strip(), path, line, unit))
    if not records:
        raise DataError("Expected examples of intents, found none.", file=path, repair="- intent: NAME, examples: | …")
    return records


def labelled_example(marked: str, intent: str, path: Path, line: int) -> Utterance:
    """One example in Rasa's form as an utterance; `path` and `line` for messages."""
    return checked([_record(marked, intent, path, line, "word")], "bio", "word")[0]


def rasa_text(utterances: Sequence[Utterance]) -> str:
    """The utterances grouped by intent.

    Raises DataError: an utterance without an intent, or one that would be read back with other words or slots.
    """
    by_intent: dict[str, list[str]] = defaultdict(list)
    for utterance in utterances:
        line = _example(utterance)
        back = _record(line, utterance.intent, Path(utterance.place or "utterance"), 0, "word")
        if not utterance.intent or (tuple(back.words), tuple(back.tags)) != (utterance.words, utterance.slots):
            raise DataError(
                f"Expected an utterance that Rasa's form can hold, found {' '.join(utterance.words)[:120]!r}.",
                repair="It has no intent, or words that are parted otherwise: write jsonl, conll or seq instead.",
            )
        by_intent[utterance.intent].append(line)
    blocks = ['version: "3.1"', "nlu:"]
    for intent, lines in by_intent.items():
        blocks += [
            f"- intent: {json.dumps(intent, ensure_ascii=False)}",
            "  examples: |",
            *(f"    - {line}" for line in lines),
        ]
    return "\n".join(blocks) + "\n"


def _example(utterance: Utterance) -> str:
    text, offsets = (utterance.text, utterance.spans) if utterance.spans else join_words(utterance.words)
    assert text is not None
    assert offsets is not None
    line, position = "", 0
    for first, after, label in spans(utterance.slots):
        start, end = offsets[first][0], offsets[after - 1][1]
        entity, dot, role = label.partition(".")
        mark = json.dumps({"entity": entity, "role": role}, ensure_ascii=False) if dot else f"({label})"
        line += f"{text[position:start]}[{text[start:end]}]{mark}"
        position = end
    return line + text[position:]


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _examples(entry: yaml.Node, path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of each example: a block of `- text` lines, or a list of texts or of {text: …}."""
    examples = _child(entry, "examples")
    if isinstance(examples, yaml.SequenceNode):
        for item in examples.value:
            text = item if isinstance(item, yaml.ScalarNode) else _child(item, "text")
            if not isinstance(text, yaml.ScalarNode):
                raise DataError("Expected the text of an example.", file=path, line=item.start_mark.line + 1)
            yield text.start_mark.line + 1, text.value.strip()
        return
    if not isinstance(examples, yaml.ScalarNode):
        raise DataError(
            "Expected examples of the intent.",
            file=path,
            line=entry.start_mark.line + 1,
            repair="examples: |, then - text",
        )
    first = examples.start_mark.line + (2 if examples.style in ("|", ">") else 1)
    for k, line in enumerate(examples.value.splitlines()):
        if not line.strip():
            continue
        found = re.match(r"\s*[-*]\s+(.*\S)", line)
        if not found:
            raise DataError(
                "Expected an example after a dash.",
                file=path,
                line=first + k,
                source=line[:200],
                repair=f"- {line.strip()}",
            )
        yield first + k, found[1]


def _record(marked: str, intent: str, path: Path, line: int, unit: Unit) -> Labelled:
    text, found, position = "", [], 0
    for match in _ENTITY.finditer(marked):
        text += marked[position : match.start()]
        start = len(text)
        text += match[1]
        found.append((start, len(text), _label(match, path, line)))
        position = match.end()
    return labelled_text(text + marked[position:], found, intent, path, line, unit)


def _label(match: re.Match[str], path: Path, line: int) -> str:
    """`entity`, or `entity.role`; a value (synonym) after a colon is no part of it."""
    if match[3] is None:
        fields: dict[str, Any] = {"entity": match[2].partition(":")[0].strip()}
    else:
        try:
            fields = json.loads(match[3])
        except ValueError:
            fields = {}
    entity, role = fields.get("entity"), fields.get("role")
    if not isinstance(entity, str) or not entity or not isinstance(role, str | None):
        raise DataError(
            f"Expected the name of an entity, found {match[0]}.",
            file=path,
            line=line,
            repair='Write [Taipei](city), or [Taipei]{"entity": "city", "role": "departure"}.',
        )
    return f"{entity}.{role}" if role else entity
