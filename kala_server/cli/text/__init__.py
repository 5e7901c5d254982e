"""What is shown on a terminal, and what is typed there."""
