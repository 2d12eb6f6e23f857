"""The command `cellwright`: arguments only; what is done is in the package, imported when a verb needs it."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a message of cellwright's, 2 wrong usage, 130 stopped by Ctrl-C."""
    from cellwright.cli.application import application
    from cellwright.errors import CellwrightError

    try:
        application()
    except CellwrightError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output has gone, as in `cellwright … | head`: nothing is left to do for it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
