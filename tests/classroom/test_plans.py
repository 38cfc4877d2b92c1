"""The plans of docs/teaching.md: they add up, name what there is, and give each page the minutes it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ecrlab_course.authoring.content import course

PAGE = (course().root / "docs" / "teaching.md").read_text(encoding="utf-8")
PLANS = PAGE.partition("\n## Plans\n")[2].partition("\n## ")[0]
NAMED = ("Half a day", "A day", "Two days", "From the ground")


def needed() -> dict[str, list[int]]:
    """The core minutes of each lesson and lab: of the whole, or of each page."""
    rows = re.findall(r"^\| \[(L\w+ \d\d)\]\(#\S+\) \| [^|]+ \| (\d+)(?: \((\d+) \+ (\d+)\))? \|", PAGE, re.M)
    return {name.lower(): [int(one), int(two)] if one else [int(whole)] for name, whole, one, two in rows}


def plan(title: str) -> tuple[int, list[list[tuple[int, str]]]]:
    """The minutes in a plan's heading, and its days: what is done, with its minutes."""
    found = re.search(rf"^### {title} \((\d+) minutes.*?\)\n(.*?)(?=^### |\Z)", PLANS, re.M | re.S)
    assert found is not None, title
    days: list[list[tuple[int, str]]] = [[], []]
    for line in re.findall(r"^\| (.+) \|$", found[2], re.M):
        cells = line.split(" | ")
        pairs = [cells] if len(cells) == 2 else [cells[1::-1], cells[3:1:-1]]
        for day, (minutes, what) in enumerate(pairs):
            if minutes.strip().isdigit():
                days[day].append((int(minutes), what))
    return int(found[1]), [day for day in days if day]


def parts(what: str) -> Iterator[tuple[str, int]]:
    """What of the course a row names, each with the minutes that it needs at least."""
    if re.search(r"milestones|incident for all", what):  # a part of a lab
        return
    for name, which in re.findall(r"\b(lesson \d\d|lab \d\d)(?:, (page \d|both pages))?", what):
        pages = needed()[name]
        place = int(which[-1]) - 1 if which.startswith("page") else None
        yield name, sum(pages) if place is None else pages[place]


def test_the_overview_is_read() -> None:
    assert len(needed()) == len(course().sources)
    assert len(needed()["lesson 04"]) == 2


@pytest.mark.parametrize("title", NAMED)
def test_a_plan_adds_up_and_gives_each_page_its_minutes(title: str) -> None:
    minutes, days = plan(title)
    assert len(days) == (2 if title == "Two days" else 1)
    for day in days:
        assert sum(each for each, _ in day) == minutes
        for given, what in day:
            wanted = sum(least for _, least in parts(what))
            assert given >= wanted, what
        assert minutes < 300 or any("lunch" in what for _, what in day)
        # Nobody sits for more than a hundred minutes.
        stretch = 0
        for given, what in day:
            stretch = 0 if "break" in what else stretch + given
            assert stretch <= 100, what


def test_what_the_plans_name_is_there() -> None:
    named = re.findall(r"\bd\d\d\b", PLANS)
    assert named
    assert [each for each in named if not (course().root / "content" / "drills" / f"{each}.md").exists()] == []
    assert set(re.findall(r"(?:lesson|lab) \d\d", PLANS)) <= set(needed())
    assert "Not written" not in PLANS
    # What is in no plan is named as homework.
    homework = PLANS.split("\n### ")[0]
    assert "labs 02 to 04" in homework
    assert "lesson 10" in homework
    assert "Lab 04 needs lesson 09 first" in homework.replace("\n", " ")
    in_two_days = {name for _, day in enumerate(plan("Two days")[1]) for _, what in day for name, _ in parts(what)}
    assert {f"lesson {number:02}" for number in range(10)} <= in_two_days


def test_the_paragraph_that_is_read_aloud_comes_before_anybody_shares() -> None:
    board = PAGE.partition("\n## The board\n")[2].partition("\n## ")[0]
    assert "Read this aloud" in board
    for promise in ("no answer", "no name", "stop at any time", "*Forget me*", "not a grade"):
        assert promise in re.sub(r"\n> ", " ", board)
