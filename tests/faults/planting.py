"""To plant a fault: something else in the place of what there is.

Whatever is replaced may be private: a fault takes the place of our code, and asks nothing of it.
"""


def plant(where: object, name: str, fault: object) -> None:
    """Put the fault there. Raises AttributeError where nothing has that name: it would be a fault of nobody."""
    getattr(where, name)
    setattr(where, name, fault)
