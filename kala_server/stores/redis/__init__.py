"""A store in a Redis: one server of one Redis, which has everything on its disk before it answers."""
