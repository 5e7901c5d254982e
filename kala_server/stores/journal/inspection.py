"""What state a journal is in, told in plain words, and which jobs that concerns.

Nothing here changes anything, takes the lock or starts a server. On a store in use, the batch that is being written
may look like a torn tail.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from kala_server.core.model.records import (
    JobChanged,
    JobCreated,
    JobKept,
    Record,
    RunKept,
    RunQueued,
    SlotsSkipped,
)
from kala_server.ports.store import StoreDamagedError, StoreNewerError
from kala_server.stores.journal.codec import parse
from kala_server.stores.journal.filesystem import FileSystem, RealFileSystem
from kala_server.stores.journal.journal import JOURNAL
from kala_server.stores.journal.scan import Scan, read_lines


class Condition(StrEnum):
    """What was found."""

    MISSING = "missing"
    WHOLE = "whole"
    TORN = "torn"
    DAMAGED = "damaged"
    NEWER = "newer"


@dataclass(kw_only=True)
class Report:
    """What was found in one folder. `str()` of it is for people."""

    path: Path
    condition: Condition = Condition.WHOLE
    problem: str = ""
    """What is wrong and at which byte, in words."""
    records: int = 0
    """How many records are good, from the first byte on, …"""
    good_until: int = 0
    """… and where the last whole batch of them ends."""
    next_seq: int = 1
    in_snapshot: bool = False
    """Whether the problem is in the snapshot: then jobs may be lost as a whole, not only what happened to them."""
    size: int = 0
    later_good: int = 0
    """How many records behind the problem can still be read, …"""
    later_bad: int = 0
    """… and how many lines cannot."""
    kinds: Counter[str] = field(default_factory=Counter)
    """What the records behind the problem are, where that can be read."""
    jobs: dict[str, str] = field(default_factory=dict)
    """The jobs that they are about: id and name, which is empty where nothing tells it."""
    copies: list[str] = field(default_factory=list)
    """What earlier starts and repairs put aside in the folder."""

    def __str__(self) -> str:
        return "\n".join(
            [*_verdict(self), *_lost(self), *(f"Put aside earlier: {name}" for name in self.copies)]
        )


def inspect(directory: Path, *, filesystem: FileSystem | None = None) -> Report:
    """Read the whole journal in the folder and tell what is there. Raises OSError where it cannot be read."""
    files = filesystem or RealFileSystem()
    report = Report(path=directory / JOURNAL)
    names = files.list_directory(directory)
    report.copies = sorted(name for name in names if re.match(r"journal\.(torn|damaged)-", name))
    if report.path.name not in names:
        report.condition = Condition.MISSING
        return report
    fd = files.open_to_read(report.path)
    try:
        report.size = files.status(fd)[0]
        _examine(report, files, fd)
    finally:
        files.close(fd)
    return report


def _examine(report: Report, filesystem: FileSystem, fd: int) -> None:
    scan = Scan(report.path, read_lines(filesystem, fd))
    known = _Jobs()
    try:
        for batch in scan.batches():
            report.records += len(batch)
            for record in batch:
                known.learn(record)
        if scan.whole_end < report.size:
            report.condition = Condition.TORN
            report.problem = (
                f"{report.path} ends in a batch that is not whole, from byte {scan.whole_end} on."
            )
    except StoreNewerError as error:
        report.condition, report.problem = Condition.NEWER, str(error)
    except StoreDamagedError as error:
        report.condition, report.problem = Condition.DAMAGED, str(error)
        report.in_snapshot = scan.snapshot_end is None
    report.good_until, report.next_seq = scan.whole_end, scan.next_seq
    if report.condition in {Condition.TORN, Condition.DAMAGED}:
        _read_rest(report, filesystem, fd, known)


def _read_rest(report: Report, filesystem: FileSystem, fd: int, known: "_Jobs") -> None:
    """Look at what is behind the good part line by line, believing as little as possible."""
    for _, raw in read_lines(filesystem, fd, start=report.good_until):
        if parse(raw) is None:
            report.later_bad += 1
        else:
            report.later_good += 1
        report.kinds.update(kind.decode() for kind in _KIND.findall(raw))
        known.glean(raw)
        for job in known.named_in(raw):
            report.jobs[job] = known.names.get(job, "")


_KIND = re.compile(rb'"type":"([a-z_]{1,64})"')
_RUN = re.compile(rb'"run_id":"([^"\\]{1,64})"')
_JOB = re.compile(rb'"(?:job_id|parent_id)":"([^"\\]{1,64})"')
_OWN = re.compile(rb'"type":"job_[a-z]+","data":(?:\{"job":)?\{"id":"([^"\\]{1,64})"')
_NAMED = re.compile(_OWN.pattern + rb'.*?"name":"((?:[^"\\]|\\.){0,200})"')
_QUEUED = re.compile(rb'"run_id":"([^"\\]{1,64})","job_id":"([^"\\]{1,64})"')


class _Jobs:
    """Which run is of which job and what the jobs are called, from good records or from what can be made out."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._of_run: dict[str, str] = {}

    def learn(self, record: Record) -> None:
        if isinstance(record, JobCreated | JobChanged):
            self.names[record.id] = record.spec.name
        elif isinstance(record, JobKept):
            self.names[record.job.id] = record.job.spec.name
        elif isinstance(record, RunQueued | SlotsSkipped):
            self._of_run[record.run_id] = record.job_id
        elif isinstance(record, RunKept):
            self._of_run[record.run.id] = record.run.job_id

    def glean(self, raw: bytes) -> None:
        for match in _NAMED.finditer(raw):
            self.names[_text(match[1])] = _text(match[2])
        for match in _QUEUED.finditer(raw):
            self._of_run[_text(match[1])] = _text(match[2])

    def named_in(self, raw: bytes) -> list[str]:
        jobs = [_text(job) for pattern in (_OWN, _JOB) for job in pattern.findall(raw)]
        return jobs + [self._of_run[run] for run in map(_text, _RUN.findall(raw)) if run in self._of_run]


def _text(raw: bytes) -> str:
    """Make damaged bytes safe to show."""
    return "".join(each if each.isprintable() else "�" for each in raw.decode("utf-8", "replace"))


def _verdict(report: Report) -> list[str]:
    if report.condition is Condition.MISSING:
        return [f"{report.path}: there is no journal here; a server that starts makes an empty one."]
    if report.condition is Condition.NEWER:
        return [report.problem]
    if report.condition is Condition.WHOLE:
        return [f"{report.path} is whole: {report.records} records, {report.size} bytes."]
    after = {
        Condition.TORN: "A server that was killed leaves this, or one that is writing right now. "
        "The next start cuts it off, keeping a copy; nobody was told that this batch was kept.",
        Condition.DAMAGED: "No crash leaves this: something changed the file. The server does not start on it.",
    }[report.condition]
    return [
        report.problem,
        after,
        f"Good from the start: {report.records} records, up to byte {report.good_until} of {report.size}.",
    ]


def _lost(report: Report) -> list[str]:
    if not report.later_good and not report.later_bad:
        return []
    lines = [
        f"Behind that: {report.later_good} records that can be read and {report.later_bad} lines that cannot."
    ]
    if report.kinds:
        lines.append(
            "They are: "
            + ", ".join(f"{number} {kind}" for kind, number in sorted(report.kinds.items()))
            + "."
        )
    if report.in_snapshot:
        lines.append(
            "The damage is in the snapshot: jobs that come after it are lost as a whole, not only their runs."
        )
    if report.jobs:
        lines.append("They concern these jobs:")
        lines += [f"  {job}  {name or '(name not readable)'}" for job, name in sorted(report.jobs.items())]
    return lines
