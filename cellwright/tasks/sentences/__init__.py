"""Embedded sentences in English and Chinese, in which words decide each other over a distance."""
