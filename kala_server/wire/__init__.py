"""Between the wire and the core: requests become specs; jobs, runs and records become JSON. No I/O and no HTTP."""
