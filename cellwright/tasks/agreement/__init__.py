"""Agreement: the number of a word is that of its subject, whatever nouns stand between."""
