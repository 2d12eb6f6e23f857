"""What needs no network: the most frequent answer, and the most frequent tag of each word by itself."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from cellwright.errors import StorageError
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.text.tag_table import TagTable
from cellwright.tasks.text.words import normalize

__all__ = ["Baselines"]


class Baselines:
    """Learnt from the training split, saved with the model, printed beside it.

    `majority` says O for every word and the most frequent intent. `per_token` gives each word the tag it has most
    often (an unseen word the most frequent tag of words seen once) and the intent its words make likeliest, each word
    by itself (naive Bayes, add-one). Neither sees the order of words.
    """

    def __init__(
        self, tags: dict[str, str], rare: str, intents: dict[str, int], words: dict[str, dict[str, int]]
    ) -> None:
        self.tags, self.rare, self.intents, self.words = tags, rare, intents, words
        self.totals = {intent: sum(counts.get(intent, 0) for counts in words.values()) for intent in intents}

    @classmethod
    def learn(cls, utterances: Sequence[Utterance]) -> Baselines:
        words: dict[str, Counter[str]] = defaultdict(Counter)
        for u in utterances:
            for word in u.words:
                words[normalize(word)][u.intent] += 1
        table = TagTable.learn((u.words, u.slots) for u in utterances)
        return cls(
            dict(table.tags),
            table.rare,
            dict(Counter(u.intent for u in utterances).most_common()),
            {word: dict(counts) for word, counts in words.items()},
        )

    def majority(self, utterance: Utterance) -> tuple[list[str], str]:
        """(tags, intent)."""
        return ["O"] * len(utterance.words), next(iter(self.intents))

    def per_token(self, utterance: Utterance) -> tuple[list[str], str]:
        """(tags, intent)."""
        words = [normalize(word) for word in utterance.words]
        return [self.tags.get(word, self.rare) for word in words], self._likeliest(words)

    def _likeliest(self, words: Sequence[str]) -> str:
        known = [self.words[word] for word in words if word in self.words]

        def log_probability(intent: str) -> float:
            total = math.log(self.totals[intent] + len(self.words))
            return math.log(self.intents[intent]) + sum(math.log(c.get(intent, 0) + 1) - total for c in known)

        return max(self.intents, key=log_probability)

    def to_data(self) -> dict[str, Any]:
        return {"tags": self.tags, "rare": self.rare, "intents": self.intents, "words": self.words}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], place: object) -> Baselines:
        """Raises StorageError: the data is not what `to_data` gave."""
        try:
            checked = cls(
                {str(k): str(v) for k, v in data["tags"].items()},
                str(data["rare"]),
                {str(k): int(v) for k, v in data["intents"].items()},
                {str(w): {str(k): int(v) for k, v in c.items()} for w, c in data["words"].items()},
            )
            if not checked.intents or min(checked.intents.values()) < 1:
                raise ValueError("no intents")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"Expected the baselines of a model, found: {error!r}.",
                file=str(place),
                repair="Train the model again.",
            ) from None
        return checked
