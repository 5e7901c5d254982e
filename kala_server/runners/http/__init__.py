"""Carries out HTTP jobs."""
