"""The store in PostgreSQL, of which several servers may be: one appends, the others follow. Only here is SQL."""
