"""Several servers of one Kala: which is asked, when, with what, and how it is told where none has an answer."""

import base64
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kala_client as kala
from kala_client import RetryPolicy
from kala_client._calls import builders
from kala_client._calls.answers import Answer
from kala_client._calls.retry import Send, Wait, exchange
from kala_client._calls.servers import Servers, place_of
from kala_client._http.target import Target
from tests.unit.client.answers import ID, JOB, answer
from tests.unit.client.conftest import OURS

A, B, C = "http://a.test", "http://b.test:8000", "http://c.test"
STEADY = RetryPolicy(random=lambda: 1.0)
Response = httpx.Response | Exception


def follows(leader: str | None, **headers: str) -> httpx.Response:
    said = OURS | ({"Kala-Leader": leader} if leader else {"Retry-After": "1"}) | headers
    return httpx.Response(503, headers=said, json={"detail": "it follows", "leader": leader})


LEADS = httpx.Response(200, headers=OURS, json={"job": JOB})
DOES = httpx.Response(204, headers=OURS)
GONE = httpx.ConnectError("refused")
CUT = httpx.ReadError("cut")


class Several:
    """Servers by their hosts, each with prepared answers in order, the last one for ever."""

    def __init__(self, **servers: list[Response]) -> None:
        self.servers = servers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = self.servers[request.url.host.removesuffix(".test")]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(found, Exception):
            raise found
        return httpx.Response(
            found.status_code, headers=found.headers, content=found.content, request=request
        )

    @property
    def hosts(self) -> str:
        """Whom they were for, in order."""
        return "".join(request.url.host[0] for request in self.requests)


Connect = Callable[..., Any]


@pytest.fixture
def to(connect: Connect) -> Connect:
    """Make a client of several servers."""

    def make(several: Several, *urls: str, **options: Any) -> Any:
        return connect(several, list(urls) or [A, B], **{"retry": STEADY, **options})

    return make


@pytest.mark.parametrize("said", [f"{A},{B}", f" {A} , {B}\n", [A, B], (A, B), f"{A},{B},{A}/,{B}/api/v1"])
def test_several_addresses_are_a_text_with_commas_or_a_sequence_and_each_is_one_server(said: Any) -> None:
    assert [target.url.rstrip("/") for target in Target.choose(said, None, {})] == [A, B]


def test_so_is_the_variable(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALA_URL", f"{A},{B}")
    several = Several(a=[GONE], b=[LEADS])
    client = connect(several, None)
    assert client.get_job(ID).id == ID
    assert several.hosts == "ab"


@pytest.mark.parametrize("made", [kala.KalaClient, kala.AsyncKalaClient])
def test_a_client_shows_all_of_them_and_no_password(made: Any) -> None:
    client = made("http://u:canary@a.test,http://b.test", token="canary")
    assert repr(client) == f"{made.__name__}(url='http://a.test,http://b.test')"


def test_a_comma_in_a_password_or_a_path_parts_nothing() -> None:
    (only,) = Target.choose("http://u:one,two@a.test/x,y", None, {})
    assert only.url == "http://a.test/x,y"
    assert only.headers["Authorization"] == f"Basic {base64.b64encode(b'u:one,two').decode()}"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ([f"{A},{B}"], "'http://a.test,http://b.test:8000'"),
        (f"{A},ftp://b.test", "'ftp://b.test'"),
        (f"{A},b.test:8000", "'http://a.test,b.test:8000'"),
        (f"http://a.test:8000,b.test:8000,{C}", "'http://a.test:8000,b.test:8000': "),
        (f"{A},http://x:canary@b.test:99999", "'http://b.test:99999': there is no port 99999"),
        ([A, ""], "''"),
        (f"{A},", "'http://a.test,'"),
        ([A, "http://["], "'an address that is none'"),
        ([], "url must name a server"),
    ],
)
def test_of_several_addresses_the_wrong_one_is_named(wrong: Any, named: str) -> None:
    with pytest.raises(ValueError, match=r"such as http://127\.0\.0\.1:8000") as raised:
        kala.KalaClient(wrong)
    assert named in str(raised.value)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("wrong", [b"http://a.test", [b"http://a.test"], {A: B}, [None]])
def test_what_is_no_text_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="url must be of type str or a sequence of such, not "):
        kala.KalaClient(wrong)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("http://A.test", "http://a.test:80/"),
        ("https://a.test/base/", "HTTPS://a.test:443/base"),
        ("http://a.test/base/api/v1", "http://a.test/base"),
        ("http://bücher.test", "http://xn--bcher-kva.test"),
        ("http://[::1]:8000", "http://[::1]:8000/"),
    ],
)
def test_an_address_means_a_server_however_it_is_written(one: str, same: str) -> None:
    assert Servers([C, one]).number_of(same) == 1


@pytest.mark.parametrize(
    "other", ["https://a.test", "http://a.test:8080", "http://a.test/base", "http://b.test", "", "http://["]
)
def test_another_scheme_host_port_or_path_is_another_server(other: str) -> None:
    assert Servers([A]).number_of(other) is None


@given(st.text())
def test_any_text_means_a_server_or_none(text: str) -> None:
    assert Servers([A]).number_of(text) in {None, 0}
    assert place_of(text) == place_of(text)


def test_each_server_has_its_own_path_and_user_and_all_have_the_token(to: Connect) -> None:
    several = Several(a=[GONE], b=[GONE], c=[LEADS])
    urls = ("http://x:1@a.test/one", "http://y:2@b.test/two/api/v1", C)
    to(several, *urls).get_job(ID)
    to(several, *urls, token="t0ken").get_job(ID)
    assert [str(request.url).partition("/api/")[0] for request in several.requests[:3]] == [
        *("http://a.test/one", "http://b.test/two", C)
    ]
    said = [request.headers.get("Authorization") for request in several.requests]
    assert said == ["Basic eDox", "Basic eToy", None, *["Bearer t0ken"] * 3]


@pytest.mark.parametrize("given_", ["transport", "http_client"])
def test_connections_that_were_given_are_for_all_of_them(
    to: Connect, kind: str, given_: str, runner: Any
) -> None:
    several = Several(a=[GONE], b=[LEADS])
    transport = httpx.MockTransport(several)
    mine = {"sync": httpx.Client, "async": httpx.AsyncClient}[kind](transport=transport)
    client = to(
        several, token="t0ken", **{"transport": None, given_: {"transport": transport}.get(given_, mine)}
    )
    for _ in range(2):
        assert client.get_job(ID).id == ID
    client.close()
    assert several.hosts == "abb"
    assert {request.headers["Authorization"] for request in several.requests} == {"Bearer t0ken"}
    assert not mine.is_closed
    mine.close() if kind == "sync" else runner.run(mine.aclose())


def test_a_take_over_is_waited_for_with_every_kind_of_call(to: Connect, clock: Any) -> None:
    calls: list[tuple[Callable[[Any], object], httpx.Response]] = [
        (lambda client: client.create_job(name="a", command="true"), httpx.Response(201, json={"id": ID})),
        (lambda client: client.delete_job(ID), DOES),
        (lambda client: client.disable_job(ID), DOES),
        (lambda client: client.start_job(ID), DOES),
    ]
    for call, last in calls:
        several = Several(a=[GONE], b=[follows(A), follows(A), follows(None), follows(None), last])
        clock.sleeps.clear()
        call(to(several))
        assert several.hosts == "ab" + "ba" * 3 + "b"
        assert clock.sleeps == [0.2, 0.4, 1.0, 1.0]


def test_a_server_alone_that_knows_no_leader_is_waited_for_as_long_as_it_asks(
    to: Connect, clock: Any
) -> None:
    several = Several(a=[follows(None), follows(None), DOES])
    to(several, A).start_job(ID)
    assert clock.sleeps == [1.0, 1.0]


def test_where_nobody_leads_until_the_end_that_is_told_with_what_the_others_said(
    to: Connect, clock: Any
) -> None:
    several = Several(a=[GONE], b=[follows(None)])
    with pytest.raises(kala.NotLeaderError, match="no other one does at the moment; nothing was") as raised:
        to(several, timeout=10).start_job(ID)
    assert raised.value.leader is None
    assert raised.value.__notes__ == ["no Kala can be reached at http://a.test: refused"]
    assert sum(clock.sleeps) < 10


def test_with_retries_turned_off_each_is_asked_once(to: Connect, clock: Any) -> None:
    for first in (GONE, follows(None), follows(B)):
        several = Several(a=[first], b=[follows(A)])
        with pytest.raises(kala.NotLeaderError):
            to(several, retry=RetryPolicy(attempts=1)).start_job(ID)
        assert several.hosts == "ab"
    assert clock.sleeps == []


def test_a_leader_is_asked_before_those_that_were_given_before_it(to: Connect) -> None:
    several = Several(a=[follows(f"{C}/")], b=[GONE], c=[DOES])
    to(several, A, B, C).start_job(ID)
    assert several.hosts == "ac"


def test_two_that_name_each_other_are_asked_once_in_an_attempt(to: Connect, clock: Any) -> None:
    several = Several(a=[follows(B), follows(B), DOES], b=[follows(A)])
    to(several).start_job(ID)
    assert several.hosts == "abbaa"
    assert clock.sleeps == [0.2, 0.4]


@pytest.mark.parametrize("call", ["get_job", "disable_job", "start_job"])
def test_where_none_is_reached_all_are_named(to: Connect, call: str) -> None:
    several = Several(a=[GONE], b=[GONE])
    with pytest.raises(kala.KalaConnectionError, match=r"b\.test|a\.test") as raised:
        getattr(to(several), call)(ID)
    assert raised.value.never_sent
    named = f"{raised.value} {raised.value.__notes__}"
    assert "http://a.test" in named
    assert "http://b.test:8000" in named
    assert several.hosts == {"start_job": "ab"}.get(call, "ababab")


def test_what_may_have_been_done_is_told_so_whatever_comes_after_it(to: Connect) -> None:
    for first, told in ((CUT, "broke off"), (answer(status=502), "answered 502")):
        several = Several(a=[LEADS, first, GONE], b=[follows(C)])
        client = to(several)
        client.get_job(ID)
        with pytest.raises(kala.KalaError, match=told) as raised:
            client.create_job(name="a", command="true")
        assert not getattr(raised.value, "never_sent", False)
        assert "name both" in str(raised.value.__notes__)
        assert len({request.headers["Idempotency-Key"] for request in several.requests[1:]}) == 1


def test_an_error_with_what_others_said_survives_pickling(to: Connect) -> None:
    several = Several(a=[GONE], b=[follows(C)])
    with pytest.raises(kala.NotLeaderError) as raised:
        to(several).delete_job(ID)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.leader) == (str(raised.value), C)
    assert again.__notes__ == raised.value.__notes__ != []


def test_after_a_failure_the_next_call_begins_with_another_server(to: Connect) -> None:
    several = Several(a=[answer(status=502)], b=[DOES])
    client = to(several)
    with pytest.raises(kala.ServerError):
        client.disable_job(ID)
    client.disable_job(ID)
    client.disable_job(ID)
    assert several.hosts == "abb"


@pytest.mark.parametrize(
    "strange",
    ["javascript:alert(1)", "http://u:canary@c.test/?canary", "nobody\r\n", "x" * 5000, "//", "http://["],
)
def test_a_leader_that_is_no_address_is_told_bounded_and_on_one_line(to: Connect, strange: str) -> None:
    refusal = httpx.Response(503, headers=OURS, json={"leader": strange})
    with pytest.raises(kala.NotLeaderError) as raised:
        to(Several(a=[refusal]), A, B).disable_job(ID)
    assert len(str(raised.value)) < 1000
    assert not set(str(raised.value)) & {"\n", "\r"}
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "other",
    [
        httpx.Response(503, headers={"Kala-Leader": B, "Retry-After": "1"}, json={"leader": B}),
        httpx.Response(503, headers=OURS | {"Retry-After": "1"}, json={"detail": "the disk has failed"}),
        httpx.Response(503, headers=OURS, text="no JSON"),
        httpx.Response(500, headers=OURS | {"Kala-Leader": B}, json={"leader": B}),
    ],
)
def test_only_a_server_of_ours_that_speaks_of_a_leader_has_done_nothing_for_certain(
    to: Connect, other: httpx.Response
) -> None:
    several = Several(a=[other], b=[DOES])
    with pytest.raises(kala.ServerError) as raised:
        to(several).disable_job(ID)
    assert type(raised.value) is kala.ServerError
    assert several.hosts == "a"


def shares(
    call: Any, *outcomes: Answer | kala.KalaError, count: int = 3, attempts: int = 1
) -> list[float | None]:
    """Return how long each server may take, where nothing takes any time."""
    steps = exchange(
        call,
        RetryPolicy(attempts=attempts),
        servers=Servers([A, B, C][:count]),
        remaining=lambda: 30.0,
        honours_keys=lambda: True,
    )
    found = []
    order = next(steps)
    for outcome in outcomes:
        if isinstance(order, Wait):
            order = next(steps)
        assert isinstance(order, Send)
        found.append(order.within)
        try:
            order = steps.send(outcome)
        except (StopIteration, kala.KalaError):
            break
    return found


def test_the_time_of_a_call_is_shared_where_it_may_be_sent_to_the_next_one() -> None:
    late = kala.KalaTimeoutError("late")
    create = builders.create_job(kala.Job(name="a"), key="k")
    for call in (builders.get_job("x"), builders.delete_job("x"), create):
        assert shares(call, late, late, late) == [10.0, 15.0, None]
    assert shares(create, *[late] * 6, attempts=2) == [*[30 / 9] * 3, 10.0, 15.0, 15.0]
    assert shares(builders.start_job("x"), late, late) == [None]
    assert shares(create, late, count=1) == [None]


def test_what_is_late_after_its_share_is_told_with_that(to: Connect, clock: Any) -> None:
    def late(request: httpx.Request) -> httpx.Response:
        clock.now += 8.0
        if request.url.host == "a.test":
            raise httpx.ReadTimeout("late")
        raise httpx.ConnectError("refused")

    with pytest.raises(kala.KalaTimeoutError, match=r"within 5 s") as raised:
        to(late, timeout=10, retry=RetryPolicy(attempts=1)).delete_job(ID)
    assert raised.value.__notes__ == ["no Kala can be reached at http://b.test:8000: refused"]
