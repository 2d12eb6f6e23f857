"""A tag a word: parts of speech, labelled spans, or the words of a text written without spaces."""
