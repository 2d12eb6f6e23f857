"""Right and wrong verb forms: what the two files hold, and what they must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.errors import DataError
from cellwright.tasks.data.verb_forms import VerbForms, gold_file, read_verb_forms


def write(folder: Path, gold: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "x.text").write_text(text, encoding="utf-8")
    file = folder / "x.gold"
    file.write_text(gold, encoding="utf-8")
    return file


def test_sentences_are_read_up_to_the_verb(tmp_path: Path) -> None:
    gold = write(
        tmp_path, "4\tare\tis\t1\n\n2\tIs\tAre\t0\n1\ten\ten\t2\n", "the keys to it are old\nthe dog is here\na en b\n"
    )
    forms, twice = read_verb_forms(gold)
    assert twice == 1
    assert forms[0] == VerbForms(("the", "keys", "to", "it"), "are", "is", 1, "x.gold:1")
    assert forms[1] == VerbForms(("the", "dog"), "is", "are", 0, "x.gold:3")
    assert gold_file(tmp_path) == gold_file(gold) == gold
    assert gold_file(gold.with_suffix(".text")) is None


@pytest.mark.parametrize(
    ("right", "wrong", "number"),
    [
        ("is", "are", "singular"), ("were", "was", "plural"), ("passes", "pass", "singular"),
        ("kiss", "kisses", "plural"), ("have", "has", "plural"), ("edit", "edits", "plural"), ("went", "gone", None),
    ],
)  # fmt: skip
def test_numbers_of_forms(right: str, wrong: str, number: str | None) -> None:
    assert VerbForms(("it",), right, wrong, 0, "").number == number


@pytest.mark.parametrize(
    ("gold", "text", "message"),
    [
        ("4\tare\tis\n", "the keys to it are\n", "attractors, parted by tabs; found '4"),
        ("x\tare\tis\t0\n", "the keys to it are\n", "attractors, parted by tabs"),
        ("4\tare\tis\tmany\n", "the keys to it are\n", "attractors, parted by tabs"),
        ("3\tare\tis\t0\n", "the keys to it are\n", "'are' after the first 3 words of the sentence, found 'it'"),
        ("9\tare\tis\t0\n", "the keys to it are\n", "found 5 words"),
        ("0\tare\tis\t0\n", "are they\n", "something stands before|after the first 0 words"),
        ("4\tare\tis\t0\n", "the keys to it are\nand more\n", "a sentence for each of the 1 lines"),
        ("4\tare\tare\t0\n", "the keys to it are\n", "Expected two forms"),
        ("", "the keys to it are\n", "empty file"),
        ("4\tare\tis\t0\n", "", "empty file"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, gold: str, text: str, message: str) -> None:
    file = write(tmp_path, gold, text)
    with pytest.raises(DataError, match=message) as error:
        read_verb_forms(file)
    assert str(tmp_path) in str(error.value)


def test_missing_and_several_files_are_refused(tmp_path: Path) -> None:
    gold = write(tmp_path, "4\tare\tis\t0\n", "the keys to it are\n")
    (tmp_path / "x.text").unlink()
    with pytest.raises(DataError, match="Expected a file, found none"):
        read_verb_forms(gold)
    (tmp_path / "y.gold").write_text("")
    with pytest.raises(DataError, match=r"one \.gold file, found x\.gold, y\.gold"):
        gold_file(tmp_path)
    assert gold_file(tmp_path / "nothing") is None


def test_linzens_sentences_have_their_numbers(data_dir: Path) -> None:
    forms, twice = read_verb_forms(data_dir / "agreement_linzen_testset" / "subj_agr_filtered.gold")
    assert (len(forms), twice) == (7485, 4)
    counts = [sum(f.attractors == n for f in forms) for n in range(5)]
    assert sum(counts) == 7485
    assert [abs(a - b) <= 3 for a, b in zip(counts, [1972, 1957, 1943, 1287, 330], strict=True)] == [True] * 5
    assert all(f.number for f in forms)
