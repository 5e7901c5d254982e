"""Every route wants a token where there is one; TLS and a Unix socket are other ways to be let in, or not."""

import logging
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from kala_client import AuthenticationError, KalaClient, PermissionDeniedError
from kala_server.config import ConfigError
from kala_server.testing import running_server
from kala_server.web.app import PREFIX, ROUTES
from tests.server.door import METHODS

FULL, READ = "kala_full_0123456789abcdef", "kala_read_0123456789abcdef"
NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
CHALLENGE = 'Basic realm="kala", charset="UTF-8", Bearer realm="kala"'
"""In this order: of one line, Chromium looks at the first scheme only."""
PATHS = [PREFIX + re.sub(r"{\w+}", NO_ID, path) for path, _ in ROUTES] + ["/metrics", "/nope"]


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    path.write_text(f"full {FULL}\nread {READ}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def url(token_file: Path) -> Iterator[str]:
    with running_server(token_file=token_file) as server:
        yield server.url


@pytest.mark.parametrize("path", PATHS)
def test_no_method_of_any_route_is_answered_without_a_token(url: str, path: str) -> None:
    with httpx.Client(base_url=url) as http:
        for method in METHODS:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
                answer = http.request(method, path, headers=headers)
                assert answer.status_code == 401, method
                assert answer.headers["www-authenticate"] == CHALLENGE


@pytest.mark.parametrize("path", PATHS)
def test_a_token_that_allows_to_look_changes_nothing(url: str, path: str) -> None:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {READ}"}) as http:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = http.request(method, path, json={"name": "x", "command": "true"})
            assert (answer.status_code, answer.json()["detail"]) == (403, "this token only allows to look")
        with http.stream("GET", path) as answer:
            assert answer.status_code not in {401, 403}


def test_a_client_shows_its_token_as_bearer_or_in_the_address(url: str) -> None:
    with_password = url.replace("http://", f"http://anybody:{FULL}@")
    for client in (KalaClient(url, token=FULL), KalaClient(with_password)):
        with client as kala:
            job_id = kala.create_job(name="let in", command="true")
            assert kala.get_job(job_id).name == "let in"
    with KalaClient(url, token=READ) as kala:
        assert kala.get_all_jobs()
        with pytest.raises(PermissionDeniedError):
            kala.delete_all_jobs()
    with KalaClient(url, token="kala_wrong_0123456789") as kala, pytest.raises(AuthenticationError):
        kala.get_all_jobs()


def test_a_single_token_may_come_from_the_settings() -> None:
    with running_server(token=FULL) as server, KalaClient(server.url, token=FULL) as kala:
        assert kala.get_all_jobs() == {}
        assert httpx.get(f"{server.url}/api/v1/job/").status_code == 401


def test_a_page_of_another_site_is_refused_even_with_a_token(url: str) -> None:
    headers = {"Authorization": f"Bearer {FULL}", "Origin": "https://evil.example"}
    assert httpx.post(f"{url}/api/v1/job/", headers=headers, json={"name": "x"}).status_code == 403


# -- listening


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_beyond_loopback_no_server_starts_that_anybody_could_use(host: str) -> None:
    with pytest.raises(ConfigError, match=r"--token-file.*--tls-client-ca.*--insecure-open-to-network"):
        running_server(host=host).__enter__()


def test_beyond_loopback_a_token_is_enough_and_its_way_in_the_clear_is_warned_of(
    token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), running_server(host="0.0.0.0", token_file=token_file) as server:
        port = server.url.rpartition(":")[2]
        with KalaClient(f"http://127.0.0.1:{port}", token=FULL) as kala:
            assert kala.get_all_jobs() == {}
    assert "in the clear" in caplog.text


@pytest.mark.parametrize(
    "name", ["", "kala:8000", "http://kala.example", "kala.example/", "*.example", "a b"]
)
def test_a_server_does_not_start_with_a_host_that_no_request_can_name(name: str) -> None:
    with pytest.raises(ConfigError, match=r"--allowed-host takes a name alone, such as kala\.example\.com"):
        running_server(allowed_hosts=frozenset({"kala.example", name})).__enter__()


def test_any_host_may_be_allowed_and_what_that_means_without_a_token_is_warned_of(
    token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    any_host, foreign = frozenset({"*"}), {"Host": "whatever.example"}
    with caplog.at_level(logging.WARNING), running_server(allowed_hosts=any_host) as server:
        jobs = f"{server.url}/api/v1/job/"
        assert httpx.get(jobs, headers=foreign).status_code == 200
        assert httpx.get(jobs, headers={**foreign, "Origin": "http://evil.example"}).status_code == 403
    assert "without tokens, a web page" in caplog.text
    caplog.clear()
    with running_server(allowed_hosts=any_host, token_file=token_file) as server:
        assert httpx.get(f"{server.url}/api/v1/job/", headers=foreign).status_code == 401
    assert caplog.text == ""


def test_a_unix_socket_is_for_its_owner_alone_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "kala.sock"
    with running_server(unix_socket=path) as server:
        assert server.url == f"unix:{path}"
        assert path.stat().st_mode & 0o777 == 0o600
        with (
            httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as http,
            KalaClient("http://localhost", http_client=http) as kala,
        ):
            assert kala.get_job(kala.create_job(name="by socket", command="true")).name == "by socket"
    assert not path.exists()


# -- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate = authority.issue_cert("127.0.0.1")
    paths = {name: folder / name for name in ("cert", "key", "both", "ca")}
    certificate.cert_chain_pems[0].write_to_path(paths["cert"])
    certificate.private_key_pem.write_to_path(paths["key"])
    certificate.private_key_and_cert_chain_pem.write_to_path(paths["both"])
    authority.cert_pem.write_to_path(paths["ca"])
    return paths


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_tls_is_spoken_with_the_certificate_that_is_given(
    authority: trustme.CA, files: dict[str, Path]
) -> None:
    for options in ({"tls_cert": files["cert"], "tls_key": files["key"]}, {"tls_cert": files["both"]}):
        with (
            running_server(**options) as server,
            httpx.Client(verify=trusting(authority)) as http,
            KalaClient(server.url, http_client=http) as kala,
        ):
            assert server.url.startswith("https://")
            assert kala.get_all_jobs() == {}


def test_with_a_client_ca_only_its_certificates_are_let_in(
    authority: trustme.CA, files: dict[str, Path]
) -> None:
    with running_server(tls_cert=files["both"], tls_client_ca=files["ca"]) as server:
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url}/api/v1/job/", verify=trusting(authority))
        context = trusting(authority)
        authority.issue_cert("ann@example.com").configure_cert(context)
        assert httpx.get(f"{server.url}/api/v1/job/", verify=context).json() == {"jobs": {}}


@pytest.mark.parametrize(
    "options", [{"tls_key": "key"}, {"tls_client_ca": "ca"}, {"tls_cert": "ca"}, {"tls_cert": "none"}]
)
def test_tls_that_cannot_work_is_refused_and_the_reason_named(
    files: dict[str, Path], options: dict[str, str]
) -> None:
    named = {name: files.get(value, Path("/none")) for name, value in options.items()}
    with pytest.raises(ConfigError, match=r"--tls-cert|TLS cannot be set up"):
        running_server(**named).__enter__()
