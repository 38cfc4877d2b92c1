"""Exercises as documents: three real ones, proved like all others, and what a document is refused for."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring import in_code
from ecrlab_course.authoring.content import course, read
from ecrlab_course.documents.sections import DocumentError, items, parse, unwrapped
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.kinds.base import Attempt, Exercise
from ecrlab_course.kinds.free_answer import FollowUp, FreeAnswer
from ecrlab_course.kinds.match import Match
from ecrlab_course.kinds.register import KINDS
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress
from ecrlab_course.toolbox.lab import Lab

from . import proof

pytestmark = pytest.mark.timeout(60)

ROOT = Path(__file__).parent / "documents"
LESSON = ROOT / "content" / "lessons" / "91_documents"
COURSE = course(ROOT)
EXERCISES = list(COURSE.exercises.values())
LIVE_CHECK_AT_MOST = 140


@pytest.fixture
def session(running: Home, tmp_path: Path) -> Session:
    """A session of the small course."""
    folder = tmp_path / "work"
    folder.mkdir()
    made = Session(Lab(running, folder), Progress(tmp_path / "progress.json"), COURSE)
    made.goto("91", "fresh")
    return made


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_untouched(exercise: Exercise, session: Session) -> None:
    proof.untouched(session, exercise)


@pytest.mark.parametrize(
    ("exercise", "made"), [pytest.param(e, a, id=f"{e.id}-{a.name}") for e in EXERCISES for a in proof.alone(e.rejects)]
)
def test_wrong_attempt_is_refused_by_name(exercise: Exercise, made: Attempt, session: Session) -> None:
    proof.refused(session, exercise, made)


@pytest.mark.parametrize(
    ("exercise", "made"), [pytest.param(e, a, id=f"{e.id}-{a.name}") for e in EXERCISES for a in e.accepts]
)
def test_right_attempt_is_accepted(exercise: Exercise, made: Attempt, session: Session) -> None:
    proof.accepted(session, exercise, made)


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if proof.together(e.rejects)], ids=lambda e: e.id)
def test_wrong_answers_are_refused_one_after_the_other(exercise: Exercise, session: Session) -> None:
    proof.all_refused(session, exercise)


def test_a_live_check_is_short_and_sorting_and_guessing_need_no_python() -> None:
    lines = [len((LESSON / name).read_text().splitlines()) for name in ("e6.md", "e6.py")]
    assert sum(lines) <= LIVE_CHECK_AT_MOST
    assert len(COURSE.exercises["91-e6"].accepts) + len(COURSE.exercises["91-e6"].rejects) >= 10
    kinds = {path.stem: COURSE.exercises[f"91-{path.stem}"].kind for path in LESSON.glob("e*.md")}
    with_python = {kinds[path.stem] for path in LESSON.glob("e*.py")}
    assert with_python == {"order", "fix-file", "read-error", "live-check"}
    assert len((LESSON / "e7.md").read_text().splitlines()) <= 70
    assert len((LESSON / "e2.md").read_text().splitlines()) <= 50


def test_every_wrong_option_and_every_wrong_place_is_tried() -> None:
    places = {str(attempt.answer) for attempt in COURSE.exercises["91-e7"].rejects}
    assert len(places) == 6 * 2
    guesses = {attempt.answer for attempt in COURSE.exercises["91-e2"].rejects}
    assert guesses == {"done", "no repository", "no right"}
    assert {attempt.answer for attempt in COURSE.exercises["91-e2"].accepts} == {"no login"}


def test_what_is_said_is_filled_from_what_was_seen(session: Session) -> None:
    assert "It has not tried to push yet." in session.hint("91-e6").text
    session.goto("91", "pushed")
    (wrong,) = [each for each in COURSE.exercises["91-e6"].rejects if each.name == "refused again"]
    verdict = proof.attempt(session, COURSE.exercises["91-e6"], wrong)
    assert "refused all the same: `ecr:UploadLayerPart`" in verdict.message
    assert "Refused last: `ecr:UploadLayerPart`." in session.exercise("91-e6").hint(1, session.entry("91-e6"))
    (wide,) = [each for each in COURSE.exercises["91-e6"].accepts if each.name == "star"]
    session.goto("91", "pushed")
    verdict = proof.attempt(session, COURSE.exercises["91-e6"], wide)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.message.startswith("The row of the manifest says `ci`")
    assert "A remark: `ecr:*` also lets the robot delete" in verdict.message


def test_every_kind_is_read_from_a_document() -> None:
    read_here = {item.kind for item in (*COURSE.exercises.values(), *COURSE.lessons["91"].guesses.values())}
    lesson = course().lessons["00"]
    assert read_here | {item.kind for item in lesson.exercises.values()} == set(KINDS)


def test_a_question_its_follow_up_and_what_the_prompt_adds() -> None:
    item = COURSE.exercises["91-i1"]
    assert isinstance(item, FreeAnswer)
    assert item.asked == "**How does an image get to ECR?**\n\nSay it as to somebody who has to do it tomorrow."
    assert item.points[0].follow_up == FollowUp("What does docker print without it?", "`name unknown`.")
    assert item.points[1].follow_up is None
    assert not item.counts


# What is refused, with file and line ---------------------------------------------------------------------------------


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the lesson, to be broken."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder = tmp_path / "content" / "lessons" / "91_documents"
    shutil.copytree(LESSON, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def broken(lesson: Path, name: str, old: str, new: str) -> str:
    """Return what the loader says of the lesson once a text was replaced in one of its files."""
    path = lesson / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DocumentError) as caught:
        read(lesson).read_all()
    return str(caught.value)


REFUSED: dict[str, tuple[str, str, str, str]] = {
    # The front matter
    "no front matter": ("e2.md", "---\nkind", "kind", "e2.md:1: begins without front matter"),
    "not YAML": ("e2.md", "kind: predict", "kind: [predict", "e2.md:3: front matter: "),
    "no table": ("lesson.md", "title: Exercises as documents\n", "- a\n---\n", "lesson.md:2: front matter: KEY: VALUE"),
    "an unknown key": ("e2.md", "try:", "tries:", "e2.md:4: front matter: 'tries' is unknown here; there are: at, cou"),
    "a key of another kind": ("e7.md", "at: pushed", "at: pushed\nright: who", "e7.md:4: front matter: 'right' is unk"),
    "a key twice": ("e2.md", "try:", "kind: predict\ntry:", "e2.md:4: front matter has 'kind' twice"),
    "no objective": ("e7.md", "objective: Tell", "neighbour: Tell", "e7.md:1: front matter lacks 'objective'"),
    "an unknown kind": ("e2.md", "kind: predict", "kind: fly", "e2.md:2: kind: there is no 'fly'; there are: live-"),
    "an unknown checkpoint": ("e6.md", "at: pushed", "at: moon", "e6.md:3: at: the lesson has no checkpoint 'moon'"),
    "neither yes nor no": ("e6.md", "at: pushed", "at: pushed\nengine: maybe", "e6.md:4: engine: yes or no is wanted"),
    "no function": ("e2.md", "last_push", "first_push", "e2.md:3: observe: neither e2.py nor state.py has a function"),
    "no table of bins": ("e7.md", "bins:\n  settled", "bins: x\nfacts:\n  settled", "e7.md:5: front matter: bins is a"),
    # Sections
    "a section twice": ("e6.md", "# Passed", "# Hints\n\n1. x\n\n# Passed", "'Hints' stands already in line 11"),
    "an unknown section": ("e6.md", "# Solution", "# Solutions", "e6.md:17: # Solutions is unknown here; there are: H"),
    "a missing section": ("e6.md", "# Solution", "# Solutions", "e6.md:1: lacks the section # Solution"),
    "a part in no section": ("e7.md", "# Items\n\n", "", "## who → settled stands in no section"),
    "no prompt": ("e7.md", "You have seen the robot's", "# The robot's", "e7.md:1: has no prompt"),
    "an empty verdict": ("e6.md", "## never-tried", "## void = left-out\n\n## never-tried", "## void = left-out is em"),
    "two hints": ("e7.md", "2. Ask of each: could it change while the token stays the same?\n", "", "has 2 hints"),
    # Verdicts
    "a verdict twice": ("e6.md", "## never-tried", "## on-dara = left-out\n\nx\n\n## never-tried", "'on-dara' stands"),
    "a verdict twice, elsewhere": ("e6.md", "## star\n", "## on-dara\n", "'on-dara' stands already in line 3"),
    "an unknown misconception": ("e6.md", "= left-out", "= left-in", "no misconception is called 'left-in'"),
    "no misconception": ("e6.md", "## on-dara = left-out", "## on-dara", "## on-dara: the misconception that it shows"),
    "a misconception of what is right": ("e6.md", "## star", "## star = left-out", "only what is not yet right shows"),
    "an unknown field": ("e6.md", "refused: `{refused}`", "refused: `{refusal}`", "{refusal} is nothing that was seen"),
    "an unknown field of a hint": ("e6.md", "{held}", "{help}", "e6.md:11: {help} is nothing that was seen; there are"),
    "an unknown field of a sentence": ("e6.md", "{missing}", "{missed}", "{missed} is nothing that was seen"),
    "a field where nothing is seen": ("e2.md", "Nobody told", "{nobody} told", "nothing that was seen; there are: non"),
    "a verdict that no try reaches": ("e6.py", '"never-tried": [', '"star": [', "'never-tried' is a verdict that no t"),
    "a try of no verdict": ("e6.py", '"never-tried": [', '"seen": [', "TRIES has 'seen', and e6.md has no verdict of"),
    "a name that the document lacks": (
        "e6.py", 'return "on-dara"', 'return "on-diana"',
        "e6.py:37: judge returns 'on-diana', and e6.md has no verdict of that name",
    ),
    "a verdict that is never returned": (
        "e6.py", 'return "on-dara"', 'return "unchanged"', "'on-dara' is a verdict that judge never returns",
    ),
    "a name that cannot be read": (
        "e6.py", 'return "on-dara"', 'return "on-" + "dara"',
        "e6.py:37: judge returns 'on-' + 'dara'; the name of a verdict is wanted, written out",
    ),
    "too few tries that pass": (
        "e6.py", "TRIES = {", 'TRIES = {"passed": [robot]}\nOTHERS = {',
        "e6.py:56: TRIES has 1 that must pass; the form asks for 2",
    ),
    "too few tries that must not pass": (
        "e6.py", "TRIES = {", "TRIES = {}\nOTHERS = {", "e6.py:56: TRIES has 0 that must not pass; the form asks for 3",
    ),
    "a sentence that is not there": ("e6.md", "- not-tried:", "- never:", "Sentence('not-tried'): e6.md has none of t"),
    "a sentence that nobody says": ("e6.md", "- not-tried:", "- never:", "e6.py has no Sentence('never')"),
    "no Seen": ("e6.py", "class Seen:", "class Looked:", "e6.py:1: declares no Seen"),
    # Causes
    "a verdict of a cause's name": ("e8.md", "## another", "## no-login", "'no-login' is the name of a cause"),
    "a cause without goals": ("e8.py", "GOALS =", "AIMS =", "TRIES has 'no-login', and e8.md has no verdict of that"),
    "own without goals": ("e8.py", "GOALS =", "AIMS =", "own: without GOALS in e8.py no cause is looked for"),
    "an unknown own verdict": ("e8.md", "own: [another]", "own: [other]", "own: no verdict that is not a right one"),
    "adds to what passed": ("e8.md", "adds: [nothing-there]", "adds: passed", "adds: no verdict that is not a right"),
    # Options and items
    "two options that may be right": ("e2.md", "done = aws-login-is-docker-login", "done", "2 options have no misconc"),
    "an option without a text": ("e2.md", "it works: I am admin\n", "", "the option has no text above its quote"),
    "a place that is not a bin": ("e7.md", "## who → settled", "## who → moon", "its place is not a bin"),
    "an item without an answer": ("e7.md", "> Images come and go;", "Images come and go;", "nothing is said of it in"),
    # The lesson
    "a file that is not there": ("e4.md", "documents-policy", "policy", "e4.md:5: file: there is no files/policy.json"),
    "a wrong option without an answer": ("e5.md", "> Then the text would", "Then the text would", "## a: a wrong opti"),
    "no right option": ("e5.md", "right: c", "right: e", "e5.md:4: right: no option is called 'e'; there are: a, b, c"),
    "no cause": ("e5.py", "def cause", "def because", "e5.py:1: declares no cause"),
    "no points": ("i1.md", "# Points", "# Point", "i1.md:1: lacks the section # Points"),
    "no right guess": ("g1.md", "right: false", "right: maybe", "g1.md:3: right: no option is called 'maybe'"),
    "no title": ("lesson.md", "title: Exercises as documents\n", "", "lesson.md:1: front matter lacks 'title'"),
    "an end that is not a checkpoint": ("lesson.md", "end: pushed", "end: moon", "lesson.md:5: end: state.py has no"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_what_a_document_is_refused_for(fault: str, lesson: Path) -> None:
    name, old, new, says = REFUSED[fault]
    said = broken(lesson, name, old, new)
    assert says in said
    assert re.match(r"91_documents/\w+\.(md|py):\d+: ", said)
    assert "Traceback" not in said


def test_a_document_is_read_when_it_is_asked_for_and_once(lesson: Path) -> None:
    (lesson / "e2.md").write_text((lesson / "e2.md").read_text().replace("kind: ", "kind: no-", 1))
    source = read(lesson)
    assert {"91-e2", "91-e3"} <= set(source.exercises)
    assert source.exercises["91-e3"] is source.exercises["91-e3"]
    with pytest.raises(DocumentError, match="there is no 'no-"):
        source.exercises["91-e2"]
    with pytest.raises(KeyError):
        source.exercises["91-e99"]


def test_python_that_is_missing_or_that_nobody_asks_for(lesson: Path) -> None:
    (lesson / "e7.py").write_text("TRIES = {}\n")
    with pytest.raises(DocumentError, match=r"e7\.py:1: is not asked for: this kind needs no Python"):
        read(lesson).read_all()
    (lesson / "e7.py").unlink()
    (lesson / "e9.py").write_text("TRIES = {}\n")
    with pytest.raises(DocumentError, match=r"e9\.py:1: has no e9\.md beside it"):
        read(lesson).read_all()
    (lesson / "e9.py").unlink()
    (lesson / "e6.py").unlink()
    with pytest.raises(DocumentError, match=r"e6\.py:1: is missing: this kind wants Seen"):
        read(lesson).read_all()


def test_the_places_of_a_match_may_be_found_when_it_is_judged(lesson: Path) -> None:
    (lesson / "e7.py").write_text("def right(lab):\n    return {'who': lab}\n")
    (item,) = [each for each in read(lesson).exercises.values() if each.kind == "match"]
    assert isinstance(item, Match)
    assert callable(item.correct)
    assert item.correct("moon") == {"who": "moon"}  # type: ignore[arg-type]
    assert item.accepts[0].answer["who"] == "settled"


def test_everything_that_is_wrong_is_said_at_once(lesson: Path) -> None:
    (lesson / "e6.py").write_text((lesson / "e6.py").read_text().replace('"on-dara"', '"on-diana"'))
    said = broken(lesson, "e6.md", "{held}", "{help}").splitlines()
    assert len(said) >= 3
    assert said == sorted(said, key=lambda line: (line.split(":")[0], int(line.split(":")[1])))


# The text -------------------------------------------------------------------------------------------------------------


def test_wrapped_paragraphs_are_one_line_and_the_rest_stays() -> None:
    text = "a\nb\n\n- c\n  d\n\n```\n# e\nf\n```\n\n| g |\n|---|\n| h |\n\n> i\n> j\n> bin: k\n> l"
    head = "a b\n\n- c d\n\n```\n# e\nf\n```\n\n| g |\n|---|\n| h |\n\n"
    assert unwrapped(text, {"bin"}) == head + "> i j\n> bin: k l"
    assert unwrapped(text) == head + "> i j bin: k l"
    assert unwrapped("> i\n> bin = miss: k\n> not: l", {"bin"}) == "> i\n> bin = miss: k not: l"
    assert unwrapped("It has\nbin: k", {"bin"}) == "It has bin: k"
    assert items(unwrapped("1. a\n   b\n\n   c\n2. d")) == ["a b\n\nc", "d"]


def test_a_heading_in_a_code_block_is_not_a_section(tmp_path: Path) -> None:
    path = tmp_path / "e1.md"
    path.write_text("---\nkind: choice\n---\n\nask\n\n# Solution\n\n```\n# not a section\n```\n")
    found: Any = parse(path)
    assert [part.title for part in found.parts] == ["Solution"]
    assert "# not a section" in found.parts[0].text


def test_arns_actions_and_keys_in_a_sentence_of_iam_become_code() -> None:
    arn = "arn:aws:ecr:us-east-1:123456789012:repository/dev*"
    assert in_code(f"its Resource is {arn}, not {arn}.") == f"its Resource is `{arn}`, not `{arn}`."
    assert in_code("no policy allows ecr:PutImage on *: its Action is ecr:*") == (
        "no policy allows `ecr:PutImage` on *: its Action is `ecr:*`"
    )
    assert in_code("asks aws:MultiFactorAuthPresent for true") == "asks `aws:MultiFactorAuthPresent` for true"
    assert in_code(in_code(f"about {arn}: 4")) == f"about `{arn}`: 4"
