"""Documents of incidents: what is read of them, and what is refused, with file and line; no lab is needed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ecrlab_course.checkout import ContentError, course_root
from ecrlab_course.desk.incident import DESKS, LINES, NONE, SEEDS, Incident, incidents, load
from ecrlab_course.desk.looks import looked, touched
from ecrlab_course.desk.night import nights
from ecrlab_course.desk.ticket import choices, dealt, number_of
from ecrlab_course.desk.town import arn
from ecrlab_course.desk.world import UNMADE, place
from ecrlab_course.documents.code import package_of
from ecrlab_course.documents.sections import DocumentError
from ecrlab_course.messages import messages

pytestmark = pytest.mark.lesson("lab-03")
KNOWN = incidents()
GOOD = course_root() / "content" / "incidents"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "content" / "incidents"
    made.mkdir(parents=True)
    for name in ("i01.md", "i01.py", "f4.md", "f4.py"):
        shutil.copy(GOOD / name, made / name)
    return made


def refused(folder: Path, name: str = "i01") -> str:
    with pytest.raises(DocumentError) as found:
        load(folder / f"{name}.md", package_of(folder))
    return str(found.value)


def edit(path: Path, old: str, new: str) -> int:
    """Write another text in place of one, and return the line where it begins."""
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_the_copy_is_read_as_it_stands(folder: Path) -> None:
    assert [cause.key for cause in load(folder / "i01.md", package_of(folder)).causes] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("desk: first", "desk: fourth", "desk: one of first, second, third is wanted, not 'fourth'"),
        ("caller: ci", "caller: robot", "caller: one of admin, developer, ci, ops, auditor, partner is wanted"),
        ("drawer: robot-login", "drawer: login", "drawer: one of robot-login, "),
        ("looks: [job, login, xray]", "looks: [job, logs]", "looks: nothing is called 'logs'"),
        ('time: "03:12"', "time: 3 am", "time: hours and minutes are wanted, 03:12, not '3 am'"),
        ("facts: [err 1, E034]", "neighbour: 17b", "neighbour: a cause of another incident is wanted, b of 17"),
        ("facts: [err 1, E034]", "fact: E034", "front matter: 'fact' is unknown here"),
        ("## not-by-ci", "## not-by-robot", "## not-by-robot: i01.py has no Open('not-by-robot')"),
        (
            "has not pushed `{release}`",
            "has not pushed `{image}`",
            "{image}: Open('not-by-ci') in i01.py does not give it",
        ),
    ],
)
def test_a_bad_line_is_named(folder: Path, old: str, new: str, words: str) -> None:
    line = edit(folder / "i01.md", old, new)
    said = refused(folder)
    assert any(f"i01.md:{each}: " in said for each in (line, line - 2)), said
    assert words in said


def test_a_quote_without_a_lead_word_is_named(folder: Path) -> None:
    edit(folder / "i01.md", "> **Since.**", "> **When.**")
    assert "## a: its quote lacks **Since.**" in refused(folder)


def test_a_missing_hint_and_a_missing_cause_are_named(folder: Path) -> None:
    text = (folder / "i01.md").read_text()
    begin = text.index("2. Compare the hosts")
    (folder / "i01.md").write_text(text[:begin] + text[text.index("# Open") :])
    assert "# Hints has 1 hints; two are wanted" in refused(folder)
    (folder / "i01.md").write_text(text[: text.index("## c")] + text[text.index("# Hints") :])
    said = refused(folder)
    assert "# Causes has 2 causes; 3 or more are wanted" in said
    assert "SEEDS has 'c', and i01.md has no such cause" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"d": logged_out_again}', "}", "SEEDS lacks the cause 'd' of i01.md"),
        ('"d": clean_up_last}', '"e": clean_up_last}', "FIXES has 'e', and i01.md has no such cause"),
        ('(paste_token, "secret")', '(paste_token, "seen")', "names the verdict 'seen', and # Open has no such part"),
        ('(paste_token, "secret")', "paste_token", "is (a function, the name of a verdict)"),
        ('"a": ALWAYS,', '"a": {"again": (run_again, "still")},', "WRONG has 1 for 'a'; 2 or more are wanted"),
        ('Open("not-by-ci")', 'Open("by-admin")', "Open('by-admin'): i01.md has no part of that name in # Open"),
    ],
)
def test_bad_python_is_named(folder: Path, old: str, new: str, words: str) -> None:
    edit(folder / "i01.py", old, new)
    said = refused(folder)
    assert "incidents/i01.py:" in said
    assert words in said


def test_a_verdict_that_nobody_reaches_is_named(folder: Path) -> None:
    edit(folder / "i01.py", '(log_in_as_admin, "not-by-ci")', '(log_in_as_admin, "still")')
    edit(folder / "i01.py", '(only_says(JOB), "not-by-ci")', '(only_says(JOB), "still")')
    assert "## not-by-ci is a verdict that no wrong fix reaches (WRONG)" in refused(folder)


def test_an_incident_without_its_python_is_named(folder: Path) -> None:
    (folder / "i01.py").unlink()
    assert "is missing: an incident wants SEEDS" in refused(folder)


def test_a_false_alarm_belongs_to_no_desk_and_has_its_reason(folder: Path) -> None:
    edit(folder / "f4.md", "caller: developer", "desk: first\ncaller: developer")
    edit(folder / "f4.md", "# Nothing", "# Something")
    said = refused(folder, "f4")
    assert "desk: a false alarm is dealt by night shifts alone" in said
    assert "lacks the section # Nothing" in said


@pytest.mark.parametrize("night", [["1a0", "1b0", "f4"], ["1a0", "1b0"], ["1a0", "9z0", "f4"], ["1a0", "f4", "f4"]])
def test_a_bad_night_is_refused(tmp_path: Path, night: list[str]) -> None:
    (tmp_path / "content" / "incidents").mkdir(parents=True)
    listed = ", ".join(f'"{each}"' for each in night)
    (tmp_path / "content" / "incidents" / "nights.toml").write_text(f"nights = [[{listed}]]\n")
    with pytest.raises(ContentError, match=r"nights\.toml, night 1"):
        nights(KNOWN, tmp_path)


# What there is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("incident", KNOWN.values(), ids=lambda incident: incident.id)
def test_a_number_deals_the_same_everywhere_and_all_of_them_in_turn(incident: Incident) -> None:
    pairs = [(cause, seed) for cause in incident.keys for seed in SEEDS]
    first = [dealt(incident, number) for number in range(1, len(pairs) + 1)]
    assert sorted(first) == sorted(pairs)
    assert first == [dealt(incident, number) for number in range(1, len(pairs) + 1)]
    assert all(dealt(incident, number_of(incident, *pair)) == pair for pair in pairs)


def test_the_numbers_of_incident_1_are_those_of_every_classroom() -> None:
    found = [dealt(KNOWN["i01"], number) for number in range(1, 9)]
    assert "".join(f"{cause}{seed} " for cause, seed in found) == "d0 c0 c1 a1 b1 b0 d1 a0 "


@pytest.mark.parametrize("incident", KNOWN.values(), ids=lambda incident: incident.id)
def test_the_choices_are_the_causes_a_neighbours_and_none(incident: Incident) -> None:
    found = choices(incident, 3, KNOWN)
    keys = [each.key for each in found]
    assert keys[-1] == NONE
    assert {cause.key for cause in incident.causes} <= set(keys)
    assert len(keys) == len(set(keys))
    texts = [each.text for each in found]
    assert len(texts) == len(set(texts))
    assert [each.letter for each in found] == list("abcdefghij"[: len(found)])


def test_every_neighbour_is_another_incident_s_cause() -> None:
    for incident in KNOWN.values():
        key, number = incident.neighbour
        if number:
            other = KNOWN[f"i{int(number):02}"]
            assert other is not incident
            assert key in other.keys, incident.id


def test_each_desk_has_its_incidents_and_there_are_enough() -> None:
    real = [each for each in KNOWN.values() if not each.is_alarm]
    assert len(real) >= 14
    for desk in DESKS:
        assert sum(desk in each.desks for each in real) >= 3, desk
    assert len(nights(KNOWN)) >= 3


def test_a_title_and_a_ticket_give_no_cause_away() -> None:
    for incident in KNOWN.values():
        for cause in incident.causes:
            assert not cause.text or cause.text not in incident.ticket + incident.title, incident.id


def test_there_are_words_for_everything_that_can_be_looked_at_and_every_line() -> None:
    known = messages()
    from ecrlab_course.desk.incident import LOOKS

    for look in LOOKS:
        for word in ("look", "seen"):
            assert f"desk.{word}_{look.replace('-', '_')}" in known
    for line in LINES:
        for word in ("line", "tick"):
            assert f"desk.{word}_{line.lower().replace(' ', '_')}" in known


def row(service: str, operation: str, region: str = "us-east-1", status: int = 200) -> dict[str, object]:
    return {"service": service, "operation": operation, "region": region, "status": status}


def test_what_was_looked_at_is_found_in_rows_and_cells() -> None:
    rows = [row("iam", "GetGroupPolicy"), row("ecr", "DescribeImages"), row("cloudtrail", "LookupEvents")]
    assert looked(rows, []) == ["policy", "registry", "trail"]  # type: ignore[arg-type]
    assert looked([*rows, row("ecr", "ListImages", "eu-west-1")], []) == ["policy", "regions", "registry", "trail"]  # type: ignore[list-item]
    assert looked([], ["cat jobs/release.sh", "ecrlab trace --last 5"]) == ["job", "xray"]
    assert looked([], ["aws ecr get-login-password | docker login x"]) == []
    assert looked([], ["aws ecr get-login-password > /dev/null"]) == ["left-half"]
    assert looked([row("iam", "ListAccessKeys")], [], ["xray"]) == ["keys", "xray"]  # type: ignore[list-item]


def test_a_repository_that_nobody_made_has_no_name_in_a_verdict() -> None:
    assert place(arn("web/booking")) == "web/booking"
    assert place(arn(f"web/{UNMADE}")) == "a new repository web/…"
    assert place(arn(UNMADE)) == "a new repository"


def test_what_was_changed_is_named_once() -> None:
    rows = [row("iam", "PutGroupPolicy"), row("iam", "PutGroupPolicy"), row("iam", "GetUser"), row("ecr", "PutImage")]
    assert touched(rows) == ["PutGroupPolicy", "PutImage"]  # type: ignore[arg-type]
    assert touched([row("iam", "DeleteUser", status=403)]) == []  # type: ignore[list-item]
