"""Tagged sentences made from tables, the same for the same seed; parts of the tables are kept for valid and test."""
