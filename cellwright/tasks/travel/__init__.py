"""Travel utterances made from tables, for data that every user has."""
