"""Text of others, made fit for a terminal. Pure."""


def printable(text: str) -> str:
    """Escape what a terminal would obey or hide: control and format characters, line ends among them."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )
