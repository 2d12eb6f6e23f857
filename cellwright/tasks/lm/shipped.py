"""The small language model in the package, which answers `cellwright complete` where no model is named.

It is an ordinary model's folder, trained with the default settings on the embedded sentences; to make it anew:
python -m cellwright.tasks.lm.shipped
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from cellwright.tasks.lm.predict import LmModel

__all__ = ["FOLDER", "SHIPPED", "shipped_model"]

FOLDER = Path(__file__).with_name("shipped_model")
SHIPPED = "the small model in the package, which knows only its embedded sentences (yours: --model FOLDER)"


def shipped_model() -> LmModel:
    """The model of the package. Raises StorageError: its files were changed."""
    return LmModel.load(FOLDER)


def rebuild(**settings: Any) -> LmModel:
    """Train the model and put it in the package's folder."""
    from cellwright.tasks.api import train

    with tempfile.TemporaryDirectory() as folder:
        train("lm", out=Path(folder) / "run", train__threads=1, **settings)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(Path(folder) / "run" / "best", FOLDER)
    return shipped_model()


if __name__ == "__main__":
    rebuild()
