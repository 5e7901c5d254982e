"""The web page's shell: its documents and scripts, which hold no data, and the ways that lead there (docs/page.md).

What the page shows it asks the API for, with the token of whoever looks. Nothing here knows a job.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from tornado.httputil import HTTPServerRequest

from kala_server.web.base import Handler
from kala_server.web.context import Context
from kala_server.web.files import SentFile

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""No script but our own files, none that is made of text, and no frame around them."""

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}


class Shell(Handler):
    """A part of the page: for everybody, as it holds nothing, and reached by links on other sites."""

    for_everybody = True
    by_links = True

    def action(self) -> Callable[..., Awaitable[None]]:
        """Take HEAD as GET: the answer goes out without its words."""
        return self.get if self.request.method == "HEAD" else super().action()

    async def get(self) -> None:
        """Lead to the page, by a relative address, so that it is right behind any sub-path."""
        permanent = self.request.path != "/"
        self.headers["Location"] = "webui/"
        self.send(b"", HTTPStatus.PERMANENT_REDIRECT if permanent else HTTPStatus.FOUND)


class PageFile(Shell):
    """A file of the page; of the empty name, its document."""

    def __init__(self, context: Context, request: HTTPServerRequest, name: str) -> None:
        super().__init__(context, request)
        self._name = name or "index.html"

    async def get(self) -> None:
        """Return it, or say that the browser's copy is good."""
        found = self.context.files.find(self._name)
        if found is None:
            self.refuse(HTTPStatus.NOT_FOUND, f"the page has no file {self._name}; it begins at webui/")
        self.headers |= {**_HEADERS, "Content-Type": found.type, "ETag": found.tag}
        if found.tag in self.request.headers.get("If-None-Match", ""):
            self.unchanged()
        else:
            self.send(self._fitting(found))

    def _fitting(self, found: SentFile) -> bytes:
        if "gzip" not in self.request.headers.get("Accept-Encoding", ""):
            return found.plain
        self.headers["Content-Encoding"] = "gzip"
        return found.packed
