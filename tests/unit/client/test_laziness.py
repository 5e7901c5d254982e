"""What an import of the client does not load. In interpreters of their own, as this one has loaded all of it."""

import subprocess
import sys

import pytest

SLOW = {"asyncio", "httpcore", "isodate", "pydantic", "kala_client.models", "kala_client.schedules.schedule"}


def loaded_by(script: str) -> set[str]:
    """Return the modules that are loaded after the script."""
    program = f"{script}\nimport sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", program], text=True).split())


def test_the_package_alone_loads_only_the_errors() -> None:
    loaded = loaded_by("import kala_client")
    assert not loaded & (SLOW | {"httpx"})
    assert {name for name in loaded if name.startswith("kala_client.")} == {"kala_client.errors"}


def test_the_blocking_client_is_there_without_models_and_asyncio() -> None:
    assert not loaded_by("from kala_client import KalaClient") & SLOW


def test_the_client_for_asyncio_is_there_without_models() -> None:
    assert loaded_by("from kala_client import AsyncKalaClient") & SLOW == {"asyncio"}


def test_a_period_and_the_settings_of_a_client_need_no_models() -> None:
    assert not loaded_by("from kala_client import CallAttempt, Period, RetryPolicy") & SLOW


@pytest.mark.parametrize(
    "script",
    [
        "import kala_client; kala_client.Job(name='a')",
        "import kala_client; kala_client.models.Job(name='a')",
        "from kala_client import *; Job(name='a')",
    ],
)
def test_a_model_is_there_as_soon_as_it_is_named(script: str) -> None:
    assert "kala_client.models" in loaded_by(script)


def test_the_table_of_fields_needs_no_models() -> None:
    assert not loaded_by("import kala_client.fields") & SLOW


def test_every_name_is_shown_before_it_is_loaded() -> None:
    loaded = loaded_by("import kala_client; assert set(kala_client.__all__) <= set(dir(kala_client))")
    assert not loaded & SLOW


def test_every_public_module_is_there_as_an_attribute_of_the_package() -> None:
    modules = ("aio", "client", "clock", "errors", "fields", "models", "schedules")
    loaded = loaded_by(f"import kala_client; print([getattr(kala_client, name) for name in {modules}])")
    assert {f"kala_client.{name}" for name in modules} <= loaded
