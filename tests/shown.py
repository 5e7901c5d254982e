"""What a program may show of an object of the client without meaning to, as a debugger or a report of an error does."""

from collections.abc import Iterator


def shown(value: object) -> Iterator[str]:
    """Yield how it and every object of ours in it would be printed."""
    yield repr(value)
    for name in (*getattr(value, "__dict__", ()), *getattr(type(value), "__slots__", ())):
        inner = getattr(value, name, None)
        for one in inner if isinstance(inner, list | tuple) else [inner]:
            if type(one).__module__.startswith("kala_client"):
                yield from shown(one)
