"""Texts as numbers, for every task that reads plain text."""
