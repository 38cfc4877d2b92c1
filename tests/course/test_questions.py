"""The question bank: its documents, what is refused in one, the terminal, the page's card, the deck for Anki."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ecrlab_course.checkout import ContentError
from ecrlab_course.documents.sections import DocumentError
from ecrlab_course.drills import deck
from ecrlab_course.drills.drill import drills
from ecrlab_course.notebook.question_card import QuestionCard, form, static
from ecrlab_course.questions import card, terminal, text
from ecrlab_course.questions.question import LEVELS, TOPICS, QuestionError, chosen, numbered, questions

ROOT = Path(__file__).parents[2]
BANK = questions()
FIRST = "001-what-is-a-container.md"


def other_course(tmp_path: Path) -> Path:
    """Make a course with one question, and what it may name; return the folder of its questions."""
    folder = tmp_path / "content" / "questions"
    folder.mkdir(parents=True)
    for name in ("content/lessons", "content/labs", "content/drills", "content/facts.toml", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in (FIRST, "collections.toml"):
        (folder / name).write_text((ROOT / "content/questions" / name).read_text())
    return folder


def test_the_documents_load_and_each_number_says_its_topic() -> None:
    assert BANK
    assert {each.level for each in BANK.values()} <= set(LEVELS)
    order = [TOPICS.index(each.topic) for each in BANK.values()]
    assert order == sorted(order), "the bank goes on topic by topic"
    facts = [fact for each in BANK.values() for fact in each.facts]
    assert [fact.id for fact in facts if not (fact.source and fact.date) or " | " in fact.source] == []


REFUSED = [
    ("level: junior", "level: beginner", "1-what-is-a-container.md:3: level: one of junior, mid, senior is wanted"),
    ("topic: containers", "topic: docker", ":4: topic: one of containers, images, registries, ecr, iam, scenarios"),
    ("number: 1\n", "number: 2\n", ":2: number: the file's name says 1, not 2"),
    ("number: 1\n", "number: one\n", ":2: number: a number is wanted, not 'one'"),
    ("[DE, NH, RG]", "[DE, XX]", ":5: asked: content/questions/collections.toml has no 'XX'"),
    ("[DE, NH, RG]", "[DE, DE]", ":5: asked: 'DE' is named 2 times"),
    ("asked: [DE, NH, RG]\n", "", ":1: front matter lacks 'asked'"),
    ("date: 2026-11-30", "date: November 2026", ":6: date: a day as 2026-11-30 is wanted"),
    ("date: 2026-11-30", "date: 2026-11-31", ":6: date: a day as 2026-11-30 is wanted"),
    ("C001, ", "C99, ", ":7: facts: docs/facts has no 'C99'"),
    ("facts: [C001, C002, C004, C006, C010]\n", "", ":1: front matter lacks 'facts'"),
    ('shown: ["01"]', 'shown: ["77"]', ":8: shown: no lesson, lab or drill is called '77'"),
    ("shown:", "seen:", ":8: front matter: 'seen' is unknown here"),
    ("What is a container?\n", "", ":1: has no prompt"),
    ("## files", "## The files", "## The files: a point's key is lower-case words"),
    ("## files", "## process", "'process' stands already in line"),
    ("It keeps the two words apart", "They are there.\n\nIt keeps the two words apart", "two paragraphs are wanted"),
    ("\n\nThat is the line between", " That is the line between", "## kernel: a second paragraph says why"),
    ("what a container is?\n>\n> No: it", "what a container is?\n> No: it", "the quote is a question (?)"),
    ("# A weak answer", "# A bad answer", "lacks the section # A weak answer"),
    ("> It's a lightweight", "It's a lightweight", "# A weak answer is a quote"),
    ("# A weak answer", "# Wordings\n\nx\n\n# A weak answer", "# Wordings is unknown here"),
    ("ordinary processes", "{{fact:no-such}}", "content/facts.toml has no fact called 'no-such'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), REFUSED, ids=[says[:60] for _, _, says in REFUSED])
def test_a_wrong_document_is_refused(old: str, new: str, says: str, tmp_path: Path) -> None:
    path = other_course(tmp_path) / FIRST
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DocumentError) as refused:
        questions(tmp_path)
    assert says in str(refused.value)


def test_too_few_points_and_none_with_a_follow_up_are_refused(tmp_path: Path) -> None:
    path = other_course(tmp_path) / FIRST
    head, _, rest = path.read_text().partition("# Points")
    point = "## a\n\nA point.\n\nIts reason.\n"
    path.write_text(f"{head}# Points\n\n{point}\n{point.replace('a', 'b', 1)}\n# A weak{rest.partition('# A weak')[2]}")
    with pytest.raises(DocumentError) as refused:
        questions(tmp_path)
    assert "# Points has 2 points; 3 to 5 are wanted" in str(refused.value)
    assert "no point has a follow-up" in str(refused.value)


def test_a_name_a_number_and_a_file_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    folder = other_course(tmp_path)
    (folder / "001-a-second.md").write_text((folder / FIRST).read_text())
    with pytest.raises(DocumentError, match=r"number: 1 is already the number of 001-a-second\.md"):
        questions(tmp_path)
    questions.cache_clear()
    (folder / "001-a-second.md").rename(folder / "1-Second.md")
    with pytest.raises(DocumentError, match=r"a question's file is called NNN-words-of-it\.md"):
        questions(tmp_path)
    (folder / "1-Second.md").unlink()
    (folder / "001-what-is-a-container.py").write_text("")
    with pytest.raises(DocumentError, match=r"001-what-is-a-container.py:1: a question has no Python"):
        questions(tmp_path)
    (folder / "collections.toml").unlink()
    with pytest.raises(ContentError, match=r"collections.toml is missing"):
        questions(tmp_path)


def test_what_is_chosen_and_what_there_is_instead() -> None:
    assert {each.topic for each in chosen(BANK, "containers", "junior")} == {"containers"}
    assert len(chosen(BANK)) == len(BANK)
    for topic, level, says in (
        ("docker", "", "There is no topic docker. The topics are: containers, images,"),
        ("", "boss", "There is no level boss. The levels are: junior, mid, senior."),
    ):
        with pytest.raises(QuestionError, match=says):
            chosen(BANK, topic, level)
    with pytest.raises(QuestionError, match=r"no question with iam, senior\. There are: 1 \(containers 1\)"):
        chosen({1: BANK[1]}, "iam", "senior")
    with pytest.raises(QuestionError, match=r"no question 999\. There are: 1 "):
        numbered(BANK, 999)


# The terminal ---------------------------------------------------------------------------------------------------------

COMMAND = [str(Path(sys.executable).with_name("ecrlab_course")), "ask"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False)


def test_one_question_and_its_points_in_a_pipe() -> None:
    alone, whole = run("1").stdout, run("1", "--points").stdout
    assert alone.startswith("Question 1 · containers · junior\n\nWhat is a container?\n")
    assert "ask 1 --points" in alone
    assert "cgroups" not in alone, "the points are not given away"
    for words in (
        "1. One or more ordinary processes",
        "Why: ",
        "Next question: ",
        "The weak answer",
        "live in: lesson",
    ):
        assert words in whole
    assert "C001 (general, LIVE, 2026-11-23)" in whole
    assert "bregman-arie/devops-exercises (2025-10-08)" in whole
    assert "`" not in whole
    assert max(map(len, whole.splitlines())) <= text.WIDTH


def test_what_there_is_is_listed_and_what_is_not_is_a_sentence() -> None:
    listed = run("--topic", "containers", "--level", "junior", "--list").stdout
    wanted = [each for each in BANK.values() if (each.topic, each.level) == ("containers", "junior")]
    assert len(listed.splitlines()) == len(wanted) + 1
    for words, says in ((["--topic", "docker"], "There is no topic docker."), (["999"], "There is no question 999.")):
        wrong = run(*words)
        assert wrong.returncode == 1
        assert wrong.stderr.startswith(says)
        assert "Traceback" not in wrong.stderr


def test_a_key_shows_the_points_and_asks_the_next_one() -> None:
    shown: list[str] = []
    keys = iter(["", "", "q"])
    terminal.ask([BANK[1]] * 3, shown.append, lambda _prompt: next(keys))
    assert [part.strip() for part in shown] == [text.asked(BANK[1]), text.answered(BANK[1]), text.asked(BANK[1])]


def test_in_a_real_terminal_enter_shows_the_points() -> None:
    number, line = pty.openpty()
    with subprocess.Popen([*COMMAND, "1"], stdin=line, stdout=line, stderr=line, close_fds=True) as process:
        os.close(line)
        os.write(number, b"\n")
        said = b""
        try:
            while part := os.read(number, 65536):
                said += part
        except OSError:
            pass  # its end was closed
        assert process.wait(20) == 0
    os.close(number)
    assert b"then press Enter for the points" in said
    assert b"The weak answer people give" in said


# The page's card ------------------------------------------------------------------------------------------------------


def seen(shown: QuestionCard) -> str:
    """What the card's HTML says."""
    return "".join(part.value for part in shown.box.children if type(part).__name__ == "HTML")


def press(shown: QuestionCard, name: str) -> None:
    next(part for part in shown.box.children[4].children if part.description == name).click()


def test_a_card_from_a_topic_to_its_points() -> None:
    shown = QuestionCard(BANK, "images", "mid")
    wanted = [each for each in BANK.values() if (each.topic, each.level) == ("images", "mid")]
    assert shown.question == wanted[0]
    assert f"{len(wanted)} of {len(BANK)}" in seen(shown)
    assert card.points(wanted[0]) not in seen(shown)
    press(shown, "Show the points")
    assert card.points(wanted[0]) in seen(shown)
    assert card.weak(wanted[0]) in seen(shown)
    press(shown, "Next question")
    assert shown.question == wanted[1]
    assert card.points(wanted[1]) not in seen(shown), "the next one is covered again"
    press(shown, "Previous question")
    press(shown, "Previous question")
    assert shown.question == wanted[-1], "before the first one is the last"
    shown.level.value = "senior"
    assert {number for _, number in shown.choice.options} == {
        each.number for each in BANK.values() if (each.topic, each.level) == ("images", "senior")
    }
    assert shown.question is not None
    assert shown.question.level == "senior"


def test_a_card_where_no_question_is_left_says_so_and_finds_back() -> None:
    shown = QuestionCard({1: BANK[1], 53: BANK[53]})
    shown.topic.value = "images"
    assert shown.question is None
    assert "There is no question of this topic and level." in seen(shown)
    press(shown, "Next question")
    press(shown, "Show the points")
    shown.topic.value = "registries"
    assert shown.question == BANK[53]
    assert card.points(BANK[53]) not in seen(shown)


def test_a_card_begins_at_a_number_and_refuses_one_that_is_not_there() -> None:
    assert QuestionCard(BANK, number=38).question == BANK[38]
    for words in ({"number": 999}, {"topic": "docker"}, {"level": "boss"}):
        with pytest.raises(QuestionError, match="There is no"):
            QuestionCard(BANK, **words)  # type: ignore[arg-type]


def test_the_card_s_text_form_lists_or_asks_and_gives_nothing_away() -> None:
    listed, one = form(list(BANK.values())), form([BANK[38]])
    assert all(f"\n{number} " in listed for number in BANK)
    assert one.startswith("Question 38 · images · mid")
    for page in (listed, one, static([BANK[38]])):
        assert "SHA-256 of the exact bytes" not in page
        assert "ask 38 --points" in page
    assert Balanced(static(list(BANK.values()))).stray == []


# The deck -------------------------------------------------------------------------------------------------------------


def notes(path: Path, folder: Path) -> Mapping[str, tuple[str, list[str], str]]:
    """Open a file for Anki again: model, fields and tags by guid."""
    with zipfile.ZipFile(path) as archive:
        archive.extract("collection.anki2", folder)
    connection = sqlite3.connect(folder / "collection.anki2")
    try:
        models = json.loads(connection.execute("select models from col").fetchone()[0])
        rows = connection.execute("select guid, mid, flds, tags from notes").fetchall()
        assert connection.execute("select count(*) from cards").fetchone()[0] == len(rows)
        return {guid: (models[str(mid)]["name"], flds.split("\x1f"), tags) for guid, mid, flds, tags in rows}
    finally:
        connection.close()


class Balanced(HTMLParser):
    """Finds tags that are not closed, or not opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.stray: list[str] = []
        self.feed(page)
        self.stray += self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("br", "hr", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.stray.append(f"/{tag}")


def test_drills_and_questions_are_one_file_that_adds_nothing_when_imported_again(tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND[0], "drill", "--export", str(tmp_path / "1.apkg"), "--home", str(tmp_path / "home")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert f"{len(drills())} drills and {len(BANK)} questions" in done.stdout, done.stderr
    changed = [replace(each, weak="Another weak answer.", slug="another-name") for each in BANK.values()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # genanki warns of what Anki would take for a tag
        assert deck.export(drills().values(), tmp_path / "2.apkg", changed) == len(drills()) + len(BANK)
    before, after = notes(tmp_path / "1.apkg", tmp_path / "a"), notes(tmp_path / "2.apkg", tmp_path / "b")
    assert set(before) == set(after)
    assert before != after
    assert sum(model == "ECR Lab question" for model, _, _ in before.values()) == len(BANK)
    for model, fields, tags in before.values():
        assert not any("`" in field or "<p><p>" in field for field in fields)
        if model == "ECR Lab question":
            question = BANK[int(fields[0])]
            shown = dict(zip(card.FIELDS, fields, strict=True))
            assert shown["Points"].count("<li>") >= len(question.points)
            assert question.date in shown["Sources"]
            assert tags.split() == [f"topic-{question.topic}", f"level-{question.level}"]
            assert [Balanced(field).stray for field in fields] == [[]] * len(fields)


def test_some_questions_alone_as_a_deck(tmp_path: Path) -> None:
    done = run("--level", "junior", "--export", str(tmp_path / "x.apkg"))
    found = notes(tmp_path / "x.apkg", tmp_path / "a")
    assert f"{len(found)} questions" in done.stdout
    assert {int(fields[0]) for _, fields, _ in found.values()} == {n for n, q in BANK.items() if q.level == "junior"}


def test_a_written_answer_is_listened_to() -> None:
    said: list[str] = []
    lines = iter(["A container shares the kernel of its host.", "q"])
    bank = questions()
    terminal.ask([bank[1], bank[2]], lambda text: said.append(str(text)), lambda prompt: next(lines))
    assert "✓ heard: “A container shares the kernel of its host.”" in said[1]
    assert said[1].count("○ not heard") == 2
    card = QuestionCard(bank, number=1)
    card._answer.value = "A container shares the kernel of its host."
    card.uncover()
    assert "heard: “A container shares" in card._told.value
    card.move(1)
    assert card._answer.value == "", "another question, another answer"
