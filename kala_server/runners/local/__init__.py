"""Carries out commands on this machine, in a worker process."""
