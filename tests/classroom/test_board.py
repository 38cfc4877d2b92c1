"""Who needs the instructor and what the class believes; the file that keeps it; names that say nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from ecrlab_course.authoring.content import course
from ecrlab_course.classroom.archive import Archive
from ecrlab_course.classroom.board import Board
from ecrlab_course.classroom.catalogue import Catalogue
from ecrlab_course.classroom.overview import Asked, beliefs, needs, overview, table
from ecrlab_course.classroom.pseudonyms import (
    join_code,
    label_for,
    learner_id,
    learner_of,
    password_of,
    random_id,
    secret_of,
    token_of,
)

from .conftest import START, report

A, B, C = (f"l-{digit * 10}" for digit in "abc")
MISS: dict[str, Any] = {"outcome": "not yet", "tries": 1, "misconception": "tag-copies", "last": 10}


def test_the_reasons_in_their_order_and_the_longest_wait_first() -> None:
    board = Board()
    people = [random_id() for _ in range(6)]
    hand, tries, stuck, silent, idle, well = people
    for each in people:
        board.take(each, report(lesson="04"), START)
    now = START + 1000
    board.take(silent, report(now - 200), now - 200)
    board.take(hand, report(now, hand=True, active=1.0), now)
    board.take(tries, report(now, lesson="04", active=1.0, records={"04-e1": {**MISS, "tries": 3}}), now)
    board.take(stuck, report(now, lesson="04", active=1.0), now)
    board.take(idle, report(now, lesson="04", active=900.0), now)
    passed = {"outcome": "passed", "tries": 3, "last": 5, "passed": 5}
    board.take(well, report(now, lesson="04", active=1.0, records={"04-e1": passed}), now)
    found = needs(board, now)
    assert [need.reason for need in found] == ["hand", "tries", "stuck", "silent", "idle"]
    assert [need.learner.id for need in found] == [hand, tries, stuck, silent, idle]
    assert [need.reason for need in needs(board, now, minutes=30)] == ["hand", "tries", "silent", "idle"]

    # What was seen is not shown again, for a while; another exercise is another reason.
    board.mute(tries, "tries:04-e1", now + 600)
    assert tries not in [need.learner.id for need in needs(board, now, minutes=30)]
    board.take(tries, report(now, lesson="04", active=1.0, records={"04-e2": {**MISS, "tries": 4, "last": 1}}), now)
    assert [need.exercise for need in needs(board, now, minutes=30) if need.learner.id == tries] == ["04-e2"]
    # Gone home is not lost.
    assert needs(board, now + 8000) == []


def test_a_check_pressed_again_and_again_is_seen_though_it_is_one_try() -> None:
    board = Board()
    board.take(A, report(records={"04-e1": {**MISS, "checks": 5}}), START)
    assert [need.reason for need in needs(board, START)] == ["tries"]


def test_a_report_that_comes_twice_changes_nothing() -> None:
    once, twice = Board(), Board()
    body = report(lesson="04", active=2.0, hand=True, records={"04-e1": dict(MISS)})
    once.take(A, body, START)
    twice.take(A, body, START)
    twice.take(A, body, START)
    assert once.learners == twice.learners


def test_a_belief_counts_its_learners_until_they_pass() -> None:
    board, catalogue = Board(), Catalogue(course())
    board.take(A, report(records={"04-e1": dict(MISS), "04-e3": {**MISS, "misconception": "tag-is-version"}}), START)
    board.take(B, report(records={"04-e1": dict(MISS), "02-e1": dict(MISS)}), START)
    found = beliefs(board, catalogue)
    assert [(each["id"], each["learners"]) for each in found] == [("tag-copies", 2), ("tag-is-version", 1)]
    assert found[0]["exercises"] == ["04-e1", "02-e1"]
    assert found[0]["question"] == catalogue.question("04-e1") != ""
    board.take(B, report(records={name: {"outcome": "passed", "last": 0} for name in ("04-e1", "02-e1")}), START)
    assert beliefs(board, catalogue)[0]["learners"] == 1


def test_labs_drills_and_incidents_have_their_columns() -> None:
    board, catalogue = Board(), Catalogue(course())
    board.take(
        A, report(records={name: {"outcome": "passed", "last": 0} for name in ("lab-01-m1", "d04", "i09")}), START
    )
    for group, name in {"lab-01": "lab-01-m1", "drills": "d04", "desk": "i09"}.items():
        shown = overview(board, catalogue, Asked(group), START)
        assert [each["done"] for each in shown["columns"] if each["id"] == name] == [1], group
        assert shown["rows"][0]["cells"][name]["state"] == "done"
    assert "rows" not in overview(board, catalogue, Asked(rows=False), START)
    assert overview(board, catalogue, Asked(name="nobody is called so"), START)["rows"] == []


def test_what_is_kept_is_there_after_a_restart_and_what_is_forgotten_is_not_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    board, archive = Board(), Archive(path)
    board.take(A, report(records={"04-e1": dict(MISS)}), START)
    board.take(B, report(lesson="07"), START)
    assert archive.write(board) == 2
    assert archive.write(board) == 0
    board.take(A, report(), START)
    assert archive.write(board) == 1
    archive.close()
    assert path.stat().st_mode & 0o077 == 0

    archive = Archive(path)
    again = Board(archive.learners())
    assert again.learners == board.learners
    assert A.encode() in path.read_bytes()
    assert again.forget(A)
    archive.write(again)
    archive.close()
    assert A.encode() not in path.read_bytes()
    assert B.encode() in path.read_bytes()
    assert again.drop_before(START + 1) == 1


def test_the_csv_has_a_row_for_each_thing_tried_and_no_formula() -> None:
    board = Board()
    board.take(A, report(records={"04-e1": dict(MISS), "04-e2": {"outcome": "passed", "hints": 2}}), START)
    rows = list(csv.DictReader(io.StringIO(table(board))))
    assert [(row["exercise"], row["outcome"], row["hints"]) for row in rows] == [
        ("04-e1", "not yet", ""),
        ("04-e2", "passed", "2"),
    ]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]


def test_a_token_proves_whose_it_is(tmp_path: Path) -> None:
    secret = secret_of(tmp_path)
    assert secret == secret_of(tmp_path), "a restart must know its learners"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    learner = learner_id(secret, "ada")
    assert "ada" not in learner
    assert learner_of(secret, token_of(secret, learner)) == learner
    other = token_of(b"another", learner)
    for wrong in ("", ".", learner, f"{learner}.", other, token_of(secret, A).replace(A, B), "l-ada.\udc80"):
        assert learner_of(secret, wrong) is None, wrong
    assert join_code(secret) != join_code(b"another")
    assert len({password_of(secret, f"learner{number}") for number in range(1000)}) == 1000


def test_labels_are_unique_in_a_class_of_a_thousand() -> None:
    taken: set[str] = set()
    for _ in range(1000):
        taken.add(label_for(random_id(), taken))
    assert len(taken) == 1000


def test_an_offer_waits_until_it_has_arrived() -> None:
    board = Board()
    with pytest.raises(KeyError):
        board.offer(A, "04")
    board.take(A, report(), START)
    board.offer(A, "04")
    board.offer(A, "04")
    inbox = board.take(A, report(), START)["inbox"]
    assert [each["lesson"] for each in inbox] == ["04"]
    assert board.take(A, report(got=(inbox[0]["id"],)), START)["inbox"] == []
