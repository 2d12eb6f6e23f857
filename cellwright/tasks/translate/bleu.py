"""BLEU by sacrebleu (Post 2018, arXiv:1804.08771v2), which `pip install 'cellwright[translate]'` brings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

__all__ = ["MISSING", "available", "corpus_bleu", "signature", "tokenizer_for"]

MISSING = "BLEU is left out: it needs sacrebleu. pip install 'cellwright[translate]'"
CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def available() -> bool:
    """Whether sacrebleu is installed."""
    return find_spec("sacrebleu") is not None


def tokenizer_for(texts: Sequence[str]) -> str | None:
    """ "zh" (each Chinese character a token) where a fifth of the characters are Chinese, "13a" where there are spaces.

    None for texts of one word each, of which BLEU says nothing.
    """
    joined = "".join(texts)
    if len(CHINESE.findall(joined)) > len(joined) / 5:
        return "zh"
    return "13a" if " " in joined else None


def corpus_bleu(found: Sequence[str], references: Sequence[Sequence[str]], tokenizer: str) -> float:
    """BLEU from 0 to 100.

    Args:
        references: one or more right translations of each text.
    """
    from sacrebleu.metrics.bleu import BLEU

    most = max(len(right) for right in references)
    streams: list[Any] = [[right[k] if k < len(right) else None for right in references] for k in range(most)]
    return float(BLEU(tokenize=tokenizer).corpus_score(list(found), streams).score)


def signature(tokenizer: str) -> str:
    """How it was computed: smoothing, tokenizer, version."""
    import sacrebleu

    return f"tok:{tokenizer} smooth:exp version:{sacrebleu.__version__}"
