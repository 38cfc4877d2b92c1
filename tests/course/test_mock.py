"""A mock interview from its mix to its scorecard: in the session, in the terminal, on a page, for two people."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from fsrs import Rating
from rich.console import Console

from ecrlab.home import Home
from ecrlab_course.cli import main
from ecrlab_course.desk.desk import Desk
from ecrlab_course.desk.incident import incidents
from ecrlab_course.drills.drill import drills
from ecrlab_course.drills.drill_session import schedule_of, schedule_on
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.listening.listener import sentences
from ecrlab_course.mock.book import book_of, question_schedule
from ecrlab_course.mock.history import history
from ecrlab_course.mock.interview import DONE, FOLLOW, GIVEN, NOT_GIVEN, TASK, Bank, Interview
from ecrlab_course.mock.interviewer import Interviewer
from ecrlab_course.mock.mix import (
    EVIDENCE,
    INCIDENT,
    LEVELS,
    MINUTES,
    SPOKEN,
    Candidate,
    History,
    MixError,
    candidates,
    draw,
)
from ecrlab_course.mock.page import drawing, export, page
from ecrlab_course.mock.partner import Code, Ticks, questions_of, read_code, slots, take_ticks, tick_book
from ecrlab_course.mock.ready import ready
from ecrlab_course.mock.scorecard import scorecard
from ecrlab_course.mock.sheet import sheet
from ecrlab_course.mock.terminal import MockConversation
from ecrlab_course.notebook.interviewer_card import InterviewerCard
from ecrlab_course.notebook.mock_card import MockCard, form
from ecrlab_course.questions.question import questions
from ecrlab_course.views.display import plain

BANK = Bank(questions(), drills())
POOL = candidates(questions(), drills(), incidents())
KNOWN = {each.id: each for each in POOL}
MARKDOWN = ".md"


class Clock:
    """Noon; it stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 29, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


# The mix --------------------------------------------------------------------------------------------------------------


def random_history(random: Random) -> History:
    ids = [each.id for each in POOL]

    def some(number: int) -> frozenset[str]:
        return frozenset(random.sample(ids, number))

    return History(some(20), some(10), some(90), some(18), frozenset(random.sample(list(drills()), 4)))


def test_two_hundred_mixes_keep_to_their_walls() -> None:
    random, asked, by_chance = Random(5), 0, 0.0
    for number in range(200):
        minutes, level, known = random.choice(MINUTES), random.choice(LEVELS), random_history(random)
        found = draw(POOL, minutes, level, number, known)
        assert found == draw(POOL, minutes, level, number, known), "the same from the same number"
        ids = [slot.id for slot in found if slot.id]
        assert len(set(ids)) == len(ids), "nothing twice"
        assert not set(ids) & (known.recent | known.done_today)
        topics = Counter(KNOWN[slot.id].topic for slot in found if slot.id and slot.kind != INCIDENT)
        if minutes > 8:
            assert len(topics) >= 4, found
            shown = [KNOWN[slot.id].topic for slot in found if slot.kind == EVIDENCE]
            assert len(shown) == len(set(shown)) == 2
            assert [slot.kind for slot in found].count(INCIDENT) == 1
        assert max(topics.values()) <= {8: 3, 20: 3, 45: 4}[minutes]
        assert sum(slot.seconds for slot in found) <= 60 * minutes
        asked += len(set(ids) & known.missed)
        by_chance += len(ids) * len(known.missed) / len(POOL)
    assert asked > 1.5 * by_chance, "what was missed is preferred"


def test_levels_and_states() -> None:
    for level, wanted in (("junior", "J"), ("mid", "J"), ("senior", "M")):
        found = draw(POOL, 20, level, 3)
        assert {KNOWN[slot.id].level for slot in found if slot.kind == "opener"} == {wanted}
    desks = [KNOWN[slot.id].level for slot in draw(POOL, 20, "senior", 3) if slot.kind == INCIDENT]
    assert "third" in desks[0].split()
    for number in range(40):
        asked = [KNOWN[slot.id].level for slot in draw(POOL, 20, "senior", number) if slot.kind == "question"]
        assert asked.count("S") >= 3, "a senior is asked what a senior is asked"
    several = [each for each in POOL if len(each.seeds) > 1]
    for number in range(20):
        for slot in draw(POOL, 20, "mid", number, History(last_seed={each.id: each.seeds[0] for each in several})):
            if slot.kind == EVIDENCE and len(KNOWN[slot.id].seeds) > 1:
                assert slot.seed != KNOWN[slot.id].seeds[0], "a drill comes in its other state"


def test_where_a_wall_leaves_nothing_it_falls() -> None:
    few = [Candidate(f"q{number:03}", "iam", "J") for number in range(1, 7)] + [Candidate("d01", "iam", "J")]
    found = draw(few, 20, "mid", 1, History(recent=frozenset({"q001"})))
    assert [slot.kind for slot in found].count("question") == 3
    assert "d01" in [slot.id for slot in found]


@pytest.mark.parametrize(("minutes", "level"), [(30, "mid"), (20, "boss")])
def test_a_length_or_level_there_is_not(minutes: int, level: str) -> None:
    with pytest.raises(MixError, match=r"There (is|are)"):
        draw(POOL, minutes, level, 1)


# The interview, without a lab -----------------------------------------------------------------------------------------


class Elsewhere(Interview):
    """An interview whose evidence and incident are not built: what is said needs no lab."""

    def _build(self, part: Any) -> None:
        pass

    def _deal(self, part: Any) -> None:
        pass

    def lab_answers(self) -> None:
        pass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def interview(tmp_path: Path, clock: Clock) -> Interview:
    home = Home(tmp_path / "home")
    return Elsewhere(home, BANK, lambda: Desk(home, tmp_path / "jobs"), clock)


def number(what: int, interview: Interview) -> None:
    """Let the interview ask this question first."""
    interview.parts[0]["what"] = f"q{what:03}"


GOOD = "Twelve hours, and no parameter makes it longer. It may do what its principal may, the token has no permissions."


def test_an_answer_is_followed_by_what_it_lacks(interview: Interview, clock: Clock) -> None:
    interview.begin(20, "mid", 7)
    number(1, interview)
    part = interview.open()
    assert part is not None
    clock.go(4)
    interview.write("It runs on")
    clock.go(30)
    interview.write("It runs on a root file system that was unpacked from an image.")
    assert interview.done() == FOLLOW
    assert set(part["heard"]) == {"files"}
    assert part["first"] == 4.0
    assert (part["follow"]["kind"], part["follow"]["point"]) == ("point", "process")
    assert part["follow"]["question"].startswith("You may have said this; say it for this case: Does the kernel know")
    clock.go(10)
    interview.write("No, it knows namespaces only.")
    assert interview.done() == DONE
    assert part["follow"]["outcome"] == "answered"
    assert part["spent"] == 44.0
    whole, left = interview.left()
    assert (whole, left) == (20 * 60 - 44, interview.parts[1]["seconds"])
    assert interview.parts[0] == interview.book.records()[1]["parts"][0], "on the disk at once"


def test_a_flag_is_asked_about_before_anything_else(interview: Interview) -> None:
    interview.begin(8, "mid", 1)
    interview.open()
    interview.write("I would attach AdministratorAccess for now, so that it works.")
    assert interview.done() == FOLLOW
    assert interview.parts[0]["follow"]["kind"] == "flag"
    assert "What does that open that nobody asked for?" in interview.parts[0]["follow"]["question"]


def test_what_was_spoken_against_comes_before_what_was_left_out(interview: Interview) -> None:
    interview.begin(8, "mid", 1)
    number(89, interview)
    interview.open()
    interview.write("In ECR images are encrypted with KMS by default, and on the way it is TLS.")
    interview.done()
    part = interview.parts[0]
    assert set(part["against"]) == {"default", "kms"}
    assert part["follow"]["kind"] in ("against", "point")


def test_all_points_lead_beyond_and_a_pass_counts_as_asked(interview: Interview) -> None:
    interview.begin(8, "junior", 1)
    number(10, interview)
    interview.open()
    text = "No kernel: only user space. uname -r prints the same inside and on the host. Patch the kernel on the host."
    interview.write(text)
    assert interview.done() == FOLLOW
    assert interview.parts[0]["follow"]["kind"] == "beyond"
    assert interview.pass_over() == DONE
    interview.open()
    assert interview.pass_over() == DONE
    assert interview.parts[1]["passed"]
    assert interview.marking(interview.parts[1]).made == []


def through(interview: Interview, answer: str = GOOD) -> None:
    """Answer every part in the same words; evidence and incident are passed."""
    while (part := interview.open()) is not None:
        if part["kind"] in (EVIDENCE, INCIDENT):
            interview.pass_over()
            continue
        interview.write(answer)
        if interview.done() == FOLLOW:
            interview.pass_over()


def test_an_objection_counts_and_costs_its_next_question(interview: Interview) -> None:
    interview.begin(8, "mid", 1)
    number(1, interview)
    sentence = "It is a thing of the host with a fence around it."
    through(interview, f"It is unpacked from an image, as a file system. {sentence}")
    part = interview.parts[0]
    point = interview.point(part, "process")
    assert point.follow_up is not None
    with pytest.raises(AnswerError, match=re.escape(point.follow_up.question)):
        interview.object(part, point.key, sentence)
    with pytest.raises(AnswerError, match="not in your answer"):
        interview.object(part, point.key, "Something else.", "an answer in words")
    interview.object(part, point.key, sentence, "an answer in words")
    assert interview.marking(part).states[point.key] == "said"
    interview.disown(part, "files")
    assert interview.marking(part).states["files"] == "left out"
    interview.own(part, "files")
    assert interview.marking(part).states["files"] == "heard"
    interview.disown(part, point.key)
    assert interview.marking(part).states[point.key] == "left out"


def test_an_objection_asks_nothing_that_was_answered(interview: Interview) -> None:
    interview.begin(8, "mid", 1)
    number(1, interview)
    interview.open()
    sentence = "It is a thing of the host with a fence around it."
    interview.write(f"It is unpacked from an image, as a file system. {sentence}")
    assert interview.done() == FOLLOW
    part = interview.parts[0]
    interview.write("No, the kernel knows of processes and namespaces alone.")
    interview.done()
    key = part["follow"]["point"]
    interview.object(part, key, sentence)
    assert part["said"][key] == f"{sentence}\nNo, the kernel knows of processes and namespaces alone."


def test_not_to_know_answers_no_next_question(interview: Interview) -> None:
    interview.begin(8, "mid", 1)
    number(1, interview)
    interview.open()
    interview.write("It is unpacked from an image, as a file system.")
    assert interview.done() == FOLLOW
    interview.write("I do not know that.")
    interview.done()
    part = interview.parts[0]
    assert part["follow"]["outcome"] == "passed"
    with pytest.raises(AnswerError, match="counts when its next question is answered"):
        interview.object(
            part, part["follow"]["point"], "It is unpacked from an image, as a file system.", "I do not know"
        )


def test_a_danger_makes_no_point_and_is_not_said_well(interview: Interview) -> None:
    interview.begin(8, "mid", 1)
    number(142, interview)
    danger = "I set a repository policy with Principal * that allows role B to do BatchGetImage."
    through(interview, f"{danger} Then I pull with the role of B.")
    part = interview.parts[0]
    assert part["flags"] == {"everybody": danger}
    assert part["heard"] == {"check": "Then I pull with the role of B."}
    interview.close()
    card = scorecard(BANK, interview.book.records(), interview.number)
    assert "Then I pull with the role of B." in card.text.split("SAID WELL")[1]
    assert danger not in card.text.split("SAID WELL")[1]


def test_the_clock_goes_on_between_two_commands(interview: Interview, clock: Clock) -> None:
    interview.begin(8, "mid", 1)
    interview.open()
    before = shown_clock(interview)
    clock.go(60)
    assert before != shown_clock(interview)


def test_an_objection_asks_until_it_is_answered_or_taken_back(interview: Interview) -> None:
    interview.begin(8, "mid", 1)
    number(1, interview)
    sentence = "It is a thing of the host with a fence around it."
    through(interview, f"It is unpacked from an image, as a file system. {sentence}")
    part, typed = interview.parts[0], iter(["2", "I do not know", "It has none.", "2", ""])
    shown = io.StringIO()
    talk = MockConversation(interview, Console(file=shown, width=100), lambda _: next(typed))
    talk._objection(part, "process", sentences(part["text"]))
    assert "That answers nothing yet." in shown.getvalue()
    assert interview.marking(part).states["process"] == "said"
    interview.disown(part, "process")
    talk._objection(part, "process", sentences(part["text"]))
    assert "Taken back" in shown.getvalue()
    assert interview.marking(part).states["process"] == "left out"


def test_code_stands_in_quotes_in_a_terminal(interview: Interview) -> None:
    shown = io.StringIO()
    MockConversation(interview, Console(file=shown, width=100), lambda _: "")._mark("it fails with `denied`. Why?")
    assert "it fails with 'denied'. Why?" in shown.getvalue()


def shown_clock(interview: Interview) -> str:
    shown = io.StringIO()
    MockConversation(interview, Console(file=shown, width=100), lambda _: "")._clock()
    return shown.getvalue()


def test_the_same_words_make_two_points_at_most_and_a_list_none(interview: Interview) -> None:
    interview.begin(8, "mid", 1)
    number(38, interview)
    through(interview, "There is one thing to say about all of it.")
    part, sentence = interview.parts[0], "There is one thing to say about all of it."
    keys = interview.marking(part).keys("left out")
    for key in keys[:2]:
        interview.object(part, key, sentence, "an answer in words")
    with pytest.raises(AnswerError, match="two points at most"):
        interview.object(part, keys[2], sentence, "an answer in words")
    part["text"] = "image container layer digest registry process writable token"
    with pytest.raises(AnswerError, match="list of words"):
        interview.object(part, keys[2], "", "an answer in words")


def test_an_interrupted_mock_goes_on_and_its_clock_stood(interview: Interview, clock: Clock, tmp_path: Path) -> None:
    interview.begin(20, "mid", 7)
    interview.open()
    clock.go(20)
    interview.write("half an answer here")
    clock.go(3600)
    again = Elsewhere(interview.home, BANK, lambda: Desk(interview.home, tmp_path), clock)
    assert again.unfinished() == 1
    again.go_on(1)
    part = again.open()
    assert part is not None
    assert part["text"] == "half an answer here"
    clock.go(5)
    again.write("half an answer here, and more")
    assert part["spent"] == 25.0


def test_what_was_left_out_is_due_and_preferred(interview: Interview, clock: Clock) -> None:
    interview.begin(8, "mid", 1)
    through(interview, "I do not know; I would look at the registry.")
    interview.close()
    asked = [part["what"] for part in interview.parts if part["kind"] in SPOKEN]
    shown = next(part for part in interview.parts if part["kind"] == EVIDENCE)
    clock.go(2 * 86400)
    found = history(interview.home, drills(), book_of(interview.home), clock)
    assert set(asked) | {shown["what"]} <= found.missed & found.due & found.seen & found.recent
    assert found.last_seed[shown["what"]] == shown["seed"]
    assert question_schedule(interview.home).reviews(asked[0])[0]["mock"] == 1
    assert schedule_of(interview.home).reviews(shown["what"])[0]["evidence"] == "missed"
    clock.go(20 * 86400)
    assert not history(interview.home, drills(), book_of(interview.home), clock).missed


# The scorecard --------------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(interview: Interview, clock: Clock) -> Interview:
    interview.begin(20, "mid", 7)
    number(75, interview)
    clock.go(1)
    through(interview, f"{GOOD} And I attach AdministratorAccess for now.")
    interview.parts[3]["outcome"] = NOT_GIVEN
    interview.parts[3]["last"] = "Three images are there."
    interview.close()
    return interview


def test_the_scorecard_gives_no_mark(closed: Interview) -> None:
    card = scorecard(BANK, closed.book.records(), 1)
    assert "Mock interview · mid · 20 minutes · mix 7" in card.text
    assert "%" not in re.sub(r"%%bash", "", card.text)
    assert re.search(r"1  How long is an ECR login valid.*  2  +-  +2  +not answered", card.text)
    assert "EVIDENCE" in card.text
    assert "Three images are there." in card.text
    assert "rights for everything" in card.text
    assert "PRACTISE TOMORROW" in card.text
    practised = card.text.split("PRACTISE TOMORROW")[1].strip().split("\n\n")[0]
    assert practised.count("because:") == 3
    assert "AND BEFORE" not in card.text, "there is none before"
    assert "AdministratorAccess for now" in card.text
    assert GOOD not in card.text, "an answer is private"
    whole = scorecard(BANK, closed.book.records(), 1, with_answers=True).text
    assert "the token has no permissions" in " ".join(whole.split())


def test_scorecards_are_compared_and_written(closed: Interview, tmp_path: Path, clock: Clock) -> None:
    clock.go(86400)
    closed.begin(20, "mid")
    assert closed.record["mix"] == 8
    through(closed)
    closed.close()
    card = scorecard(BANK, closed.book.records(), 2)
    assert re.search(r"AND BEFORE\n.*\n  29 Nov +20 min .*\n  this one", card.text)
    assert "left out, last time too" not in card.text
    svg = drawing(card.figures)
    assert svg.count("<circle") == 6
    assert "<desc>points:" in svg
    for name in ("card.html", f"card{MARKDOWN}", "card.txt"):
        export(card, tmp_path / name)
        assert (tmp_path / name).stat().st_mode & 0o77 == 0
    html = (tmp_path / "card.html").read_text()
    assert not re.search(r"<script|https?://", html)
    assert "<svg" in html
    assert page(card) == html
    assert (tmp_path / f"card{MARKDOWN}").read_text().startswith("# Mock interview · mid")
    with pytest.raises(ValueError, match=r"\.html"):
        export(card, tmp_path / "card.pdf")
    assert closed.forget(2)
    assert list(closed.book.records()) == [1]
    assert not closed.book.path.with_name("mocks.json.before").exists(), "nothing of it is left"


def test_ready_for_what(closed: Interview, clock: Clock) -> None:
    clock.go(86400)
    found = ready(closed.home, BANK, clock)
    ecr = next(each for each in found.topics if each.name == "ecr")
    assert ecr.asked >= 4
    assert ecr.made >= 2
    text = found.shown.text
    assert "not tried yet" in text
    assert "%" not in text
    assert re.search(r"Next: .* due", text)
    assert "[" not in re.sub(r"\[[^]]*\]", "", text)
    clock.go(20 * 86400)
    assert all(each.asked == 0 for each in ready(closed.home, BANK, clock).topics)


# Two people -----------------------------------------------------------------------------------------------------------


def test_both_screens_have_the_same_mock(interview: Interview) -> None:
    interview.begin(20, "mid", 7, partner=True)
    code = read_code("MID 20 7")
    assert str(code) == "mid 20 7"
    parts = slots(POOL, code)
    assert [slot.id for slot in parts] == [part["what"] for part in interview.parts]
    other = slots(POOL, Code("mid", 20, 8, after=7))
    assert not {slot.id for slot in parts if slot.id} & {slot.id for slot in other if slot.id}
    text = sheet(BANK, code, parts)
    for question in questions_of(BANK, parts):
        assert all(" ".join(point.text.split()) in text for point in question.points)
    for wrong in ("mid 20", "boss 20 7", "mid 21 7", "mid 20 0", ""):
        with pytest.raises(MixError):
            read_code(wrong)


def test_ticks_take_the_place_of_what_was_heard(interview: Interview) -> None:
    interview.begin(20, "mid", 7, partner=True)
    through(interview, "A few words only.")
    assert all("follow" not in part for part in interview.parts), "the interviewer asks, not the screen"
    asked = questions_of(BANK, interview.parts)
    ticks = Ticks(BANK, Code("mid", 20, 7), interview.parts)
    ticks.tick(0, asked[0].points[0].key)
    ticks.tick(0, asked[0].points[1].key)
    ticks.tick(0, asked[0].points[1].key, False)
    ticks.follow(0, "a")
    line = str(ticks)
    for wrong in ("", "8: 1", "7: 11", f"{line} 1a", line.replace("1", "2"), f"{line[:-1]}x"):
        with pytest.raises(MixError):
            take_ticks(interview.record, BANK, wrong)
    take_ticks(interview.record, BANK, str(ticks))
    interview.close()
    assert interview.marking(interview.parts[0]).made == [asked[0].points[0].key]
    text = scorecard(BANK, interview.book.records(), 1).text
    assert "ticked by a partner" in text
    assert re.search(r"  1  .*  1 .*answered", text)


def test_the_interviewer_s_terminal(tmp_path: Path) -> None:
    book = tick_book(Home(tmp_path))
    code, shown = Code("mid", 8, 3), io.StringIO()
    asked = iter(["maybe", "9", "1 3", "a", "", "x", "n", "", ""])
    line = Interviewer(BANK, code, POOL, Console(file=shown, width=100), book, lambda _asked: next(asked)).run()
    assert re.fullmatch(r"mid 8 3 / \d{4}: 101[01]*a 000[0-9]*n", line)
    assert line in shown.getvalue()
    assert "Do not finish their sentence" in shown.getvalue()


# The terminal, with a lab ---------------------------------------------------------------------------------------------


def held(interview: Interview, ask: Callable[[str], str]) -> str:
    shown = io.StringIO()
    talk = MockConversation(interview, Console(file=shown, width=100), ask)
    talk.begin()
    talk.run()
    return shown.getvalue()


def test_a_mock_in_the_terminal(running: Home, tmp_path: Path) -> None:
    """Evidence shown, an incident closed, answers good, weak and hostile; nobody helps on the way."""
    interview = Interview(running, BANK, lambda: Desk(running, tmp_path / "jobs"))
    interview.book.path.unlink(missing_ok=True)
    interview.begin(20, "mid", 7)
    answers = iter(
        [GOOD, "", "p", "I give it full access.", "", "", "image layer digest tag registry token push pull", ""]
    )
    evidence = iter(["", "x", "p"])

    def ask(question: str) -> str:
        part = interview.part
        if part is None or "begins" in question:
            return ""
        if part["kind"] == EVIDENCE and part.get("stage") == TASK:
            if "Enter: it is done" not in question:
                return ""
            word = next(evidence, None)
            if word is None:  # the second one is shown
                drill, lab = drills()[part["what"]], interview.evidence.lab(part["what"])
                attempt = next(each for each in drill.accepts if (each.seed or drill.seeds[0]) == lab.seed)
                assert attempt.do is not None
                attempt.do(lab)
                answer = attempt.answer(lab) if callable(attempt.answer) else attempt.answer
                interview.check(answer or {})
                assert part.get("outcome") == GIVEN
                return ""
            return word
        if part["kind"] == INCIDENT:
            interview.desk.solve(interview.ticket)
            return "run" if "run" not in seen and not seen.append("run") else ""
        return next(answers, "")

    seen: list[str] = []
    said = held(interview, ask)
    assert "Not seen yet." in said
    assert "One of s, p, or Enter alone" in said
    assert "Exit code" in said
    assert "NOT heard" not in said
    assert re.search(r"i\d\d +incident of the desk +given", said)
    record = interview.book.records()[interview.number]
    assert [part.get("outcome") for part in record["parts"] if part["kind"] == EVIDENCE] == [NOT_GIVEN, GIVEN]
    assert "This is a list of words, and nothing of it counts" in said
    assert "full access" in said.split("RED FLAGS")[1]


# On a page ------------------------------------------------------------------------------------------------------------


def widgets(card: Any) -> Iterator[Any]:
    waiting = [card.box]
    while waiting:
        one = waiting.pop(0)
        yield one
        waiting += list(getattr(one, "children", ()))


def control(card: Any, name: str) -> Any:
    return next(each for each in widgets(card) if getattr(each, "description", "") == name)


def texts(card: Any) -> str:
    return "\n".join(str(each.value) for each in widgets(card) if type(each).__name__ == "HTML")


def test_a_card_from_begin_to_scorecard(interview: Interview, tmp_path: Path) -> None:
    interview.begin(8, "mid", 1)
    number(75, interview)
    card = MockCard(interview, tmp_path)
    assert "Nobody helps" in texts(card)
    assert "ecrlab_course mock --minutes 8 --level mid" in form(interview)
    control(card, "Begin").click()
    assert "1/4 · Opener" in texts(card)
    assert "8:00 left" in texts(card)
    control(card, "Your answer").value = GOOD
    control(card, "Done").click()
    assert "And then?" in texts(card)
    control(card, "Your answer").value = "It is refused there with 401."
    control(card, "Done").click()
    control(card, "Pass").click()
    assert "3/4 · Show it" in texts(card)
    control(card, "Pass").click()
    assert "Do you have a question for us?" in texts(card)
    control(card, "Done").click()
    assert "What was heard" in texts(card)
    choice = control(card, "region")
    choice.value = choice.options[1][1]
    assert "costs its next question" not in texts(card), "first it is asked"
    control(card, "time").value = "unmeant"
    control(card, "Close the interview, show the scorecard").click()
    assert "Practise tomorrow" in texts(card)
    control(card, "Write it as a file").click()
    assert (tmp_path / "mock-interview-1.html").is_file()
    again = MockCard(interview, tmp_path)
    assert "Practise tomorrow" in texts(again)


def test_the_interviewer_s_card(tmp_path: Path) -> None:
    card = InterviewerCard(BANK, POOL, Code("mid", 8, 3))
    control(card, "Begin").click()
    question = card.ticks.asked[0]
    control(card, plain(question.points[0].text)).value = True
    control(card, "The follow-up").value = "a"
    for _ in card.parts:
        control(card, "Next").click()
    assert str(card.ticks) in texts(card)
    assert re.match(r"mid 8 3 / \d{4}: 1", str(card.ticks))


# The commands ---------------------------------------------------------------------------------------------------------


def test_the_commands(closed: Interview, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(main, [*words, "--home", str(closed.home.path)])

    listed = run("mock", "--list")
    assert listed.exit_code == 0, listed.output
    assert "20 min" in listed.output
    assert "Mock interview" in run("mock", "--show").output
    written = run("mock", "--export", str(tmp_path / "one.html"), "1")
    assert "the scorecard of mock interview 1" in written.output
    assert (tmp_path / "one.html").is_file()
    assert run("mock", "--show", "9").exit_code == 1
    assert "Interviewer's sheet" in run("mock", "--sheet", "mid 20 7").output
    assert run("mock", "--sheet", "nonsense").exit_code == 1
    assert "needs a terminal" in run("mock").output
    assert "Points made unaided" in run("ready").output
    assert "Points made unaided" in run("ready", "--today", "2027-01-15").output
    assert "deleted" in run("mock", "--forget", "1").output
    assert "no mock interview yet" in run("mock", "--list").output


def test_today_moves_the_schedule_and_says_so(tmp_path: Path) -> None:
    def listed(*more: str) -> str:
        return str(CliRunner().invoke(main, ["drill", "--home", str(tmp_path), "--list", *more]).output)

    schedule = schedule_of(Home(tmp_path))
    schedule.review("d01", Rating.Good)
    assert re.search(r"d01 .* due ", listed("--today", "2030-01-15"))
    assert not re.search(r"d01 .* due ", listed())
    schedule_on(Home(tmp_path), datetime(2030, 1, 15)).review("d01", Rating.Good)
    kept = json.loads(schedule.path.read_text())["drills"]["d01"]["reviews"]
    assert [each.get("clock") for each in kept] == [None, "moved"]
    assert kept[1]["at"].startswith("2030-01-1")
