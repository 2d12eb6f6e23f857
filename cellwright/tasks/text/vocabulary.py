"""Words or characters as rows of a table, learnt from the training split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers

from cellwright.errors import StorageError
from cellwright.tasks.storage.atomic import REPAIR

__all__ = ["BEGIN", "END", "FILE", "PAD", "UNKNOWN", "TextVocabulary"]

PAD, UNKNOWN, BEGIN, END = range(4)
SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
FILE = "words.json"


class TextVocabulary:
    """Tokens by row: padding, unknown, begin and end of a text, then the tokens of training.

    Args:
        tokens: from row 4 on; those four are not among them.
        lower: whether tokens are compared in lower case.
    """

    def __init__(self, tokens: Sequence[str], lower: bool = False) -> None:
        self.lower = lower
        self.tokens = [*SPECIAL, *tokens]
        self.rows = {token: row for row, token in enumerate(self.tokens)}
        if len(self.rows) < len(self.tokens):
            raise ValueError("a token stands twice")

    @classmethod
    def learn(
        cls, texts: Iterable[Sequence[str]], *, min_count: int = 1, most: int = 0, lower: bool = False
    ) -> TextVocabulary:
        """Of the tokens of the training texts, by falling frequency, ties in order of first use.

        Args:
            min_count: a token seen less often is unknown.
            most: keep at most so many; 0 = all.
        """
        counts = Counter(token.lower() if lower else token for text in texts for token in text)
        kept = [token for token, count in counts.most_common() if count >= min_count and token not in SPECIAL]
        return cls(kept[:most] if most else kept, lower)

    def __len__(self) -> int:
        return len(self.tokens)

    def row(self, token: str) -> int:
        """The token's row; UNKNOWN where training did not show it."""
        return self.rows.get(token.lower() if self.lower else token, UNKNOWN)

    def encode(self, text: Sequence[str]) -> list[int]:
        """A row for each token."""
        return [self.row(token) for token in text]

    def to_file(self) -> bytes:
        """A word-level tokenizer in the format that the `tokenizers` library reads."""
        tokenizer = Tokenizer(models.WordLevel(vocab=self.rows, unk_token="<unk>"))
        if self.lower:
            tokenizer.normalizer = normalizers.Lowercase()
        return tokenizer.to_str(pretty=False).encode()

    @classmethod
    def from_file(cls, data: bytes, place: Path) -> TextVocabulary:
        """Raises StorageError: no such tokenizer, or one without the four special tokens at their rows."""
        try:
            tokenizer = Tokenizer.from_str(data.decode())
            rows = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
            if [row for _, row in rows] != list(range(len(rows))) or tuple(token for token, _ in rows[:4]) != SPECIAL:
                raise ValueError(f"{', '.join(SPECIAL)} do not have the first four rows")
        except Exception as error:  # tokenizers raises nothing more special
            raise StorageError(f"Expected a model's words, found: {error}.", file=place, repair=REPAIR) from None
        return cls([token for token, _ in rows[4:]], lower=tokenizer.normalizer is not None)
