"""Where records are kept; stores know nothing of jobs."""
