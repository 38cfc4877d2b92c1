"""When drills come again: ratings, limits, the queue and sixty days of it, on a clock of the test's own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fsrs import Rating

from ecrlab_course.drills.schedule import (
    DUE_A_DAY,
    LONGEST,
    MISSED,
    NEW_A_DAY,
    NOTHING,
    PASSED,
    Miss,
    Schedule,
    confident_misses,
    rating,
)
from ecrlab_course.progress import ProgressError

ABOUT = {f"d{number:02}": (f"belief-{number}", "shared") for number in range(1, 11)}


class Clock:
    """Noon, so that no time zone of the machine changes the day."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def days(self, number: float) -> None:
        self.now += timedelta(days=number)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def schedule(tmp_path: Path, clock: Clock) -> Schedule:
    return Schedule(tmp_path / "drills.json", clock)


@pytest.mark.parametrize(
    ("made", "hints", "evidence", "refused", "expected"),
    [
        (4, 0, PASSED, 0, Rating.Easy),
        (3, 0, PASSED, 0, Rating.Good),
        (4, 0, PASSED, 1, Rating.Good),
        (4, 0, NOTHING, 0, Rating.Good),
        (4, 1, PASSED, 0, Rating.Hard),
        (4, 0, PASSED, 2, Rating.Hard),
        (4, 0, MISSED, 0, Rating.Again),
        (4, 2, MISSED, 3, Rating.Again),
        (1, 0, PASSED, 0, Rating.Again),
        (2, 0, PASSED, 0, Rating.Good),
    ],
)
def test_the_rating_comes_from_behaviour(made: int, hints: int, evidence: str, refused: int, expected: Rating) -> None:
    assert rating(made, 4, hints, evidence, refused) is expected


def test_a_day_has_so_many_new_ones(schedule: Schedule, clock: Clock) -> None:
    queue = schedule.queue(ABOUT)
    assert [(item.id, item.why) for item in queue] == [("d01", "new"), ("d02", "new")]
    assert len(queue) == NEW_A_DAY
    schedule.review("d01", Rating.Good)
    assert [item.id for item in schedule.queue(ABOUT)] == ["d02"]
    schedule.review("d02", Rating.Good)
    assert schedule.queue(ABOUT) == []
    assert [item.id for item in schedule.queue(ABOUT, new=5)] == ["d03", "d04", "d05"]
    clock.days(1)
    assert [item.id for item in schedule.queue(ABOUT)] == ["d03", "d04"]


def test_due_ones_come_before_new_ones_the_longest_waiting_first_and_are_limited(
    schedule: Schedule, clock: Clock
) -> None:
    for identifier in list(ABOUT)[:8]:
        schedule.review(identifier, Rating.Again)
        clock.days(0.01)
    clock.days(3)
    queue = schedule.queue(ABOUT)
    assert [item.why for item in queue] == ["due"] * DUE_A_DAY + ["new"] * NEW_A_DAY
    assert [item.id for item in queue] == ["d01", "d02", "d03", "d04", "d05", "d09", "d10"]
    schedule.review("d01", Rating.Good)
    assert [item.id for item in schedule.queue(ABOUT)][:4] == ["d02", "d03", "d04", "d05"]


def test_better_ratings_come_back_later(tmp_path: Path, clock: Clock) -> None:
    due = [Schedule(tmp_path / rated.name, clock).review("d01", rated) for rated in Rating]
    assert due == sorted(due)
    assert due[0] - clock.now == timedelta(days=1)
    assert due[3] > due[2] > due[0]


def test_what_is_begun_comes_first_whatever_the_limits_say(schedule: Schedule) -> None:
    schedule.note("d07", text="half an answer")
    assert [(item.id, item.why) for item in schedule.queue(ABOUT, new=0)] == [("d07", "begun")]
    schedule.review("d07", Rating.Good)
    assert schedule.queue(ABOUT, new=0) == []


def test_a_confident_miss_brings_its_drill_earlier_until_it_is_done(schedule: Schedule, clock: Clock) -> None:
    schedule.review("d03", Rating.Easy)
    card = schedule.card("d03")
    assert card is not None
    assert card.due > clock.now + timedelta(days=3)
    clock.days(1)
    missed = [Miss("04-e2", "belief-3", clock.now - timedelta(hours=1))]
    first = schedule.queue(ABOUT, missed)[0]
    assert (first.id, first.why) == ("d03", "missed")
    assert first.miss is missed[0]
    assert schedule.queue(ABOUT, [Miss("04-e2", "belief-9", clock.now)])[0].id == "d09", "also one never done"
    schedule.review("d03", Rating.Good)
    assert "d03" not in [item.id for item in schedule.queue(ABOUT, missed)], "done since"


def test_only_misses_of_somebody_certain_count() -> None:
    def entry(day: int, outcome: str = "not yet", confidence: int | None = 3, **more: str) -> dict[str, object]:
        return {"at": f"2026-03-0{day}T10:00:00+00:00", "outcome": outcome, "confidence": confidence, **more}

    exercises = {
        "04-e1": {"history": [entry(1, misconception="tag-is-version"), entry(2, "passed")]},
        "04-e2": {"history": [entry(3, confidence=2, misconception="delete-hides")]},
        "04-e3": {"history": [entry(4)]},
        "06-e1": {"history": [entry(5, misconception="specific-wins")]},
        "06-e2": {},
    }
    assert [(miss.exercise, miss.misconception) for miss in confident_misses(exercises)] == [
        ("06-e1", "specific-wins"),
        ("04-e1", "tag-is-version"),
    ]


def test_sixty_days(schedule: Schedule, clock: Clock) -> None:
    """A learner who comes daily and does what is there: all drills are met, no day is too long, gaps grow."""
    done: Counter[str] = Counter()
    days: list[int] = []
    last: dict[str, int] = {}
    gaps: dict[str, list[int]] = {identifier: [] for identifier in ABOUT}
    for day in range(60):
        today = 0
        while queue := schedule.queue(ABOUT):
            identifier = queue[0].id
            weak = identifier == "d04" and done[identifier] % 2 == 0
            schedule.review(identifier, Rating.Again if weak else Rating.Good)
            done[identifier] += 1
            today += 1
            if identifier in last:
                gaps[identifier].append(day - last[identifier])
            last[identifier] = day
            assert today <= NEW_A_DAY + DUE_A_DAY
        days.append(today)
        clock.days(1)
    assert set(done) == set(ABOUT)
    assert sum(days[:5]) >= 10, "new ones are met in the first five days"
    for identifier, found in gaps.items():
        if identifier != "d04":
            assert found == sorted(found), (identifier, found)
            assert done[identifier] <= 6
    assert done["d04"] > max(count for identifier, count in done.items() if identifier != "d04")
    assert sum(days[30:]) < sum(days[:30])


def test_nothing_is_put_off_for_longer_than_an_interview_is_away(schedule: Schedule, clock: Clock) -> None:
    for _ in range(12):
        due = schedule.review("d01", Rating.Easy)
        assert due - clock.now <= timedelta(days=LONGEST)
        clock.now = due


def test_two_who_write_do_not_overwrite_each_other(schedule: Schedule, clock: Clock) -> None:
    other = Schedule(schedule.path, clock)
    schedule.note("d01", text="one")
    other.note("d02", text="two")
    schedule.note("d01", hints=1)
    assert schedule.opened("d01") == {"text": "one", "hints": 1}
    assert other.opened("d02") == {"text": "two"}


@pytest.mark.parametrize("damage", ["{", "[]", '{"version": 1, "drills": []}', ""])
def test_a_damaged_file_is_set_aside_and_the_copy_before_it_taken_up(schedule: Schedule, damage: str) -> None:
    schedule.review("d01", Rating.Good)
    schedule.note("d02", text="an answer")
    schedule.path.write_text(damage)
    again = Schedule(schedule.path, schedule.clock)
    assert len(again.reviews("d01")) == 1
    again.note("d03", text="more")
    (kept,) = schedule.path.parent.glob("drills.json.damaged-*")
    assert kept.read_text() == damage
    assert len(again.reviews("d01")) == 1
    assert again.opened("d03") == {"text": "more"}


@pytest.mark.parametrize("record", ["x", [], {"card": {"due": 1}}, {"card": None, "reviews": "x", "open": 3}])
def test_a_record_that_makes_no_sense_is_a_drill_never_done(schedule: Schedule, record: object) -> None:
    schedule.path.write_text(json.dumps({"version": 1, "drills": {"d01": record}}))
    assert schedule.queue(ABOUT)[0].id == "d01"
    assert schedule.review("d01", Rating.Good) > schedule.clock()
    assert len(schedule.reviews("d01")) == 1


def test_a_file_of_a_later_version_is_left_alone(schedule: Schedule) -> None:
    text = json.dumps({"version": 99, "drills": {}})
    schedule.path.write_text(text)
    with pytest.raises(ProgressError, match="later version"):
        schedule.note("d01", text="x")
    assert schedule.path.read_text() == text


class InMemory(Schedule):
    """A schedule that touches no disk: sixty days of fifty drills in a second."""

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path, clock)
        self._data: dict[str, Any] = {"version": 1, "drills": {}}

    def read(self) -> dict[str, Any]:
        return self._data

    def change(self, edit: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        edit(self._data)
        return self._data


@pytest.mark.parametrize(
    ("learner", "shares", "misses_days"),
    [("good", (10, 15, 55, 20), 0), ("often away", (10, 15, 55, 20), 3), ("struggling", (40, 30, 25, 5), 0)],
)
def test_sixty_days_of_fifty_drills(
    learner: str, shares: tuple[int, ...], misses_days: int, tmp_path: Path, clock: Clock
) -> None:
    """No day is above the limit, nothing is lost, everything is seen; who misses a drill meets it soon again."""
    about = {f"d{number:02}": (f"belief-{number}",) for number in range(1, 51)}
    schedule, random = InMemory(tmp_path / "drills.json", clock), Random(7)
    done: Counter[str] = Counter()
    soon: list[int] = []
    missed: dict[str, int] = {}
    for day in range(60):
        clock.days(1)
        if misses_days and day % misses_days == 2:
            continue
        queue = [item.id for item in schedule.queue(about)]
        assert len(queue) <= NEW_A_DAY + DUE_A_DAY
        for identifier in queue:
            rated = random.choices(list(Rating), shares)[0]
            schedule.review(identifier, rated)
            done[identifier] += 1
            if identifier in missed:
                soon.append(day - missed.pop(identifier))
            if rated is Rating.Again:
                missed[identifier] = day
        assert schedule.queue(about) == [], "a day is over when it is over"
    assert set(done) == set(about), "everything is seen"
    assert all(schedule.card(identifier) is not None for identifier in about), "nothing is lost"
    assert sorted(soon)[len(soon) // 2] <= 2, "half of what was missed comes again within two days"


def test_what_was_missed_last_comes_before_what_waits_longer(schedule: Schedule, clock: Clock) -> None:
    schedule.review("d01", Rating.Hard)
    clock.days(20)
    schedule.review("d02", Rating.Again)
    clock.days(2)
    assert [item.id for item in schedule.queue(ABOUT, new=0)] == ["d02", "d01"]
    assert schedule.waiting(ABOUT) == 2
