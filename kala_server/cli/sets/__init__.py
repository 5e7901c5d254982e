"""Commands about sets of jobs that files say."""
