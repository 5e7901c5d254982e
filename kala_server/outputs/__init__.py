"""What runs print: bounded, while they go on, and on the disk."""
