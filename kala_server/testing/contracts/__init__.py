"""What every store and every runner promises, as suites that any backend can be held against, by pytest or another.

A suite is a class whose methods are the promises. Whoever writes a backend derives a class of tests from it, and says
how one is made. Nothing here needs pytest. Where a promise is broken, the assertion says so; in pytest it says more
after `pytest.register_assert_rewrite("kala_server.testing.contracts")`.
"""

from kala_server.testing.contracts.runners import RunnerContract
from kala_server.testing.contracts.shared_stores import SharedStoreContract
from kala_server.testing.contracts.stores import StoreContract

__all__ = ["RunnerContract", "SharedStoreContract", "StoreContract"]
