"""The missing word: filled in from both sides, in a network where no position sees itself."""
