"""How a call is sent, and its answer read within its limits."""
