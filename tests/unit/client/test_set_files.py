"""Files of sets: what they say, what is filled in, and where what is wrong with them stands."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kala_client.fields import FIELDS, Kind
from kala_client.set_files import JobSet, SetFileError, places, read
from kala_client.set_files.filling import plain
from kala_client.set_files.writing import written
from tests.every_field import EVERY

HEAD = 'kala = 1\nset = "billing"\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def says(text: str, *, name: str = "jobs.toml", **options: Any) -> dict[str, dict[str, Any]]:
    """Return the jobs of a file in the working directory, by their keys."""
    Path(name).write_bytes(text.encode())
    return {job.pop("key"): job for job in read([name], **options).jobs}


def faults(text: str, *, name: str = "jobs.toml", **options: Any) -> list[str]:
    with pytest.raises(SetFileError) as refused:
        says(text, name=name, **options)
    return list(refused.value.faults)


@pytest.mark.usefixtures("here")
def test_a_file_says_jobs_by_its_variables_its_defaults_and_the_words_of_files() -> None:
    assert says(
        HEAD + 'vars = { db = "app", stage = "@{env.STAGE}" }\ndefaults = { owner = "@{stage}" }\n'
        '[job.dump]\ncommand = "dump @{db} ${HOME} $(date) {{.Name}} @@{db}"\non_failure = "ops/alarm"\n'
        '[job.verify]\nparents = ["dump"]\nowner = "me"\nenv = { DB = "@{db}" }\n'
        '[job.vacuum]\neach = ["app", "crm"]\nargv = ["vacuum", "@{each}"]\nwas = "old.@{each}"\n',
        given={"db": "crm"},
        environment={"STAGE": "test"},
    ) == {
        "dump": {
            "owner": "test",
            "command": "dump crm ${HOME} $(date) {{.Name}} @{db}",
            "on_failure_job": "ops/alarm",
        },
        "verify": {"owner": "me", "parent_jobs": ["dump"], "env": {"DB": "crm"}},
        "vacuum.app": {"owner": "test", "argv": ["vacuum", "app"], "was": "old.app"},
        "vacuum.crm": {"owner": "test", "argv": ["vacuum", "crm"], "was": "old.crm"},
    }


@pytest.mark.usefixtures("here")
def test_json_of_the_same_shape_says_the_same() -> None:
    document = {"kala": 1, "set": "billing", "vars": {"x": "y"}, "job": {"a": {"command": "@{x}"}}}
    assert says(json.dumps(document), name="jobs.json") == {"a": {"command": "y"}}


@pytest.mark.parametrize("row", FIELDS, ids=lambda row: row.name)
@pytest.mark.usefixtures("here")
def test_each_field_is_said_by_both_of_its_names(row: Any) -> None:
    for name in (row.name, row.wire):
        text = json.dumps({"kala": 1, "set": "a", "job": {"x": {name: EVERY[row.name]}}})
        assert says(text, name="jobs.json") == {"x": {row.wire: EVERY[row.name]}}


@pytest.mark.usefixtures("here")
def test_several_files_are_one_set() -> None:
    Path("one.toml").write_text(HEAD + '[job.a]\ncommand = "a"\n')
    Path("two.toml").write_text(HEAD + '[job.b]\nparents = ["a"]\n')
    assert [job["key"] for job in read(["one.toml", "two.toml"]).jobs] == ["a", "b"]
    Path("two.toml").write_text(HEAD + '\n[job.a]\ncommand = "b"\n')
    Path("other.toml").write_text('kala = 1\nset = "ops"\n')
    with pytest.raises(SetFileError) as refused:
        read(["one.toml", "two.toml", "other.toml", "none.toml"])
    assert refused.value.faults == (
        "none.toml: No such file or directory",
        "other.toml:2:7: set: these files are of two sets: ops here, billing at one.toml:2:7",
        "two.toml:4:2: job.a: the key is there already, at one.toml:3:2",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('set = "a"\n', "jobs.toml:1:1: kala: the file begins with the format that it has: kala = 1"),
        ('kala = 2\nset = "a"\n', "jobs.toml:1:8: kala: the file begins with the format"),
        ("kala = 1\n", "jobs.toml:1:1: set: the name of the set belongs here"),
        (HEAD + "jobs = 1", "jobs.toml:3:8: jobs: there is no such part of a file"),
        (HEAD + "job = 1", "jobs.toml:3:7: job: a table belongs here, not a number"),
        (HEAD + "[job]\nx = true", "jobs.toml:4:5: job.x: a table with the fields of a job belongs here, not true"),
        (HEAD + '[job.x]\nshedule = "never"', "jobs.toml:4:11: job.x.shedule: there is no such field; "),
        (HEAD + '[job.x]\nremote_properties = { ulr = "" }', "jobs.toml:4:29: job.x.remote_properties.ulr: there is"),
        (HEAD + '[job.x]\nkey = "y"', "jobs.toml:4:7: job.x.key: the key of a job is in its heading"),
        (HEAD + "[job.x]\nparents = []\nparent_jobs = []", "jobs.toml:5:15: job.x.parent_jobs: it is said twice"),
        (HEAD + '[job.x]\ncommand = "@{y}"', "jobs.toml:4:11: job.x.command: @{y} is not set; vars"),
        (HEAD + '[job.x]\ncommand = "@{each}"', "jobs.toml:4:11: job.x.command: @{each} is not set; it is for"),
        (HEAD + '[job.x]\nargv = [\n  "a",\n  "@{env.NO}"]', "jobs.toml:6:3: job.x.argv.1: @{env.NO} is not set; "),
        (HEAD + '[job.x]\nenv = { A = "@{" }', "jobs.toml:4:13: job.x.env.A: a @{ has no }"),
        (HEAD + "[job.x]\nschedule = 2035-01-01", 'jobs.toml:4:12: job.x.schedule: a text belongs here: "2035-01-01"'),
        (HEAD + "[job.x]\nretry_backoff = inf", "jobs.toml:4:17: job.x.retry_backoff: a number belongs here"),
        (HEAD + '[job.x]\neach = "a"', "jobs.toml:4:8: job.x.each: a list of texts belongs here, not a text"),
        (HEAD + "[job.x]\neach = [1]", "jobs.toml:4:9: job.x.each.0: a text belongs here, such as app"),
        (HEAD + 'defaults = { was = "x" }', "jobs.toml:3:20: defaults.was: this is for one job to say"),
        (HEAD + 'defaults = { comand = "x" }', "jobs.toml:3:23: defaults.comand: there is no such field; did you mean"),
        (HEAD + "vars = { x = 1 }", "jobs.toml:3:14: vars.x: a text belongs here"),
        (HEAD + 'vars = { each = "1" }', "jobs.toml:3:17: vars.each: a variable has a name"),
        (HEAD + '[job.x]\ncommand = "a', "jobs.toml:4:13: "),
        (HEAD + "[job.x]\ncommand = [", "jobs.toml:4:12: "),
        (HEAD + "[job.x]\n\n[job.x]\n", "jobs.toml:5:2: job.x: it is there already, at jobs.toml:3:2"),
        (HEAD + '[job.x]\nuser = "a"\nuser = "b"\n', "jobs.toml:5:8: job.x.user: it is there already, at jobs.toml:4"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("here")
def test_what_is_wrong_has_its_place(text: str, fault: str) -> None:
    [told] = faults(text)
    assert told.startswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", "jobs.json:1:1: an object with the members kala, set and job"),
        ('{"kala": 1,\n "set" "x"}', "jobs.json:2:8: Expecting ':' delimiter"),
        ('{"kala": 1, "set": "x",\n "job": {"a": {},\n "a": {}}}',
            "jobs.json:3:7: job.a: it is there already, at jobs.json:2:15"),
        ('{"kala": 1, "set": "x", "job": {"a": {\n"tgas": []}}}',
            "jobs.json:2:9: job.a.tgas: there is no such field; did you mean tags?"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("here")
def test_what_is_wrong_with_json_has_its_place_too(text: str, fault: str) -> None:
    [told] = faults(text, name="jobs.json")
    assert told.startswith(fault)


@pytest.mark.usefixtures("here")
def test_what_is_nested_too_deeply_is_told() -> None:
    assert faults(HEAD + "vars = " + "[" * 9999) == ["jobs.toml:1:1: it is nested too deeply"]
    assert faults("[" * 9999, name="jobs.json") == ["jobs.json:1:1: it is nested too deeply"]
    [told] = faults('{"vars": ' + "[" * 700 + "]" * 700 + "}", name="jobs.json")
    assert told.startswith("jobs.json:1:1: kala: the file begins with")


@pytest.mark.usefixtures("here")
def test_a_variable_that_is_given_in_vain_is_told() -> None:
    assert faults(HEAD, given={"bd": "x"}) == ["--var bd: no file has @{bd}, or bd among its vars"]


@pytest.mark.usefixtures("here")
def test_a_value_out_of_the_defaults_has_its_place_there() -> None:
    Path("jobs.toml").write_text(HEAD + 'defaults = { user = "a:b" }\n[job.x]\nparents = ["y"]\n')
    found = read(["jobs.toml"])
    assert found.placed("jobs.x.user", "no") == "jobs.toml:3:21: job.x.user: no"
    assert found.placed("jobs.x.parent_jobs", "no") == "jobs.toml:5:11: job.x.parent_jobs: no"
    assert found.placed("jobs.x.schedule", "no") == "jobs.toml:4:2: job.x.schedule: no"
    assert found.placed("jobs[0].key", "no") == "jobs.toml:4:2: job.x.jobs[0].key: no"
    assert found.placed("name", "no") == "jobs.toml:2:7: name: no"


def test_a_module_says_a_set_and_what_is_wrong_names_the_line_of_add(here: Path) -> None:
    (here / "of_a_team.py").write_text(
        "from datetime import timedelta\n"
        "from kala_client import JobSet, Schedule\n"
        'jobs = JobSet("billing")\n'
        'dump = jobs.add("dump", command="dump @{x}", schedule=Schedule.cron("0 3 * * *"))\n'
        'jobs.add("verify", parents=[dump], timeout=timedelta(minutes=5), env={"A": "b"})\n'
    )
    found = read(["of_a_team:jobs"])
    assert found.jobs == [
        {"key": "dump", "command": "dump @{x}", "schedule": "0 3 * * *"},
        {"key": "verify", "parent_jobs": ["dump"], "timeout": "PT5M", "env": {"A": "b"}},
    ]
    assert found.placed("jobs.verify.env", "no") == "of_a_team.py:5:1: job.verify.env: no"
    (here / "wrong.py").write_text(
        'from kala_client import JobSet\njobs = JobSet("a")\njobs.add("x", tag=[])\n'
    )
    (here / "broken.py").write_text("\n1 / 0\n")
    (here / "no_python.py").write_text("\n\n1 +\n")
    with pytest.raises(SetFileError) as refused:
        read(["wrong:jobs", "broken:jobs", "no_python:jobs", "of_nobody:jobs", "of_a_team:other"])
    assert refused.value.faults == (
        "wrong.py:3:1: job.x.tag: there is no such field; did you mean tags?",
        "broken.py:2:1: ZeroDivisionError: division by zero",
        "no_python.py:3:4: SyntaxError: invalid syntax (no_python.py, line 3)",
        "of_nobody:jobs: ModuleNotFoundError: No module named 'of_nobody'",
        "of_a_team:other: no JobSet of kala_client is there",
    )


def test_a_job_of_another_set_is_named_by_both() -> None:
    alarm = JobSet("ops").add("alarm", schedule="never")
    jobs = JobSet("billing")
    jobs.add("dump", on_failure=alarm)
    assert jobs.jobs == [{"key": "dump", "on_failure_job": "ops/alarm"}]
    with pytest.raises(SetFileError, match="no value for a job: <object"):
        jobs.add("x", command=object())


TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text("@{}\"'\\\n\r\t\x00\x7f")
_OF_A_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.FLAG: st.booleans(),
    Kind.WHOLE: st.integers(-(2**63), 2**63 - 1),
    Kind.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    Kind.TEXTS: st.lists(TEXTS),
    Kind.JOBS: st.lists(TEXTS),
    Kind.VARIABLES: st.dictionaries(TEXTS, TEXTS),
    Kind.TYPE: st.sampled_from([0, 1]),
    Kind.CALL: st.fixed_dictionaries(
        {"url": TEXTS, "headers": st.dictionaries(TEXTS, st.lists(TEXTS)), "timeout": st.integers(0, 60)}
    ),
}
JOBS = st.dictionaries(
    st.text("aZ0._-", min_size=1),
    st.fixed_dictionaries({}, optional={row.wire: _OF_A_KIND.get(row.kind, TEXTS) for row in FIELDS}),
)


@settings(max_examples=30)
@given(JOBS)
def test_what_is_written_reads_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, jobs: dict[str, Any]
) -> None:
    file = tmp_path_factory.getbasetemp() / "written.toml"
    file.write_bytes(written("billing", [{"key": key, **job} for key, job in jobs.items()]).encode())
    found = read([str(file)])
    assert (found.name, {job.pop("key"): job for job in found.jobs}) == ("billing", jobs)


_ODD = """\
# [not.a] = "heading"
a.b . "c d" = 'v1'#
"é\\u0041" = "v2 # ] } \\" ="
   [ t . 'x.y' ]	# and more
one = [ 'v3', # ] "
  [ "v4", \'\'\'v5 ' ''
 ] \'\'\' ], { p = "v6", q.r = 7, "s" = [ 8.5e1 , ] } ,
]
many = \"\"\"
v9 "" \\\"\"\" x = [
\"\"\"\"\"
day = 1979-05-27 07:32:00
[["l" . l]]
x = true
[[l.l]]
x = -10
y = {}
"""


def test_each_value_of_an_odd_file_is_placed_where_it_stands() -> None:
    found = dict(places.of_toml(_ODD))
    ends = [
        (path, value) for path, value in values(tomllib.loads(_ODD)) if not isinstance(value, dict | list)
    ]
    assert len(ends) == 12
    for path, value in ends:
        stands = _ODD[found[path] :].lstrip("'\"\n")
        shown = (
            value.split()[0]
            if isinstance(value, str)
            else {True: "true", 85.0: "8.5e1"}.get(value, str(value))
        )
        assert stands.startswith(shown), path


@settings(max_examples=30)
@given(JOBS)
def test_each_value_of_a_file_is_placed_where_it_stands(jobs: dict[str, Any]) -> None:
    text = written("billing", [{"key": key, **job} for key, job in jobs.items()])
    found = dict(places.of_toml(text))
    for path, value in values(tomllib.loads(text)):
        begin = text[found[path] :]
        if isinstance(value, str):
            assert begin[0] == '"', path
        elif isinstance(value, list):
            assert begin[0] == "["
        elif len(path) > 2 and isinstance(value, dict):
            assert begin[0] == "{"
        elif not isinstance(value, dict):
            assert begin.startswith(json.dumps(value))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS,
        lambda one: st.lists(one) | st.dictionaries(TEXTS, one),
    )
)
def test_each_value_of_json_is_placed_where_it_stands(document: Any) -> None:
    text = json.dumps(document, indent=1)
    found = dict(places.of_json(text))
    for path, value in values(document):
        assert json.JSONDecoder().raw_decode(text, found[path])[0] == value


@given(TEXTS)
def test_a_text_that_is_written_plainly_has_nothing_filled_in(text: str) -> None:
    from kala_client.set_files.filling import Filling

    assert Filling({}, {}).fill(plain(text), ()) == text


def values(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    """Yield each value in a document with its path, but for the tables that no heading names."""
    if path not in {(), ("job",)} or not isinstance(value, dict):
        yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from values(one, (*path, name))
