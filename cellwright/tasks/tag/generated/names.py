"""English sentences with names of people, places and firms, most of which may be any of the three."""

from __future__ import annotations

import numpy as np

from cellwright.tasks.data.held_out import Split, choose, split_stream

__all__ = ["tagged_names"]

SIZES: dict[Split, int] = {"train": 3000, "valid": 400, "test": 800}

ANY = (
    "Jordan", "Carver", "Lincoln", "Orwell", "Paris", "Chelsea", "Morgan", "Sidney", "Austin", "Ford", "Kent", "Devon",
    "Dakota", "Lorraine", "Savannah", "Houston", "Hudson", "Madison", "Chester", "Clifford", "Preston", "Stratton",
)  # fmt: skip
NAMES = {
    "person": (
        "Ann Lee",
        "Peter Brown",
        "Maria",
        "John Smith",
        "Ruth",
        "Omar Haddad",
        "Wei Zhang",
        "Ella",
        "Igor",
        "Nina",
    ),
    "place": ("Berlin", "New York", "Lake Como", "Peru", "Oslo", "Hong Kong", "Kenya", "Rome", "Lima", "West Dale"),
    "firm": ("Acme Corp", "Nordbank", "Blue Rail", "Hale and Sons", "Telia", "Vega Foods", "Orbit", "Zenith Air"),
}
FRAMES = (
    "{person} said so yesterday", "we flew to {place} in May", "shares of {firm} fell again",
    "{person} was born in {place}",
    "the head of {firm} is {person}", "she works for {firm} in {place}", "her uncle {person} lives near {place}",
    "the city of {place} has a new bridge", "{firm} hired {person} last week", "they drove from {place} to {place}",
    "mr {person} and mrs {person} agreed", "profits at {firm} rose", "{person} , who left {firm} , moved to {place}",
    "a train to {place} was late", "the lawyer of {person} said no", "customers of {firm} in {place} complain",
    "it rained all day in {place}", "{firm} will open a shop in {place}", "{person} told us about {place}",
    "the shop near the river was closed",
)  # fmt: skip


def tagged_names(seed: int = 0, train: int = 0) -> dict[str, list[tuple[list[str], list[str]]]]:
    """(words, BIO tags) by split; `train` sentences in train, 0 = 3,000."""
    found = {}
    for split, size in {**SIZES, "train": train or SIZES["train"]}.items():
        rng = split_stream(seed, "names-en", split)
        found[str(split)] = [_sentence(rng, split) for _ in range(size)]
    return found


def _sentence(rng: np.random.Generator, split: Split) -> tuple[list[str], list[str]]:
    words: list[str] = []
    tags: list[str] = []
    for part in choose(rng, FRAMES, split).split():
        if not part.startswith("{"):
            words.append(part)
            tags.append("O")
            continue
        label = part.strip("{}")
        name = choose(rng, ANY if rng.random() < 0.7 else NAMES[label], split).split()
        words += name
        tags += [f"B-{label}", *[f"I-{label}"] * (len(name) - 1)]
    return words, tags
