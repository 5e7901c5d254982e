"""How a run's command is carried out: the Runner protocol and its two kinds, a process and an HTTP call."""
