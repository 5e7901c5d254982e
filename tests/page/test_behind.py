"""Whoever says who somebody is, a certificate, a proxy or an address, the page works and asks nothing more."""

import ssl
from pathlib import Path

import httpx
import pytest
import trustme
from playwright.sync_api import Browser, Error, expect

from kala_client import KalaClient
from kala_server.testing import running_server
from tests.page.browsing import Window, button, link, window
from tests.page.reverse_proxy import below_a_path

FULL, READ = "full-token-of-the-tests", "read-token-of-the-tests"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """A file with a token of each scope."""
    file = tmp_path / "tokens"
    file.write_text(f"full {FULL}\nread {READ}\n")
    file.chmod(0o600)
    return file


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs for servers and for people."""
    return trustme.CA()


def written(certificate: trustme.LeafCert, folder: Path, name: str) -> Path:
    file = folder / f"{name}.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(file))
    return file


def does_all_of_it(seen: Window, job: str) -> None:
    """See a job, run it, follow what it prints, and change it: GET, POST, a stream and PATCH."""
    tab = seen.open("jobs")
    expect(link(tab, "nightly dump")).to_be_visible()
    tab = seen.open(f"job/{job}")
    expect(tab.get_by_text("live", exact=True)).to_be_visible()
    button(tab, "Run now").click()
    button(tab, "Yes, run “nightly dump” now").click()
    expect(tab.get_by_label("What it printed")).to_contain_text("dumped")
    tab = seen.open(f"job/{job}/edit")
    tab.get_by_label("Owner").fill("ana@example.com")
    button(tab, "Save 1 change").click()
    expect(tab.get_by_text("ana@example.com")).to_be_visible()


def make(kala: KalaClient) -> str:
    return kala.create_job(name="nightly dump", command="echo dumped", schedule="0 3 1 1 *")


def test_who_shows_a_certificate_of_the_authority_is_asked_nothing_and_others_see_nothing(
    browser: Browser, authority: trustme.CA, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    anns = authority.issue_cert("ann@example.com")
    mine = written(anns, tmp_path, "ann")
    own = ssl.create_default_context(cafile=ca)
    anns.configure_cert(own)
    cert = written(authority.issue_cert("127.0.0.1"), tmp_path, "server")
    with (
        running_server(tls_cert=cert, tls_client_ca=ca) as server,
        httpx.Client(verify=own) as http,
        KalaClient(server.url, http_client=http) as kala,
    ):
        job = make(kala)
        shown = [{"origin": server.url, "certPath": mine, "keyPath": mine}]
        with window(browser, server.url, client_certificates=shown, ignore_https_errors=True) as seen:
            does_all_of_it(seen, job)
        context = browser.new_context(ignore_https_errors=True)
        with pytest.raises(Error, match="ERR_"):
            context.new_page().goto(f"{server.url}/webui/")
        context.close()


def test_a_proxy_that_asks_by_basic_and_adds_the_token_is_all_that_asks(
    browser: Browser, tokens: Path, tmp_path: Path
) -> None:
    """The server listens on a Unix socket, below a path of the proxy."""
    socket = tmp_path / "kala.sock"
    transport = httpx.HTTPTransport(uds=str(socket))
    with (
        running_server(unix_socket=socket, token_file=tokens),
        KalaClient("http://localhost", token=FULL, transport=transport) as kala,
        below_a_path(socket, basic="ann:secret", token=FULL) as url,
    ):
        job = make(kala)
        ann = {"username": "ann", "password": "secret"}
        with window(browser, url, http_credentials=ann) as seen:
            does_all_of_it(seen, job)
            expect(button(seen.open(), "Sign out")).to_have_count(0)
        context = browser.new_context()
        with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
            context.new_page().goto(f"{url}/webui/")
        context.close()


def test_behind_a_proxy_that_undoes_tls_all_of_it_works(browser: Browser, authority: trustme.CA) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with (
        running_server() as server,
        KalaClient(server.url) as kala,
        below_a_path(server.url, tls=tls) as url,
        window(browser, url, ignore_https_errors=True) as seen,
    ):
        does_all_of_it(seen, make(kala))


def test_a_token_in_the_address_signs_in(browser: Browser, tokens: Path) -> None:
    with running_server(token_file=tokens) as server:
        with KalaClient(server.url, token=FULL) as kala:
            job = make(kala)
        with window(browser, server.url) as seen:
            tab = seen.open()
            expect(button(tab, "Sign in")).to_be_visible()
            tab.goto(f"{server.url.replace('//', f'//kala:{FULL}@')}/webui/#/jobs")
            expect(link(tab, "nightly dump")).to_be_visible()
            assert FULL not in tab.evaluate("location.href + document.body.innerText")
            does_all_of_it(seen, job)
