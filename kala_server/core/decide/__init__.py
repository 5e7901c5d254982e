"""What follows from what comes in: records and effects."""
