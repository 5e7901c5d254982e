"""The state, which is the fold of the records; it decides nothing."""
