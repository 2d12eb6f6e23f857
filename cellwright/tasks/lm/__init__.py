"""The language model: the next word or character of a text, its measure, its completions and its own texts."""
