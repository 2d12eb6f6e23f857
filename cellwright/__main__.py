"""`python -m cellwright` is the command `cellwright`."""

from cellwright.cli import main

main()
