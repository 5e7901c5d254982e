"""The reference server of Kala for Python: a small, durable job scheduler driven over JSON and HTTP."""
