"""Commands that run or keep a server."""
