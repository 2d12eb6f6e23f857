"""A trained model of agreement: a text up to a word in, the word's form out."""

from __future__ import annotations

from cellwright.tasks.agreement.grammar import NUMBERS
from cellwright.tasks.agreement.lexicon import LANGUAGES
from cellwright.tasks.classify.predict import TextClassifier

__all__ = ["AgreementModel", "number_of"]

NUMBER = {
    form: NUMBERS[k]
    for language in LANGUAGES.values()
    for forms in language.forms.values()
    for k, form in enumerate(forms)
}


class AgreementModel(TextClassifier):
    """Make it with `cellwright.train("agreement", …)` or `cellwright.load`.

    >>> model = cellwright.load("runs/agreement")
    >>> model.predict("yesterday the keys near the old table").label
    'were'
    """

    task = "agreement"

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"AgreementModel({cell}, {', '.join(self.classes)})"


def number_of(label: str) -> str:
    """ "singular" or "plural" of a class: a form that the generator knows, or the number itself."""
    return NUMBER.get(label, label)
