"""The shell of the page over HTTP: where it is, what a browser may do with it, and who is let in by a link."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kala_server.testing import running_server
from kala_server.web.files import FOLDER, Files
from tests.page.vendor import PACKAGES, VENDORED, digest

SCRIPTS = sorted(FOLDER.rglob("*.mjs"))
FOLLOWED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with running_server(token="a-token-of-the-tests") as server, httpx.Client(base_url=server.url) as http:
        yield http


def test_the_root_leads_to_the_page_behind_whatever_path_the_server_stands(http: httpx.Client) -> None:
    answers = [http.get(path) for path in ("/", "/webui")]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (302, "webui/"),
        (308, "webui/"),
    ]


def test_the_page_wants_no_token_and_its_data_does(http: httpx.Client) -> None:
    assert http.get("/webui/").status_code == 200
    assert http.get("/api/v1/job/").status_code == 401


def test_a_script_that_is_refused_is_not_asked_by_a_dialog_of_the_browser(http: httpx.Client) -> None:
    by_script = http.get("/api/v1/job/", headers={"Sec-Fetch-Dest": "empty"})
    assert by_script.headers["www-authenticate"] == 'Bearer realm="kala"'
    assert "Basic" in http.get("/api/v1/job/").headers["www-authenticate"]


def test_nothing_but_files_of_the_page_may_run_in_it(http: httpx.Client) -> None:
    for path in ("/webui/", "/webui/app.mjs", "/webui/style.css"):
        headers = http.get(path).headers
        policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["trusted-types"] == policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"


def test_nothing_in_the_page_is_inline_or_from_elsewhere() -> None:
    text = (FOLDER / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", text) == []
    assert [
        address
        for address in re.findall(r'(?:src|href)="([^"]*)"', text)
        if "//" in address or address[0] == "/"
    ] == []


def test_a_browser_asks_for_a_file_again_only_to_hear_that_it_is_the_same(http: httpx.Client) -> None:
    first = http.get("/webui/style.css")
    again = http.get("/webui/style.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"
    assert http.get("/webui/style.css", headers={"If-None-Match": '"another"'}).content == first.content


def test_a_file_is_packed_for_who_takes_it_so(http: httpx.Client) -> None:
    with http.stream("GET", "/webui/app.mjs", headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        unpacked = gzip.decompress(b"".join(packed.iter_raw()))
        assert unpacked == http.get("/webui/app.mjs", headers={"Accept-Encoding": "identity"}).content
    assert (
        "content-encoding" not in http.get("/webui/app.mjs", headers={"Accept-Encoding": "identity"}).headers
    )


@pytest.mark.parametrize(
    "name", ["nope.mjs", "%2e%2e/app.py", "..%2fapp.py", "vendor", "/etc/passwd", "page.py"]
)
def test_no_other_file_is_reached(http: httpx.Client, name: str) -> None:
    assert http.get(f"/webui/{name}").status_code == 404


def test_a_file_that_was_edited_is_seen_at_once(tmp_path: Path) -> None:
    file = tmp_path / "app.mjs"
    file.write_text("1")
    files = Files(file.parent)
    before = files.find("app.mjs")
    file.write_text("one more")
    after = files.find("app.mjs")
    assert before is not None
    assert after is not None
    assert (after.plain, before.tag == after.tag) == (b"one more", False)


@pytest.mark.parametrize("path", ["/", "/webui", "/webui/", "/webui/app.mjs"])
def test_a_link_on_another_site_leads_to_the_page(http: httpx.Client, path: str) -> None:
    assert http.get(path, headers=FOLLOWED).status_code in {200, 302, 308}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Host": "evil.test"},
    ],
)
def test_but_no_frame_script_or_form_of_another_site_does(
    http: httpx.Client, headers: dict[str, str]
) -> None:
    for path in ("/", "/webui", "/webui/", "/webui/app.mjs"):
        assert http.get(path, headers={**FOLLOWED, **headers}).status_code == 403
        assert http.post(path, headers=FOLLOWED).status_code == 403


def test_a_link_on_another_site_leads_to_no_data(http: httpx.Client) -> None:
    for path in ("/api/v1/job/", "/api/v1/openapi.json", "/metrics", "/readyz"):
        assert (
            http.get(path, headers={**FOLLOWED, "Authorization": "Bearer a-token-of-the-tests"}).status_code
            == 403
        )


def test_a_server_without_the_page_has_none_of_it() -> None:
    with running_server(with_page=False) as server, httpx.Client(base_url=server.url) as http:
        assert {http.get(path).status_code for path in ("/", "/webui", "/webui/", "/webui/app.mjs")} == {404}
        assert http.get("/api/v1/stats/").status_code == 200


def test_what_is_vendored_is_what_was_written_of_the_packages_that_it_names() -> None:
    text = VENDORED.read_text("utf-8")
    head, end, body = text.partition("\n*/\n")
    assert end
    assert f"SHA-256 {digest(body)}" in head
    for package, version in PACKAGES.items():
        assert f"{package} {version} (" in head


def test_every_module_says_what_it_is_for_and_is_checked_by_tsc() -> None:
    ours = [script for script in SCRIPTS if script != VENDORED]
    assert ours
    for script in ours:
        first, second = script.read_text("utf-8").splitlines()[:2]
        assert (first, second[:3]) == ("// @ts-check", "/**"), script.name


def test_no_module_makes_markup_or_code_of_text() -> None:
    ours = [script.read_text("utf-8") for script in SCRIPTS if script != VENDORED]
    assert (
        re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:",
            "\n".join(ours),
        )
        == []
    )


def test_the_page_is_small() -> None:
    """Its budget: bytes as they are sent."""
    files = Files()
    sent = {path.name: files.find(str(path.relative_to(FOLDER))) for path in FOLDER.rglob("*.*")}
    packed = {name: len(file.packed) for name, file in sent.items() if file is not None}
    assert sum(size for name, size in packed.items() if name.endswith(".mjs")) <= 45 * 1024
    assert packed["style.css"] <= 6 * 1024


def test_a_script_is_sent_without_its_comments_and_each_line_is_where_it_stands(tmp_path: Path) -> None:
    written = (
        "/**\n * Types.\n */\n\nconst a = /** @type {any} */ ('// not one');\n  // one\n  f(a); // one more\n"
    )
    (tmp_path / "a.mjs").write_text(written)
    sent = Files(tmp_path).find("a.mjs")
    assert sent is not None
    assert sent.plain.decode() == "\n\n\n\nconst a =  ('// not one');\n\nf(a);\n"
