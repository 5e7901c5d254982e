"""The contracts of a store and of a runner."""
