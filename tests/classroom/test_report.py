"""A report holds states and counts of what was tried, and nothing that a learner wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ecrlab_course.desk.ticket import Book
from ecrlab_course.drills.schedule import Schedule
from ecrlab_course.progress import Progress
from ecrlab_course.sharing.report import FIELDS, Report, ReportError, accepted, made, shared

SECRET = "SECRET-of-the-learner"


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """A learner who wrote the secret wherever something can be written."""
    kept = Progress(tmp_path / "progress.json")
    written: dict[str, Any] = {"command": SECRET, "rows": [SECRET]}
    kept.update("04-e1", answer=SECRET, draft=SECRET, result=written, verdict={"message": SECRET}, observed=SECRET)
    kept.judged("04-e1", "not yet", "tag-copies", 3)
    kept.judged("04-e1", "not yet", "tag-copies", 3)
    kept.hinted("04-e1", 1)
    kept.judged("04-e2", "passed", None, None)
    kept.update("04-e3", answer=SECRET)
    kept.update(SECRET, answer="a")
    kept.judged(SECRET, "passed", None, None)
    kept.begin("04", 3)
    kept.opened("04")
    schedule = Schedule(tmp_path / "drills.json")
    schedule.note("d04", text=SECRET, findings={"cause": SECRET}, refused=2, misconception="login-is-forever", hints=1)
    ticket = {"incident": "i09", "checks": 2, "choice": SECRET, "at": "2026-11-30T10:00:00+00:00", "read": 1}
    closed = {**ticket, "closed": "2026-11-30T11:00:00+00:00", "at": "2026-11-30T10:30:00+00:00", "checks": 1}
    Book(tmp_path / "tickets.json").change(lambda data: data["tickets"].update({"1": ticket, "2": closed}))
    return kept


def test_only_the_shared_fields_leave(progress: Progress) -> None:
    body = json.dumps(made(progress.path).body())
    assert SECRET in progress.path.read_text()
    assert SECRET not in body
    lesson, records = shared(progress.path)
    assert lesson == "04"
    assert set(records) == {"04-e1", "04-e2", "d04", "i09"}
    assert all(set(record) <= set(FIELDS) for record in records.values())
    first = records["04-e1"]
    assert (first["outcome"], first["tries"], first["checks"], first["hints"]) == ("not yet", 1, 2, 1)
    assert first["misconception"] == "tag-copies"
    assert (records["d04"]["outcome"], records["d04"]["tries"]) == ("not yet", 2)
    assert (records["i09"]["outcome"], records["i09"]["first"], records["i09"]["checks"]) == ("passed", "not yet", 3)


def test_what_was_sent_is_what_is_taken(progress: Progress) -> None:
    report = made(progress.path)
    assert accepted(json.loads(json.dumps(report.body()))) == report


def test_a_sender_can_leave_no_text_on_the_board(progress: Progress) -> None:
    body = made(progress.path).body()
    body["records"]["04-e1"] |= {
        "answer": SECRET,
        "misconception": SECRET,
        "last": SECRET,
        "tries": SECRET,
        "first": [1],
    }
    record = accepted(body).records["04-e1"]
    assert SECRET not in json.dumps(record)
    assert record["outcome"] == "not yet"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v", 2),
        ("now", "yesterday"),
        ("now", "2026-11-30T10:00:00"),
        ("lesson", SECRET),
        ("active", -1),
        ("active", float("nan")),
        ("active", True),
        ("hand", "yes"),
        ("got", [SECRET]),
        ("got", "0123abcd"),
        ("records", []),
        ("records", {SECRET: {}}),
        ("records", {"04-e1": []}),
        ("records", {f"{place:02}-e{number}": {} for place in range(100) for number in range(11)}),
    ],
)
def test_what_is_not_a_report_is_refused_without_a_word_of_it(name: str, value: object) -> None:
    body: dict[str, Any] = Report(datetime.now(UTC)).body()
    accepted(body)
    with pytest.raises(ReportError) as refused:
        accepted({**body, name: value})
    assert SECRET not in str(refused.value)


def test_an_age_is_counted_by_the_senders_own_clock() -> None:
    report = Report(datetime(2031, 1, 1, 12, 0, 30, tzinfo=UTC))
    assert report.age("2031-01-01T12:00:00+00:00") == 30
    assert report.age("2031-01-01T13:00:00+00:00") == 0
