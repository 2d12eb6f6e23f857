"""Many-to-one: a text and its class."""
