"""Each call as a value: built, checked and decoded here; nothing is sent."""
