"""Two people at one mock: code and check number, the interviewer's screen and sheet, the line of ticks."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from ecrlab.home import Home
from ecrlab_course import mock_commands
from ecrlab_course.cli import main
from ecrlab_course.desk.desk import Desk
from ecrlab_course.desk.incident import incidents
from ecrlab_course.desk.ticket import dealt
from ecrlab_course.drills.drill import drills
from ecrlab_course.messages import messages, say
from ecrlab_course.mock.interview import Bank, Interview
from ecrlab_course.mock.interviewer import Interviewer
from ecrlab_course.mock.mix import EVIDENCE, INCIDENT, SPOKEN, MixError, candidates
from ecrlab_course.mock.partner import Code, Ticks, check_number, code_of, read_code, slots, take_ticks, tick_book
from ecrlab_course.mock.scorecard import scorecard
from ecrlab_course.mock.sheet import sheet
from ecrlab_course.mock.terminal import MockConversation
from ecrlab_course.notebook.mock_card import MockCard
from ecrlab_course.questions.question import chosen, questions

BANK = Bank(questions(), drills())
POOL = candidates(questions(), drills(), incidents())
CODE = Code("mid", 20, 7)


class Elsewhere(Interview):
    """An interview whose evidence and incident are not built."""

    def _build(self, part: Any) -> None:
        pass

    def _deal(self, part: Any) -> None:
        pass

    def lab_answers(self) -> None:
        pass


def made(home: Path) -> Interview:
    return Elsewhere(
        Home(home), BANK, lambda: Desk(Home(home), home / "jobs"), lambda: datetime(2026, 11, 29, 12, tzinfo=UTC)
    )


@pytest.fixture
def interview(tmp_path: Path) -> Interview:
    return made(tmp_path / "home")


def through(interview: Interview, answer: str = "") -> None:
    while (part := interview.open()) is not None:
        if part["kind"] in (EVIDENCE, INCIDENT):
            interview.pass_over()
        else:
            interview.write(answer)
            interview.done()


def texts(card: Any) -> str:
    waiting, found = [card.box], []
    while waiting:
        one = waiting.pop(0)
        found.append(str(one.value) if type(one).__name__ == "HTML" else "")
        waiting += list(getattr(one, "children", ()))
    return "\n".join(found)


# The code -------------------------------------------------------------------------------------------------------------


def test_after_is_in_the_code_and_both_sides_draw_the_same(interview: Interview, tmp_path: Path) -> None:
    interview.begin(20, "mid", 8, partner=True, after=7)
    assert str(code_of(interview.record)) == "mid 20 8 after 7"
    drawn = slots(POOL, read_code(str(code_of(interview.record))))
    assert [slot.id for slot in drawn] == [part["what"] for part in interview.parts]
    assert "mid 20 8 after 7" in texts(MockCard(interview, tmp_path))
    assert check_number(drawn) in texts(MockCard(interview, tmp_path))
    interview.open()
    again = made(tmp_path / "home")
    again.go_on(1)
    assert "mid 20 8 after 7" in texts(MockCard(again, tmp_path)), "taken up on a page"
    shown = io.StringIO()
    MockConversation(again, Console(file=shown, width=100)).show_code()
    assert "mid 20 8 after 7" in shown.getvalue(), "and in a terminal"


def test_a_mix_for_two_is_drawn_by_lot(tmp_path: Path) -> None:
    found = set()
    for number in range(4):
        interview = made(tmp_path / str(number))
        interview.begin(8, "mid", partner=True)
        found.add(interview.record["mix"])
        interview.begin(8, "mid")
        assert interview.record["mix"] == 1, "one's own are counted"
    assert len(found) > 1
    assert all(read_code(f"mid 8 {mix}") for mix in found)


@pytest.mark.parametrize("wrong", [0, 1_000_000])
def test_a_mix_that_no_code_can_name(interview: Interview, wrong: int) -> None:
    with pytest.raises(MixError, match="999999"):
        interview.begin(8, "mid", wrong, partner=True)
    assert CliRunner().invoke(main, ["mock", "--mix", str(wrong)]).exit_code == 2


# The line of ticks ----------------------------------------------------------------------------------------------------


def refused(interview: Interview, line: str) -> str:
    with pytest.raises(MixError) as caught:
        take_ticks(interview.record, BANK, line)
    return str(caught.value)


def test_another_mock_s_line_is_refused_and_it_is_said_what_to_do(interview: Interview) -> None:
    interview.begin(20, "mid", 7, partner=True)
    own = str(Ticks(BANK, CODE, interview.parts))
    for other in (Code("mid", 20, 8), Code("mid", 20, 7, after=3), Code("senior", 20, 7)):
        line = str(Ticks(BANK, other, slots(POOL, other)))
        assert "Ask your partner for the line of `mid 20 7`" in refused(interview, line)
    checked = check_number(interview.parts)
    wrong = own.replace(f"/ {checked}", f"/ {(int(checked) + 1) % 10_000:04}")
    assert "different versions" in refused(interview, wrong), "the same code, other parts"
    assert "`mid 20 7 / `" in refused(interview, own.partition(":")[2]), "without its head"
    assert all("ticked" not in part for part in interview.parts)
    take_ticks(interview.record, BANK, own)


def test_a_dash_of_a_chat_is_a_dash(interview: Interview) -> None:
    interview.begin(20, "mid", 7, partner=True)
    line = str(Ticks(BANK, CODE, interview.parts))
    assert line.endswith("-")
    for dash in "‐‑–—−":  # noqa: RUF001
        take_ticks(interview.record, BANK, line.replace("-", dash).upper())
    assert all("ticked" in part for part in interview.parts if part["kind"] in SPOKEN)


# The interviewer's screen ---------------------------------------------------------------------------------------------


def asked_them(home: Path, answers: Iterator[str], code: Code = CODE) -> tuple[str, str]:
    shown = io.StringIO()
    console = Console(file=shown, width=4000)
    line = Interviewer(BANK, code, POOL, console, tick_book(Home(home)), lambda _asked: next(answers)).run()
    return line, shown.getvalue()


def always(spoken: tuple[str, str] = ("", "")) -> list[str]:
    return [word for slot in slots(POOL, CODE) for word in (spoken if slot.kind in SPOKEN else ("",))]


def test_the_screen_shows_what_the_sheet_shows(tmp_path: Path) -> None:
    _, shown = asked_them(tmp_path, iter(always(("1", "a"))))
    said = " ".join(re.sub(r"[^\w\s]", "", shown).split())

    def there(text: str) -> bool:
        return " ".join(re.sub(r"[^\w\s]", "", text).split()) in said

    parts = slots(POOL, CODE)
    for number, slot in enumerate(parts, 1):
        assert f"{number}/{len(parts)} · {say(f'mock.part_{slot.kind}')}" in shown
        if slot.kind in SPOKEN:
            question = BANK.questions[int(slot.id[1:])]
            assert there(question.weak)
            assert there(question.why_weak)
            for point in question.points:
                assert there(point.text)
                if point.follow_up:
                    assert there(point.follow_up.question)
                    assert there(point.follow_up.answer)
        elif slot.kind == EVIDENCE:
            assert there(BANK.drills[slot.id].task)
            assert there(BANK.drills[slot.id].model)
    assert "Do you have a question for us?" in shown
    assert "\n: " not in shown, "the last part has no id"


def test_a_part_before_is_corrected(tmp_path: Path) -> None:
    first = ["1 2", "a", "3", "b", "b", "1 3", "n"]
    line, _ = asked_them(tmp_path, iter([*first, *always()[2:]]))
    assert re.search(r": 101[01]*n 000", line)


def test_ctrl_c_keeps_the_ticks(tmp_path: Path) -> None:
    def stopped() -> Iterator[str]:
        yield from ("1 3", "a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked_them(tmp_path, stopped())
    line, shown = asked_them(tmp_path, iter(always()[2:]))
    assert re.search(r": 101[01]*a 000", line)
    assert "Your ticks are kept; here is part 2 of 9" in shown
    again, _ = asked_them(tmp_path, iter(always()))
    assert re.search(r": 000[01]*- 000", again), "once the line was shown they are not kept any more"


def test_ctrl_c_says_which_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_home: Path | None, _text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mock_commands, "_ask_them", stop)
    monkeypatch.setattr(mock_commands.sys, "stdin", Terminal())
    monkeypatch.setattr(mock_commands.sys, "stdout", Terminal())
    with pytest.raises(SystemExit):
        main.commands["mock"].main(["--home", str(tmp_path), "--interviewer", "mid 20 7"], standalone_mode=False)
    assert 'mock --interviewer "mid 20 7" goes on here' in (said := mock_commands.sys.stdout.getvalue())
    assert "`" not in said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# The sheet ------------------------------------------------------------------------------------------------------------


def test_the_sheet_has_what_proves_it() -> None:
    for mix in range(1, 30):
        code = Code("senior", 45, mix)
        parts = slots(POOL, code)
        text = sheet(BANK, code, parts)
        assert not re.search(r"\{[a-z_]+\}", text)
        for slot in parts:
            if slot.kind == EVIDENCE:
                drill = BANK.drills[slot.id]
                assert drill.model in text
                assert not slot.seed or "The state that was drawn:" in text
            elif slot.kind == INCIDENT:
                incident = incidents()[slot.id]
                cause = incident.cause(dealt(incident, mix)[0])
                told = [part for part in (cause.text, cause.tell, cause.fix, incident.ticket) if "{" not in part]
                assert all(part in text for part in told)
                assert "What tells this cause apart" in text


# The words ------------------------------------------------------------------------------------------------------------


def test_nothing_that_was_skipped_is_called_passed() -> None:
    known = messages()
    for name in ("passed_over", "passed", "follow_passed", "was_passed", "tick_follow", "followed_passed"):
        assert "passed" not in known[f"mock.{name}"].lower(), name
    assert "same scorecard" not in known["mock.their_ticks"]


def test_a_partner_s_follow_up_has_no_empty_lines_on_the_scorecard(interview: Interview) -> None:
    interview.begin(20, "mid", 7, partner=True)
    through(interview, "Five words of my own here.")
    ticks = Ticks(BANK, CODE, interview.parts)
    ticks.follow(0, "a")
    take_ticks(interview.record, BANK, str(ticks))
    interview.parts[1]["text"] = ""
    interview.close()
    card = scorecard(BANK, interview.book.records(), 1, with_answers=True)
    assert "**" not in card.text
    assert "- **\n" not in card.markdown
    assert "Follow-up: answered" in card.text
    assert "nothing was typed" in card.text
    assert "FIRST WORDS" not in card.text, "who speaks types late"


def test_names_of_aws_keep_their_letters_and_stars_are_not_shown(interview: Interview) -> None:
    interview.begin(20, "mid", 7)
    interview.parts[0]["what"] = "q141"
    through(interview, "I would look at the principal in the message first.")
    interview.close()
    text = scorecard(BANK, interview.book.records(), 1, with_answers=True).text
    assert "ecr:InitiateLayerUpload" in text
    assert "ECR:INITIATELAYERUPLOAD" not in text
    assert not re.search(r"\*\S[^*]*\*", text)


def test_quoted_words_end_with_a_stop(interview: Interview) -> None:
    interview.begin(8, "mid", 1)
    interview.open()
    interview.write("I would attach AdministratorAccess for now, so that it works.")
    interview.done()
    asked = interview.parts[0]["follow"]["question"]
    assert re.match(r"You said “[^”]*[^”.]”\. What does that open", asked), asked


def test_no_markdown_is_shown_in_a_terminal(tmp_path: Path) -> None:
    wrong = CliRunner().invoke(main, ["mock", "--home", str(tmp_path), "--sheet", "mid 20"]).output
    assert "mid 20 8 after 7" in wrong
    assert "`" not in wrong


@pytest.mark.parametrize("number", [11, 46, 61, 68, 94, 131, 141, 143])
def test_a_follow_up_asks_how_or_why(number: int) -> None:
    """The interviewer's rule is: never a yes-or-no question."""
    for point in BANK.questions[number].points:
        if point.follow_up:
            asked = re.split(r"(?<=[.!?]) ", " ".join(point.follow_up.question.split()))[-1]
            assert not re.match(r"(Is|Are|Does|Do|Did|Can|May|Must|Should|Would|Will|Has|Have)\b", asked), asked
            assert not re.match(r"(Yes|No|Not there)\b", point.follow_up.answer)


def test_a_topic_in_any_case() -> None:
    assert chosen(BANK.questions, "IAM", "Mid") == chosen(BANK.questions, "iam", "mid")
