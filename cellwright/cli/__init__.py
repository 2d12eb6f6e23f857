"""The command `cellwright`: arguments only; what is done is in the package, imported when a verb needs it."""

from __future__ import annotations

import atexit
import gc
import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a message of cellwright's, 2 wrong usage, 130 stopped by Ctrl-C."""
    from cellwright.cli.application import application
    from cellwright.errors import CellwrightError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # also into a pipe, in any locale: the answers may be Chinese
    atexit.register(gc.freeze)  # the last search for garbage, over all that torch loads, is a fifth of a short command
    try:
        application()
    except CellwrightError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"{type(error).__name__}: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        sys.exit(1)
