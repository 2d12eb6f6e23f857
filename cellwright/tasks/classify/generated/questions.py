"""Questions of six classes; what is asked is told by the main clause, and other clauses hold question words too."""

from __future__ import annotations

import numpy as np

from cellwright.tasks.data.held_out import Split, choose, split_stream

__all__ = ["english_questions"]

SIZES: dict[Split, int] = {"train": 4000, "valid": 500, "test": 1000}

# class: main clauses; {v} bare verb phrase, {p} past, {s} subject. The last three are kept for valid and test: other
# orders of words that training has in this class.
CLASSES: dict[str, tuple[str, ...]] = {
    "person": (
        "who {p}", "who was it that {p}", "which man {p}", "which woman {p}", "tell me who {p}",
        "which man was it that {p}", "tell me which woman {p}", "tell me who it was that {p}",
    ),
    "place": (
        "where did {s} {v}", "in which town did {s} {v}", "in which country did {s} {v}", "at what place did {s} {v}",
        "tell me where {s} {p}", "in what town did {s} {v}", "where was it that {s} {p}",
        "tell me in which country {s} {p}",
    ),
    "time": (
        "when did {s} {v}", "in which year did {s} {v}", "on what day did {s} {v}", "at what time did {s} {v}",
        "tell me when {s} {p}", "in what year did {s} {v}", "when was it that {s} {p}", "tell me on which day {s} {p}",
    ),
    "number": (
        "how many times did {s} {v}", "how often did {s} {v}", "how many people saw that {s} {p}",
        "for how many days did {s} {v}", "tell me how often {s} {p}", "on how many days did {s} {v}",
        "how many times was it that {s} {p}", "tell me how many people saw that {s} {p}",
    ),
    "reason": (
        "why did {s} {v}", "for what reason did {s} {v}", "what made it that {s} {p}",
        "what was the cause that {s} {p}", "tell me why {s} {p}", "for which reason did {s} {v}",
        "why was it that {s} {p}", "tell me the reason that {s} {p}",
    ),
    "manner": (
        "how did {s} {v}", "in what way did {s} {v}", "by what means did {s} {v}", "in which manner did {s} {v}",
        "tell me how {s} {p}", "in which way did {s} {v}", "how was it that {s} {p}", "tell me by what means {s} {p}",
    ),
}  # fmt: skip
SUBJECTS = (
    "the king", "the painter", "my uncle", "the old captain", "the mayor", "the young doctor", "a farmer", "the poet",
    "the band", "our teacher", "the pilot", "the queen", "the nurse", "a soldier", "the singer", "the baker",
)  # fmt: skip
VERBS = (  # bare, past
    ("leave the town", "left the town"), ("find the ring", "found the ring"), ("build a bridge", "built a bridge"),
    ("lose the war", "lost the war"), ("write the letter", "wrote the letter"), ("sell the house", "sold the house"),
    ("meet the duke", "met the duke"), ("win the race", "won the race"), ("sing the song", "sang the song"),
    ("buy a boat", "bought a boat"), ("catch the thief", "caught the thief"), ("draw the map", "drew the map"),
    ("break the clock", "broke the clock"), ("hide the gold", "hid the gold"), ("cross the river", "crossed the river"),
    ("open the school", "opened the school"),
)  # fmt: skip
ASKED = ("who", "where", "when", "how often", "why", "how")
# {m}: the clause that asks; {q} {s} {p}: another question's word, subject and verb.
SHAPES = (
    "{m} ?", "{m} , after someone had asked {q} {s} {p} ?", "I know {q} {s} {p} , but {m} ?",
    "nobody cares {q} {s} {p} ; {m} ?", "{m} , and I do not mean {q} {s} {p} ?", "forget {q} {s} {p} : {m} ?",
    "{m} , now that we know {q} {s} {p} ?", "after we asked {q} {s} {p} , {m} ?", "we know {q} {s} {p} ; but {m} ?",
    "I do not care {q} {s} {p} : {m} ?", "{m} , after we know {q} {s} {p} ?", "we asked {q} {s} {p} ; now {m} ?",
    "{m} , and nobody cares {q} {s} {p} ?", "someone asked {q} {s} {p} , but {m} ?",
)  # fmt: skip


def english_questions(seed: int = 0, train: int = 0) -> dict[str, list[tuple[str, str]]]:
    """(text, class) by split; `train` texts in train, 0 = 4,000."""
    found: dict[str, list[tuple[str, str]]] = {}
    for split, size in {**SIZES, "train": train or SIZES["train"]}.items():
        rng = split_stream(seed, "questions-en", split)
        found[split] = [_question(rng, split) for _ in range(size)]
    return found


def _question(rng: np.random.Generator, split: Split) -> tuple[str, str]:
    label = list(CLASSES)[rng.integers(len(CLASSES))]
    shape = SHAPES[0] if rng.random() < 0.1 else choose(rng, SHAPES[1:], split)
    asks = choose(rng, CLASSES[label], split).format(**_event(rng, split))
    other = ASKED[rng.integers(len(ASKED))]
    return shape.format(m=asks, q=other, **_event(rng, split)), label


def _event(rng: np.random.Generator, split: Split) -> dict[str, str]:
    bare, past = choose(rng, VERBS, split)
    return {"s": choose(rng, SUBJECTS, split), "v": bare, "p": past}
