"""The life of a server, and the order in which things happen in it."""
