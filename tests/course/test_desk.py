"""The incident desk on a real lab: every cause with both evidences, its fix, and each wrong fix with its verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ecrlab.cli import main as ecrlab_main
from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.checkout import course_root
from ecrlab_course.cli import main
from ecrlab_course.commanding import learners_folder
from ecrlab_course.desk import paper
from ecrlab_course.desk.desk import Desk, DeskError
from ecrlab_course.desk.incident import LINES, NONE, SEEDS, Incident, Wrong, incidents
from ecrlab_course.desk.judge import State
from ecrlab_course.desk.judgement_words import lines
from ecrlab_course.desk.night import nights
from ecrlab_course.desk.ticket import Ticket, number_of
from ecrlab_course.documents.client_record import Transcript
from ecrlab_course.notebook.desk_card import DeskCard, PostmortemCard, form, static

pytestmark = pytest.mark.lesson("lab-03")
INCIDENTS = incidents()
NIGHTS = nights(INCIDENTS)
SOAK = pytest.mark.soak
PAIRS = [
    pytest.param(each, cause, seed, marks=SOAK if seed == 0 else ())
    for each in INCIDENTS.values()
    for cause in each.keys
    for seed in SEEDS
]
"""Each cause with its second evidence, for `make soak` with the first too; most first wrong fixes are tried on that."""


def tried(incident: Incident) -> Iterator[tuple[Incident, str, Wrong, int, str]]:
    """Yield the wrong fixes, with the evidence (by their order: some are wrong on one alone), and when they are tried.

    A whole run takes the first that reaches a verdict of the incident, `--lesson` the first of each cause too, and
    soak all.
    """
    reached: set[str] = set()
    for cause, wrongs in incident.wrong.items():
        for place, wrong in enumerate(wrongs):
            when = "" if wrong.verdict not in reached else "further" if place == 0 else "soak"
            yield incident, cause, wrong, place % len(SEEDS), when
            reached.add(wrong.verdict)


WRONGS = [
    pytest.param(*one, marks=getattr(pytest.mark, when) if when else ())
    for each in INCIDENTS.values()
    for *one, when in tried(each)
]


def named(value: object) -> str:
    if isinstance(value, Incident):
        return value.id
    return re.sub(r"\W+", "-", value.name if isinstance(value, Wrong) else str(value))


def forget(desk: Desk) -> None:
    """Let the desk be as on the first day; a copy of its file would be taken up again."""
    for path in desk.book.path.parent.glob(f"{desk.book.path.name}*"):
        path.unlink()


@pytest.fixture
def desk(running: Home, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(running, tmp_path / "work", INCIDENTS)
    forget(made)
    yield made
    forget(made)


def deal(desk: Desk, incident: Incident, cause: str, seed: int) -> Ticket:
    found = desk.deal(incident.number, number_of(incident, cause, seed))
    assert len(found) == 1
    assert found[0].dealt == (cause, seed)
    return found[0]


def strange(desk: Desk, ticket: Ticket) -> str:
    """Return the letter of a choice that is not the cause."""
    right = NONE if ticket.incident.is_alarm else ticket.dealt[0]
    return next(each.letter for each in desk.choices(ticket) if each.key != right)


_open: set[tuple[str, str, int]] = set()
"""The incidents, causes and evidences that were seen open and untouched: once is enough."""


def is_open_untouched(desk: Desk, ticket: Ticket) -> None:
    """Run the command as the learner does, name another cause, and ask: what was reported is so, and nothing else."""
    desk.choose(ticket, strange(desk, ticket))
    found = desk.check(ticket)
    told = "\n".join(lines(desk, ticket, found))
    assert found.ran is not None
    print("@@", ticket.name, ticket.dealt, "|", found.ran.last, "|", told.replace("\n", " / "))
    assert ticket.incident.symptom(desk.town(ticket), found.ran), found.ran
    assert found.state is State.OPEN, told
    assert found.caller is not None, told
    assert ticket.incident.is_alarm or found.others is None, told
    _open.add((ticket.incident.id, *ticket.dealt))


@pytest.mark.parametrize(("incident", "cause", "seed"), PAIRS, ids=named)
def test_a_cause_untouched_and_fixed(incident: Incident, cause: str, seed: int, desk: Desk) -> None:
    ticket = deal(desk, incident, cause, seed)
    is_open_untouched(desk, ticket)
    if not incident.is_alarm:
        incident.fixes[cause](desk.town(ticket))
    desk.name(ticket, cause)
    found = desk.check(ticket)
    assert found.state is State.CLOSED, "\n".join(lines(desk, ticket, found))
    assert desk.ticket().is_closed
    assert all(desk.ours(ticket).values())
    assert "{" not in "".join(desk.ours(ticket).values())


@pytest.mark.parametrize(("incident", "cause", "wrong", "seed"), WRONGS, ids=named)
def test_a_wrong_fix_gets_its_verdict(incident: Incident, cause: str, wrong: Wrong, seed: int, desk: Desk) -> None:
    ticket = deal(desk, incident, cause, seed)
    if (incident.id, cause, seed) not in _open:
        is_open_untouched(desk, ticket)
    wrong.do(desk.town(ticket))
    desk.name(ticket, cause)
    found = desk.check(ticket)
    told = "\n".join(lines(desk, ticket, found))
    print("@@", ticket.name, cause, seed, "|", wrong.name, "|", told.replace("\n", " / "))
    assert wrong.verdict in found.names, told
    assert found.state is State.UNDERSTOOD, told


# The desk -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(1, len(NIGHTS) + 1))
def test_a_night_s_fixes_close_their_own_ticket_and_no_other(number: int, desk: Desk) -> None:
    tickets = desk.deal_night(number)
    assert [each.time for each in tickets] == ["03:10", "03:12", "03:25"]
    assert sum(each.incident.is_alarm for each in tickets) == 1
    assert [each.id for each in desk.begin_night(number)] == [each.id for each in tickets]  # not dealt once more
    for place, ticket in enumerate(tickets, 1):
        whose = rf"\(ticket [^)]*\b{place}\b[^)]*\) with `[^`]*--profile {ticket.incident.caller}\)"
        assert re.search(whose, paper.where(desk, tickets)), place
        found = desk.check(ticket)
        told = "\n".join(lines(desk, ticket, found))
        assert found.state is State.OPEN, told
        assert found.others is None, (place, told)
    closed = set()
    for place, ticket in enumerate(tickets, 1):
        found = desk.solve(desk.ticket(place))
        assert found.state is State.CLOSED, (ticket.name, "\n".join(lines(desk, ticket, found)))
        closed.add(ticket.id)
        assert {each.id for each in desk.open() if each.is_closed} == closed
        for other in desk.open():
            if other.id not in closed and not other.incident.is_alarm:
                assert desk.check(other).caller is not None, other.name


def test_a_desk_deals_its_incidents_in_turn_and_the_first_one_only_early_causes(desk: Desk) -> None:
    seen = []
    for _ in range(3):
        ticket = desk.deal_desk("first")[0]
        assert "first" in ticket.incident.desks
        assert ticket.dealt[0] in (ticket.incident.early or ticket.incident.keys)
        seen.append(ticket.incident.id)
    assert len(set(seen)) == 3
    assert desk.begin("first")[0].id == desk.ticket().id
    with pytest.raises(KeyError, match="There is no desk fourth"):
        desk.deal_desk("fourth")


def test_what_is_open_is_kept_and_a_reset_of_the_lab_is_said(desk: Desk, running: Home) -> None:
    ticket = desk.deal(1, 3)[0]
    desk.choose(ticket, "b")
    again = Desk(running, desk.folder, INCIDENTS)
    kept = again.ticket()
    assert (kept.name, again.chosen(kept), kept.dealt) == ("1-3", desk.chosen(ticket), ticket.dealt)
    assert again.check(kept).caller is not None
    desk.lab.control.reset()
    with pytest.raises(DeskError, match="does not hold this ticket's town"):
        again.check(kept)
    assert again.again()[0].name == "1-3"
    another = again.another()[0]
    assert another.incident.id == "i01"
    assert another.dealt[0] != ticket.dealt[0]


def test_the_first_hint_names_what_was_not_looked_at(desk: Desk) -> None:
    cells: list[Transcript] = []
    desk = Desk(desk.home, desk.folder, INCIDENTS, lambda: cells)
    ticket = deal(desk, INCIDENTS["i06"], "a", 0)
    desk.run(ticket)
    assert desk.looked(ticket) == []
    assert desk.touched(ticket) == []
    number, text = desk.hint(ticket)
    assert number == 1
    assert "unread" in text
    assert desk.hint(ticket) == (2, desk.told(ticket, ticket.incident.hints[0]))
    assert desk.hint(ticket) == desk.hint(ticket) == (3, desk.told(ticket, ticket.incident.hints[1]))
    ticket = desk.again()[0]
    assert ticket.hints == 0
    mark = int(ticket.record["mark"])
    cells.append(Transcript("cat jobs/pull.sh; ecrlab trace; ecrlab can ops Get", "admin", 0, "", mark, mark, 0.0))
    desk.lab.client("iam").get_group_policy(GroupName="operators", PolicyName="pull-web")
    assert desk.looked(ticket) == ["can", "job", "policy", "xray"]
    for look in ticket.incident.looks:
        desk.note_look(look)
    number, text = desk.hint(ticket)
    assert (number, desk.ticket().hints) == (2, 1), "one hint was read, the second of three"
    assert text == f"Where the first hint points, you have looked. {desk.told(ticket, ticket.incident.hints[0])}"


def test_in_a_terminal_what_ecrlab_was_asked_is_seen_and_what_cannot_be_seen_is_not_missed(desk: Desk) -> None:
    home = str(desk.home.path)
    ticket = deal(desk, INCIDENTS["i06"], "a", 0)
    desk.run(ticket)
    assert desk.looked(ticket) == []
    assert "unread" not in desk.hint(ticket)[1], "nobody sees whether a file was read in a terminal"
    ticket = desk.again()[0]
    for words in (["trace"], ["can", "ops", "ecr:BatchGetImage"], ["clock"]):
        CliRunner().invoke(ecrlab_main, [*words, "--home", home])
    assert desk.looked(ticket) == ["can", "clock", "xray"]
    desk.town(ticket).replace("jobs/pull.sh", "#!/bin/bash", "#!/bin/bash\nset -x")
    assert "job" in desk.looked(ticket)
    assert desk.looked(desk.again()[0]) == []
    ticket = deal(desk, INCIDENTS["i01"], "a", 0)
    for look in ("xray", "can", "policy"):
        desk.note_look(look)
    number, text = desk.hint(ticket)
    assert (number, text) == (2, desk.told(ticket, ticket.incident.hints[0])), "it says that all was looked at"


def test_a_check_is_not_the_learner_s_look(desk: Desk) -> None:
    ticket = deal(desk, INCIDENTS["i04"], "c", 0)
    desk.check(ticket)
    assert desk.rows(ticket) == []
    assert desk.looked(ticket) == []


def test_ours_comes_after_the_close_and_yours_stays(desk: Desk) -> None:
    ticket = deal(desk, INCIDENTS["i01"], "a", 0)
    with pytest.raises(DeskError, match="once the ticket is closed"):
        desk.ours(ticket)
    desk.write_postmortem(ticket, {"Seen": "no push", "Why": "no login"})
    desk.solve(ticket)
    ticket = desk.ticket()
    desk.write_postmortem(ticket, {}, ["Seen", "Why"])
    mine, ticks = Desk(desk.home, desk.folder, INCIDENTS).postmortem(ticket)
    assert (mine["Seen"], mine["Why"], mine["Since"], ticks) == ("no push", "no login", "", ["Seen", "Why"])
    text = paper.postmortem(desk, ticket)
    assert "no login" in text
    assert desk.ours(ticket)["Why"].split()[0] in text


def test_a_letter_that_is_not_there_and_a_desk_without_a_ticket_are_sentences(desk: Desk) -> None:
    with pytest.raises(DeskError, match="No ticket is on the desk"):
        desk.ticket()
    ticket = deal(desk, INCIDENTS["f4"], NONE, 0)
    with pytest.raises(DeskError, match="one of the letters a, b, c, d"):
        desk.choose(ticket, "x")
    with pytest.raises(DeskError, match="There is one ticket on the desk, and none in place 2"):
        desk.ticket(2)
    with pytest.raises(KeyError, match="There is no incident 99"):
        desk.deal(99)


def test_a_night_shift_is_written_down_ticket_by_ticket_and_goes_on_where_it_was(desk: Desk, running: Home) -> None:
    desk.deal_night(1)
    assert desk.goes_on("night")
    assert not desk.goes_on("first"), "a page that wakes would deal another desk's ticket"
    first = desk.open()[0]
    assert not desk.goes_on_with(first.incident.number, first.number)
    for place in (2, 1):
        desk.solve(desk.ticket(place))
    last = desk.to_write_about()
    assert last.is_closed
    desk.write_postmortem(last, {"Seen": "no push"})
    assert desk.others_to_write_about(last)
    other = desk.to_write_about()
    assert {last.id, other.id} == {each.id for each in desk.open()[:2]}
    desk.write_postmortem(other, {"Seen": "no pull"})
    assert not desk.others_to_write_about(other)
    with pytest.raises(DeskError, match="none in place night"):
        desk.to_write_about("night")  # type: ignore[arg-type]
    shells = paper.where(desk, desk.open())
    # A caller of several tickets is named once, with their places: "the robot (ticket 2, 3) with `eval ...".
    assert re.search(r"Omar (\(ticket [\d, ]+\) )?with `eval", shells), shells
    assert re.search(r"the robot (\(ticket [\d, ]+\) )?with `eval", shells), shells


def test_a_role_that_everybody_may_assume_is_told_by_a_person(desk: Desk) -> None:
    ticket = deal(desk, INCIDENTS["i12"], "a", 0)
    trust = desk.lab.client("iam").get_role(RoleName="releaser")["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"] = [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]
    desk.lab.client("iam").update_assume_role_policy(RoleName="releaser", PolicyDocument=json.dumps(trust))
    said = lines(desk, ticket, desk.check(ticket))[1]
    assert re.search(r"(Aiko|Dara|Omar) \(`user/\w+`\) may now assume the role", said), said
    assert "Doors like that: " in said


def test_the_closing_line_counts_what_was_tried_and_an_alarm_s_title_does_not_tell_what_it_is(desk: Desk) -> None:
    ticket = deal(desk, INCIDENTS["f4"], NONE, 0)
    assert "f4" not in paper.title(ticket)
    with pytest.raises(KeyError) as error:
        desk.incident(99)
    assert "23" in str(error.value)
    assert "f4" not in str(error.value), "the false alarms are told"
    for letter in (strange(desk, ticket), "z"):
        if letter == "z":
            desk.name(ticket, NONE)
        else:
            desk.choose(ticket, letter)
        desk.check(ticket)
    assert "causes tried: 2" in paper.closed_words(desk.ticket())


def test_what_a_seed_shut_is_not_said_to_be_the_learner_s_doing(desk: Desk) -> None:
    ticket = deal(desk, INCIDENTS["i09"], "b", 0)
    desk.town(ticket).write("jobs/is-it-there.sh", "#!/bin/bash\necho 'HTTP/1.1 200 OK'\n")
    found = desk.check(ticket)
    assert found.names == ("no-answer",)
    desk.town(ticket).write("jobs/is-it-there.sh", "#!/bin/bash\nexit 1\n")
    assert desk.check(ticket).names == ("still",)


def test_a_shell_of_the_administrator_is_named(desk: Desk) -> None:
    ticket = deal(desk, INCIDENTS["i20"], "a", 0)
    assert "you become the administrator with" in paper.where(desk, [ticket])


# In a terminal, and on a card -----------------------------------------------------------------------------------------


def test_a_ticket_is_closed_in_a_terminal_alone(
    desk: Desk, running: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "03-incident-desk.ipynb").touch()
    runner = CliRunner()

    def say(*words: str, code: int = 0, piped: str = "") -> str:
        found = runner.invoke(main, [*words, "--home", str(running.path)], input=piped)
        assert found.exit_code == code, found.output
        return found.output

    number = number_of(INCIDENTS["i01"], "a", 0)
    assert f"Ticket 1-{number}" in say("incident", "1", "--seed", str(number))
    assert "no basic auth credentials" in say("ticket", "run", code=1)
    assert "still fails" in say("ticket", "check", code=1)
    assert "Hint 1 of 3" in say("ticket", "hint")
    counter = Desk(running, tmp_path / "labs" / "03-incident-desk")
    letter = next(each.letter for each in counter.choices(counter.ticket()) if each.key == "a")
    say("ticket", "cause", letter)
    assert "Understood, still broken" in say("ticket", "check", code=1)
    counter.town(counter.ticket()).login("ci")
    said = say("ticket", "check")
    assert "Yes, that was it" in said
    assert "closed" in say("ticket", "show")
    assert "ours" in say("ticket", "postmortem", piped="no push\n\nno login\n")
    assert counter.postmortem(counter.ticket())[0] == {**dict.fromkeys(LINES, ""), "Seen": "no push", "Why": "no login"}
    assert "No ticket" not in say("ticket", "again")
    assert "1, 2 or 3" in say("ticket", "check", "x", code=1)
    assert "There is no desk" in say("desk", "fourth", code=1)
    assert "incident 9 --seed 3" in say("desk", "first", "--seed", "3", code=1)
    night = say("desk", "night", "--seed", "2")
    told = " ".join(night.split())
    assert re.search(r'\(ticket 1, 3\) with \W?eval "\$\(ecrlab env --profile ops\)"', told), told
    assert re.search(r'\(ticket 2\) with \W?eval "\$\(ecrlab env --profile ci\)"', told), told
    assert say("ticket", "cause", "a", "3").startswith("Ticket 3 of night 2")


def test_jobs_are_never_put_among_the_course_s_own_files(
    desk: Desk, running: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = course_root()
    runner = CliRunner()
    there = root / "work" if (root / "work" / "labs" / "03-incident-desk.ipynb").is_file() else running.path / "work"
    for name in ("", "labs", "solutions", "notebooks"):
        monkeypatch.chdir(root / name)
        assert learners_folder(course(), running.path) == there
    monkeypatch.chdir(tmp_path)
    assert learners_folder(course(), running.path) == there
    asked = ["incident", "9", "--home", str(running.path)]
    found = runner.invoke(main, [*asked, "--work", str(tmp_path / "mine")])
    assert found.exit_code == 0, found.output
    assert (tmp_path / "mine" / "labs" / "03-incident-desk" / "jobs" / "is-it-there.sh").is_file()
    monkeypatch.chdir(root)
    shown = runner.invoke(main, ["ticket", "show", "--home", str(running.path)]).output
    assert "mine" in shown, "the jobs of an open ticket are looked for elsewhere"


def button(card: Any, name: str) -> Any:
    """Return the card's first button of that name."""

    def below(box: Any) -> Iterator[Any]:
        for child in getattr(box, "children", ()):
            yield child
            yield from below(child)

    return next(each for each in below(card.box) if getattr(each, "description", "") == name and hasattr(each, "click"))


def test_a_card_runs_checks_helps_and_deals_again(desk: Desk) -> None:
    number = number_of(INCIDENTS["i01"], "a", 0)
    card = DeskCard(desk, lambda: desk.begin_incident(1, number))
    panel = card._panels[0]
    button(card, "Run it as the robot").click()
    assert "no basic auth credentials" in panel._printed.value
    panel._choice.value = "a"
    assert desk.chosen(desk.ticket()) == "a"
    button(card, "Is it fixed?").click()
    assert "Understood, still broken" in panel._said.value
    assert panel._printed.value == "", "what was printed before the check stays on the card"
    button(card, "Hint").click()
    assert "Hint 1 of 3" in panel._tip.value
    desk.town(desk.ticket()).login("ci")
    button(card, "Is it fixed?").click()
    assert "Yes, that was it" in panel._said.value
    assert "works for the robot." in panel._said.value, "Dara reported it, and the robot runs it"
    assert "narrowest fix" in panel._end.value
    panel._choice.value = "b"
    button(card, "Is it fixed?").click()
    assert "closed" not in panel._said.value, "the check is not right, and says that it is"
    assert (desk.ticket().is_closed, desk.ticket().checks) == (True, 2), "what was asked after the close counts"
    wired = card._top.value
    button(card, "Same again").click()
    assert card._top.value != wired, "the new radio buttons get no keys"
    assert desk.ticket().name == f"1-{number}"
    assert not desk.ticket().is_closed
    button(card, "Another").click()
    assert desk.ticket().dealt[0] != "a"
    assert "Ticket 1-" in form(desk, desk.open())
    assert "ecr-card" in static(desk, desk.open())
    desk.lab.control.reset()
    button(card, "Is it fixed?").click()
    assert "Deal the ticket again" in card._message.value
    assert card._panels[0]._said.value == "", "the card looks for ever"


def test_the_postmortem_s_card_keeps_lines_and_ticks(desk: Desk) -> None:
    ticket = deal(desk, INCIDENTS["i01"], "a", 0)
    card = PostmortemCard(desk, ticket)
    button(card, "Ours beside it").click()
    assert "once the ticket is closed" in card._said.value
    desk.solve(ticket)
    button(card, "Ours beside it").click()
    assert "Write a line of your own first" in card._said.value
    assert card._ours["Why"].value == ""
    card._areas["Seen"].value = "no push"
    button(card, "Ours beside it").click()
    assert "Ours" in card._ours["Why"].value or "ours" in card._ours["Why"].value
    card._ticks["Seen"].value = True
    assert desk.postmortem(ticket) == ({**dict.fromkeys(LINES, ""), "Seen": "no push"}, ["Seen"])
