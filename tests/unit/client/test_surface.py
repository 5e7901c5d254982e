"""What the package offers, and that both clients offer the same."""

import inspect
import pickle
import re
import typing
from importlib import metadata
from typing import get_type_hints

import pytest

import kala_client
from kala_client import AsyncKalaClient, InvalidJobError, KalaClient, errors
from kala_client._version import version


def public(client: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(method)
        for name, method in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    }


def test_both_clients_have_the_same_methods_with_the_same_signatures() -> None:
    def plain(signatures: dict[str, inspect.Signature]) -> dict[str, str]:
        return {
            name: str(signature).replace("AsyncIterator", "Iterator")
            for name, signature in signatures.items()
        }

    assert plain(public(KalaClient)) == plain(public(AsyncKalaClient))


def test_both_clients_are_built_alike() -> None:
    blocking, asyncio = inspect.signature(KalaClient), inspect.signature(AsyncKalaClient)
    assert list(blocking.parameters) == list(asyncio.parameters)


def test_both_clients_are_documented_alike() -> None:
    for name in public(KalaClient):
        assert inspect.getdoc(getattr(KalaClient, name)) == inspect.getdoc(getattr(AsyncKalaClient, name))


def test_every_name_that_is_offered_exists_and_no_other() -> None:
    for name in kala_client.__all__:
        assert getattr(kala_client, name) is not None
    offered = {name for name in dir(kala_client) if name[0].isupper() and name not in vars(typing)}
    assert offered | {"__version__"} == set(kala_client.__all__)
    assert kala_client.__all__ == sorted(kala_client.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = kala_client.nonsense


@pytest.mark.parametrize("client", [KalaClient, AsyncKalaClient])
def test_what_a_method_takes_and_gives_can_be_asked_for(client: type) -> None:
    for name in public(client):
        assert "return" in get_type_hints(getattr(client, name))
    assert get_type_hints(client.get_job)["return"] is kala_client.Job  # type: ignore[attr-defined]


def test_a_model_survives_pickling() -> None:
    job = kala_client.Job(name="a", retries=2)
    again = pickle.loads(pickle.dumps(job))
    assert again == job
    assert again.model_fields_set == {"name", "retries"}


def test_the_version_is_that_of_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    version.cache_clear()
    monkeypatch.setattr(metadata, "version", lambda name: f"{name} 9")
    assert kala_client.__version__ == "kala-client 9"
    version.cache_clear()

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert kala_client.__version__ == "0+unknown"
    version.cache_clear()


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    drawn = set(re.findall(r"Kala\w*Error|\w+Error", errors.__doc__ or ""))
    kinds = {
        kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.KalaError)
    }
    assert {kind.__name__ for kind in kinds} == drawn


def test_an_error_survives_pickling() -> None:
    error = InvalidJobError("no", method="POST", url="http://x/", status=400)
    error.errors = [errors.FieldError("name", "is missing", "backup")]
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "no (POST http://x/); name: is missing (such as backup)"
