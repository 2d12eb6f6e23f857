"""Tables of the English reviews. What stands late in a list is kept for valid or test."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["BAD", "CHATTER", "DENIED", "FAULTS", "FAULTS_DENIED", "FAULT_WORDS", "GOOD", "HOPED", "OTHER_SHOP", "PLAIN"]

_FINE = ("good", "great", "nice", "lovely")
_POOR = ("bad", "poor", "awful", "dreadful")
_GOOD = {
    "paper": ("smooth", "thick"), "cover": ("sturdy", "pretty"), "binding": ("solid", "neat"),
    "price": ("fair", "low"), "parcel": ("tidy", "quick"), "colour": ("bright", "pretty"),
    "pen": ("smooth", "reliable"), "print": ("sharp", "clean"), "delivery": ("quick", "careful"),
    "service": ("friendly", "quick"), "lamp": ("bright", "sturdy"), "bag": ("sturdy", "roomy"),
    "screen": ("sharp", "bright"), "keyboard": ("quiet", "solid"), "sound": ("clean", "clear"),
    "battery": ("reliable", "solid"), "cloth": ("soft", "thick"), "finish": ("neat", "smooth"),
    "seller": ("friendly", "honest"), "box": ("sturdy", "tidy"),
}  # fmt: skip
_BAD = {
    "paper": ("thin", "rough"), "cover": ("flimsy", "ugly"), "binding": ("loose", "sloppy"),
    "price": ("unfair", "silly"), "parcel": ("dirty", "late"), "colour": ("dull", "ugly"),
    "pen": ("scratchy", "flimsy"), "print": ("blurred", "faint"), "delivery": ("slow", "late"),
    "service": ("rude", "slow"), "lamp": ("dim", "flimsy"), "bag": ("flimsy", "ugly"),
    "screen": ("dim", "blurred"), "keyboard": ("loud", "sticky"), "sound": ("faint", "rough"),
    "battery": ("weak", "useless"), "cloth": ("thin", "scratchy"), "finish": ("sloppy", "rough"),
    "seller": ("rude", "dishonest"), "box": ("dirty", "flimsy"),
}  # fmt: skip
GOOD = {noun: (*_FINE, *words) for noun, words in _GOOD.items()}
BAD = {noun: (*_POOR, *words) for noun, words in _BAD.items()}

PLAIN = (
    "the {noun} is {word}", "the {noun} is really {word}", "what a {word} {noun}", "I find the {noun} {word}",
    "it has a {word} {noun}", "the {noun} looks {word}", "a very {word} {noun}", "the {noun} is so {word}",
    "everyone here calls the {noun} {word}", "the {noun} turned out {word}",
)  # fmt: skip
DENIED = (
    "the {noun} is not {word}", "the {noun} is not {word} at all", "nobody could call the {noun} {word}",
    "nothing about the {noun} is {word}", "the {noun} is never {word}", "I do not find the {noun} {word}",
    "it does not have a {word} {noun}", "the {noun} is by no means {word}", "the {noun} is not really all that {word}",
    "never did I find the {noun} {word}", "no one here would call the {noun} {word}", "the {noun} does not look {word}",
)  # fmt: skip
HOPED = (
    "I expected a {hoped} {noun} but it is {word}", "they promised a {hoped} {noun} but I got a {word} one",
    "I thought the {noun} would be {hoped} but no , it is {word}",
    "others found the {noun} {hoped} but to me it is {word}",
    "I was told the {noun} was {hoped} but it is {word}", "I had hoped for a {hoped} {noun} but this one is {word}",
)  # fmt: skip
FAULT_WORDS = ("smell", "stain", "crack", "scratch", "tear", "dent", "hole", "loose page", "sharp edge")
FAULTS = (
    "there was a {fault}", "it came with a {fault}", "I found a {fault} at once", "mine has a {fault}",
    "after a week it had a {fault}", "the first thing I saw was a {fault}",
)  # fmt: skip
FAULTS_DENIED = (
    "there was no {fault}", "it came without a {fault}", "I found no {fault} at all", "mine does not have a {fault}",
    "after a week it had not one {fault}", "I never saw a {fault}",
)  # fmt: skip
OTHER_SHOP = (
    "the one from another shop was different : {}", "about the last one I had elsewhere : {}",
    "my friend has another brand and says : {}", "of the old one from another shop I wrote : {}",
    "on the other brand people say : {}", "my last one , from elsewhere : {}",
)  # fmt: skip
CHATTER = (
    "I bought it for my daughter", "it arrived on Monday", "this is my second order", "I ordered two of them",
    "we use it at work", "it was a present", "I needed one for school", "ordered late at night", "it stands on my desk",
    "I have had it for a month",
)  # fmt: skip


def join(clauses: Sequence[str]) -> str:
    """A review of these clauses."""
    return re.sub(r"\ba (?=[aeiou])", "an ", " . ".join(clauses) + " .")
