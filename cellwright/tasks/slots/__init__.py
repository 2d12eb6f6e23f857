"""Slots and intents from a sentence: the network, its training as a task, its use and its measure."""
