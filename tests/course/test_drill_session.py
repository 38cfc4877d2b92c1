"""A drill from its question to its date: on the session, in the terminal, as a card, as an Anki deck."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.sections import DocumentError
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.drills import deck
from ecrlab_course.drills.drill import LEVELS, Drill, drills
from ecrlab_course.drills.drill_session import Done, DrillSession, any_word, when
from ecrlab_course.drills.schedule import Schedule
from ecrlab_course.drills.terminal import Conversation
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.notebook.drill_card import DrillCard, form, listing
from ecrlab_course.views.display import plain

OWN = "A registry keeps images, and a container is what a server makes from one of them."
DRILLS = drills()
WHOLE = " ".join(plain(point.text) for point in DRILLS["d01"].points)
"""An answer in which every point of d01 is heard."""
D05 = " ".join(plain(point.text) for point in DRILLS["d05"].points)
THEN = "I would look at the digest first."
COMMAND = [str(Path(sys.executable).with_name("ecrlab_course")), "drill"]


@pytest.fixture
def drill_session(running: Home, tmp_path: Path) -> DrillSession:
    """A session with the running lab and an empty drills' file."""
    made = DrillSession(running, DRILLS, Schedule(tmp_path / "drills.json"))
    return made


def solve(session: DrillSession, identifier: str) -> Mapping[str, str]:
    """Make the first accepted attempt of the begun seed; return its findings."""
    lab, drill = session.lab(identifier), session.drill(identifier)
    attempt = next(each for each in drill.accepts if (each.seed or drill.seeds[0]) == lab.seed)
    if attempt.do is not None:
        attempt.do(lab)
    found = attempt.answer(lab) if callable(attempt.answer) else attempt.answer
    return found or {}


# The declarations -----------------------------------------------------------------------------------------------------


def test_they_are_of_ten_kinds_and_none_needs_an_engine() -> None:
    assert len(DRILLS) == 50
    assert len({drill.kind for drill in DRILLS.values()}) >= 10
    assert {drill.level for drill in DRILLS.values()} == set(LEVELS)
    assert [drill.id for drill in DRILLS.values() if drill.engine] == []
    follow_ups = [item.question for drill in DRILLS.values() for item in drill.follow_ups]
    assert len(set(follow_ups)) == len(follow_ups)


ROOT = Path(__file__).parents[2] / "content" / "drills"


@pytest.mark.parametrize("drill", DRILLS.values(), ids=lambda drill: drill.id)
def test_every_drill_cites_its_facts(drill: Drill) -> None:
    assert re.search(r"^facts: .*[EIC]\d{3}", (ROOT / f"{drill.id}.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("d01.md", "seconds: 90", "seconds: 400", "d01.md:5: seconds: 60 to 180 are wanted"),
        ("d01.md", "level: J", "level: X", "d01.md:3: level: one of J, M, S is wanted, not 'X'"),
        ("d01.md", "lesson: ", "leson: ", "front matter lacks 'lesson'"),
        ("d01.md", "misconceptions: [registry-stores-containers", "misconceptions: [no-such", "called 'no-such'"),
        ("d01.md", "sources:", "pages:", "front matter lacks 'sources'"),
        ("d01.md", "\n> Where would", "\nWhere would", "## images: a quote below it asks the next question"),
        ("d01.md", "\n## rest\n", "\n# rest\n", "# rest is unknown here"),
        ("d01.md", "# Question", "# A question", "lacks the section # Question"),
        (
            "d01.md",
            "The same as today: only `1.4` moved. Whoever needs certainty deploys the digest.",
            "",
            "# Beyond is a question",
        ),
        ("d01.md", "1. In `shop/booking` I see {tags_seen}, and {image_count}.", "", "# Hints has 2 hints"),
        ("d01.md", "{tags_seen} so far", "{tag_seen} so far", "{tag_seen} is nothing that was seen"),
        ("d01.md", "## moved = tag-copies", "## moved", "the misconception that it shows is missing"),
        ("d01.md", "## gone = left-out", "## lost = left-out", "judge returns 'gone', and d01.md has no verdict"),
        ("d01.py", 'return "gone"', 'return "moved"', "'gone' is a verdict that judge never returns"),
        ("d01.py", '"gone": {"a name', '"moved": {"a name', "'gone' is a verdict that no try reaches"),
        (
            "d01.py",
            'attempt({"images": "2"}',
            'attempt({"image": "2"}',
            "types 'image', and # Findings has no such one",
        ),
        ("d01.py", "def prepare", "def prepared", "declares no prepare"),
        ("d09.md", "- tag: the tag", "- the tag", "an option is `key: text`"),
        ("d09.py", 'said("platform")', 'said("weather")', "chooses 'weather', and 'cause' has no such option"),
        ("d09.py", 'tag_again, seed="tag")', 'tag_again, seed="tags")', "names no seed of it: 'tags'"),
        (
            "d09.md",
            "seeds: [task, scope, tag]",
            "seeds: [task, scope, tag, way]",
            "none that passes in the state 'way'",
        ),
    ],
)
def test_a_wrong_document_is_refused(file: str, old: str, new: str, says: str, tmp_path: Path) -> None:
    """With file and line; the account's words (Python) are checked as far as the document must agree with them."""
    folder = tmp_path / "content" / "drills"
    folder.mkdir(parents=True)
    for path in ROOT.glob(f"{file.partition('.')[0]}.*"):
        text = path.read_text()
        assert path.name != file or old in text
        (folder / path.name).write_text(text.replace(old, new) if path.name == file else text)
    with pytest.raises(DocumentError) as refused:
        drills(tmp_path)
    assert says in str(refused.value)


def test_python_without_a_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "content" / "drills").mkdir(parents=True)
    (tmp_path / "content" / "drills" / "d77.py").write_text("")
    with pytest.raises(DocumentError, match=r"d77.py:1: has no d77.md beside it"):
        drills(tmp_path)


def test_the_follow_up_is_about_the_first_point_left_out() -> None:
    drill = DRILLS["d03"]
    keys = [point.key for point in drill.points]
    assert drill.follow_up(keys) == drill.beyond
    assert drill.follow_up([]) == drill.points[0].follow_up
    assert drill.follow_up([keys[0], keys[3]]) == drill.points[1].follow_up


# The session ----------------------------------------------------------------------------------------------------------


def test_a_drill_done_well(drill_session: DrillSession) -> None:
    session, points = drill_session, [point.key for point in DRILLS["d01"].points]
    session.prepare("d01")
    assert session.ready("d01")
    with pytest.raises(AnswerError, match="Answer first"):
        session.reveal("d01")
    with pytest.raises(AnswerError, match="not uncovered"):
        session.mark("d01", points)
    session.ask("d01")
    session.write("d01", WHOLE)
    session.reveal("d01")
    assert all(each.made for each in session.heard("d01").values())
    with pytest.raises(AnswerError, match="no point called"):
        session.mark("d01", ["nonsense"])
    with pytest.raises(AnswerError, match="mark them first"):
        session.finish("d01")
    assert session.mark("d01", points) == DRILLS["d01"].beyond
    assert not session.followed("d01")
    session.follow("d01", 0, THEN)
    assert session.check("d01", {}).outcome is Outcome.UNTOUCHED
    assert session.check("d01", solve(session, "d01")).outcome is Outcome.PASSED
    done = session.finish("d01")
    assert done.rating == "easy"
    assert done.due > datetime.now(UTC) + timedelta(days=3)
    assert session.opened("d01") == {}
    review = session.schedule.reviews("d01")[0]
    assert review["text"] == WHOLE
    assert review["said"] == {}
    assert review["follow"] == {"0": THEN}
    assert review["first"] >= 0
    assert "first words after 0:0" in done.why


def finished(
    session: DrillSession, made: int, hint: bool = False, show: bool = True, refused: int = 0, followed: bool = True
) -> Done:
    session.prepare("d01")
    session.write("d01", WHOLE)
    session.reveal("d01")
    session.mark("d01", [point.key for point in DRILLS["d01"].points][:made])
    session.follow("d01", 0, THEN if followed else "")
    if hint:
        session.hint("d01")
    findings = solve(session, "d01") if show else {}
    for _ in range(refused):
        assert session.check("d01", {"images": "4"}).outcome is Outcome.NOT_YET
    if show:
        assert session.check("d01", findings).outcome is Outcome.PASSED
    return session.finish("d01")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"made": 4}, "easy"),
        ({"made": 3}, "good"),
        ({"made": 4, "followed": False}, "good"),
        ({"made": 4, "hint": True}, "hard"),
        ({"made": 4, "refused": 2}, "hard"),
        ({"made": 4, "show": False}, "again"),
        ({"made": 1}, "again"),
    ],
)
def test_what_was_done_is_what_is_rated(drill_session: DrillSession, how: dict[str, Any], expected: str) -> None:
    assert finished(drill_session, **how).rating == expected


def test_words_that_answer_nothing_do_not_uncover_the_points(drill_session: DrillSession) -> None:
    drill_session.write("d01", "a a a a a a a a")
    with pytest.raises(AnswerError, match="At least 8 different words; there are 1"):
        drill_session.reveal("d01")
    drill_session.write("d01", "registry image container layer digest tag process server push pull")
    with pytest.raises(AnswerError, match="list of words"):
        drill_session.reveal("d01")


def test_an_objection_counts_at_once_and_costs_its_next_question(drill_session: DrillSession) -> None:
    """One may be in what is rated easy, when its question was answered; two may not."""
    session, points = drill_session, DRILLS["d01"].points
    for said, unsaid, expected in ((points[1:], ["images"], "easy"), (points[2:3], ["images", "tags"], "good")):
        session.prepare("d01")
        session.write("d01", " ".join(plain(point.text) for point in said) + " And so it is with them all.")
        session.reveal("d01")
        assert [key for key, each in session.heard("d01").items() if not each.made] == unsaid
        first = session.mark("d01", [point.key for point in points], {points[0].key: "And so it is with them all."})
        assert first == points[0].follow_up
        assert session.opened("d01")["said"][points[0].key] == "And so it is with them all."
        assert len(session.follow_ups("d01")) == len(unsaid)
        for number in range(len(unsaid)):
            session.follow("d01", number, THEN)
        assert session.check("d01", solve(session, "d01")).outcome is Outcome.PASSED
        done = session.finish("d01")
        assert done.rating == expected
        assert f"{len(unsaid)} of them by your word alone" in done.why
    session.prepare("d02")  # The next test finds no solved state of d01.


def test_what_was_heard_and_not_meant_is_left_out(drill_session: DrillSession) -> None:
    drill_session.write("d01", WHOLE)
    drill_session.reveal("d01")
    drill_session.mark("d01", ["images", "rest", "sheet"])
    assert drill_session.opened("d01")["unmeant"] == ["tags"]
    assert drill_session.follow_ups("d01") == [DRILLS["d01"].points[3].follow_up]


def test_without_wordings_any_word_is_enough() -> None:
    assert any_word("A registry keeps images.", "An image is kept there")
    assert not any_word("A registry keeps images.", "It has all of them")


def test_building_the_state_again_forgets_what_was_typed(drill_session: DrillSession) -> None:
    drill_session.prepare("d05")
    card = DrillCard(drill_session, "d05")
    card._fields["one"].value = "no"
    card._check()
    assert drill_session.opened("d05")["findings"]["one"] == "no"
    card._build()
    assert [field.value for field in card._fields.values()] == ["", "", ""]
    assert not drill_session.opened("d05").get("findings")


def test_a_hint_says_what_is_there(drill_session: DrillSession) -> None:
    drill_session.prepare("d01")
    assert "`1.4`, `1.4.2`, `stable`, and 1 image." in drill_session.hint("d01").text
    assert [drill_session.hint("d01").number for _ in range(3)] == [2, 3, 3]


def test_evidence_of_another_drill_s_state_is_not_judged(drill_session: DrillSession) -> None:
    drill_session.prepare("d01")
    drill_session.prepare("d08")
    verdict = drill_session.check("d01", {"images": "1"})
    assert verdict.outcome is Outcome.UNKNOWN
    assert "another drill was prepared" in verdict.message
    assert not drill_session.ready("d01")
    assert drill_session.ready("d08")


def test_a_reset_of_the_lab_loses_the_state_and_no_date(drill_session: DrillSession) -> None:
    finished(drill_session, 4)
    drill_session.prepare("d05")
    drill_session.write("d05", "kept")
    drill_session.lab("d05").control.reset()
    assert not drill_session.ready("d05")
    assert drill_session.check("d05", {"one": "yes"}).outcome is Outcome.UNKNOWN
    assert drill_session.opened("d05")["text"] == "kept"
    assert len(drill_session.schedule.reviews("d01")) == 1
    drill_session.prepare("d05")
    assert drill_session.check("d05", solve(drill_session, "d05")).outcome is Outcome.PASSED


@pytest.mark.parametrize("locked", ["*", "ecr:*"])
def test_an_administrator_who_locked_himself_out_is_made_again(drill_session: DrillSession, locked: str) -> None:
    drill_session.prepare("d08")
    lab = drill_session.lab("d08")
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": locked, "Resource": "*"}}
    lab.client("iam").put_user_policy(UserName="admin", PolicyName="oops", PolicyDocument=json.dumps(deny))
    drill_session.prepare("d08")
    assert drill_session.check("d08", solve(drill_session, "d08")).outcome is Outcome.PASSED


def test_what_was_set_in_the_registry_does_not_reach_the_next_drill(drill_session: DrillSession) -> None:
    drill_session.prepare("d10")
    lab = drill_session.lab("d10")
    ecr = lab.client("ecr")
    rules = [{"destinations": [{"region": "eu-west-1", "registryId": lab.account}]}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["CREATE_ON_PUSH"])
    public = {"ecrRepositoryPrefix": "public", "upstreamRegistryUrl": "public.ecr.aws"}
    ecr.create_pull_through_cache_rule(**public)
    drill_session.prepare("d01")
    assert ecr.describe_registry()["replicationConfiguration"]["rules"] == []
    assert ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == []
    assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
    assert lab.repositories("eu-west-1") == {}
    assert drill_session.ready("d01")


def test_a_drill_leaves_the_learner_s_account_alone(drill_session: DrillSession, lab: LabView) -> None:
    lab.clear("shop/orders")
    lab.client("ecr").create_repository(repositoryName="shop/orders")
    lab.push("shop/orders", "mine", b"mine")
    users = lab.client("iam").list_users()["Users"]
    for identifier in DRILLS:
        drill_session.prepare(identifier)
    assert lab.client("ecr").describe_images(repositoryName="shop/orders")["imageDetails"][0]["imageTags"] == ["mine"]
    assert lab.client("iam").list_users()["Users"] == users
    lab.clear("shop/orders")


def test_states_take_turns(drill_session: DrillSession) -> None:
    seen = []
    for _ in range(5):
        drill_session.begin("d04")
        seen.append(drill_session.opened("d04")["seed"])
        drill_session.schedule.note("d04", made=[])
        drill_session.finish("d04")
    assert seen == [*DRILLS["d04"].seeds, DRILLS["d04"].seeds[0]]


def test_a_confident_miss_in_a_lesson_brings_the_drill(
    drill_session: DrillSession, running: Home, tmp_path: Path
) -> None:
    from ecrlab_course.progress import Progress

    drill_session.progress = Progress(tmp_path / "progress.json")
    assert drill_session.queue()[0].id == "d01"
    drill_session.progress.judged("04-e9", "not yet", "task-role-pulls", 3)
    first = drill_session.queue()[0]
    assert (first.id, first.why) == ("d09", "missed")
    assert [item.id for item in drill_session.queue("06")] == ["d03", "d04"]
    assert len(drill_session.queue(limit=4)) == 4
    with pytest.raises(KeyError, match="no drills for lesson"):
        drill_session.queue("77")


@pytest.mark.parametrize(
    ("days", "words"), [(-3, "today"), (0, "today"), (1, "tomorrow"), (12, "in 12 days (13 March)")]
)
def test_when(days: int, words: str) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert when(now + timedelta(days=days), now) == words


# The terminal ---------------------------------------------------------------------------------------------------------


def talk(session: DrillSession, answers: list[str | Callable[[], str]], identifier: str = "d01") -> str:
    """Do a drill with these answers; return what was shown. A question too many fails the test."""
    waiting = iter(answers)

    def ask(question: str) -> str:
        answer = next(waiting)
        return answer() if callable(answer) else answer

    shown = io.StringIO()
    Conversation(session, Console(file=shown, width=100), ask).drill(identifier)
    assert list(waiting) == []
    return shown.getvalue()


def test_a_conversation(drill_session: DrillSession) -> None:
    def show() -> str:
        return dict(solve(drill_session, "d01"))["images"]

    said = talk(
        drill_session,
        [WHOLE, "", "y", "maybe", "n", "1", "y", THEN, "", "4", "h", "what", "", show, ],
    )  # fmt: skip
    assert "three containers in ECR" in said
    assert "Two people push the same bytes" in said, "the follow-up of the second point"
    assert "y or n, or the number of the sentence" in said
    assert "heard: “" in said
    assert "Hint 1 of 3" in said
    assert "One of s, h, p, x" in said
    assert "Four names, one digest" in said
    assert re.search(r"hard: 3 of 4 points.* Due again", " ".join(said.split()))


def test_a_short_answer_does_not_uncover_anything_and_evidence_can_be_left_out(drill_session: DrillSession) -> None:
    said = talk(drill_session, ["no idea", "", *WHOLE.rstrip(".").split("."), "", "y", "y", "y", "y", "", "x"])
    assert "Answer first" in said
    assert "again: 4 of 4 points, a next question left open, evidence missed" in " ".join(said.split())
    assert "Due again tomorrow." in " ".join(said.split())


def test_a_number_that_is_not_an_option_is_asked_for_again(drill_session: DrillSession) -> None:
    choices = ["3", "one", "1", "2", "", "x"]
    said = talk(drill_session, [D05, "", "y", "y", "y", "y", "", "", *choices], "d05")
    assert said.count("A number from 1 to 2, or Enter alone to leave it open.") == 2
    assert drill_session.schedule.reviews("d05")
    assert "World three still has no verdict" in said


def test_without_a_lab_it_goes_on_without_evidence(
    drill_session: DrillSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise launch.LaunchError("Port 4510 is taken.")

    monkeypatch.setattr(launch, "start", refuse)
    said = talk(drill_session, [WHOLE, "", "y", "y", "y", "y", THEN])
    assert "goes on without its evidence" in said
    assert "good: 4 of 4 points, evidence left out" in " ".join(said.split())


def test_an_interrupted_conversation_goes_on_where_it_was(drill_session: DrillSession) -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        talk(drill_session, [WHOLE, "half a line more", interrupted])
    assert drill_session.opened("d01")["text"] == f"{WHOLE}\nhalf a line more"
    with pytest.raises(KeyboardInterrupt):
        talk(drill_session, ["", "y", "n", interrupted])
    assert drill_session.queue()[0].why == "begun"
    said = talk(drill_session, ["y", "y", "", "x"])
    assert "half a line more" in said
    assert "3 of 4 points" in said


def test_a_session_asks_before_the_next_one(drill_session: DrillSession) -> None:
    shown, waiting = io.StringIO(), iter([WHOLE, "", "y", "y", "y", "y", "", "x", "n"])
    talking = Conversation(drill_session, Console(file=shown, width=100), lambda question: next(waiting))
    talking.go_through(drill_session.queue(limit=3))
    assert list(waiting) == []
    assert "again" in shown.getvalue()
    assert [item.id for item in drill_session.queue(limit=3)] == ["d02", "d03"], "what was done today counts"


def run(home: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--home", str(home), *arguments], input=text, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    answer = run(tmp_path / "home", text="y\n" * 20)
    assert answer.returncode == 1
    assert "needs a terminal" in answer.stderr
    assert "Today: d01, d02" in answer.stderr
    assert not (tmp_path / "home" / "drills.json").exists()


def test_list_and_wrong_words(tmp_path: Path) -> None:
    answer = run(tmp_path, "--list")
    assert answer.returncode == 0
    assert [line.split()[0] for line in answer.stdout.splitlines()] == ["drill", *DRILLS]
    for arguments, says in (
        (("d77",), "There is no drill 'd77'"),
        (("--lesson", "77"), "There are no drills for lesson"),
        (("--env",), "prepare a drill first"),
    ):
        answer = run(tmp_path, *arguments)
        assert answer.returncode == 1
        assert says in answer.stderr
        assert "Traceback" not in answer.stderr


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "drills.json"
    file.write_text("{")
    answer = run(tmp_path, "--list")
    assert answer.returncode == 0
    assert "drills.json cannot be read" in answer.stderr
    assert file.read_text() == "{", "looking changes nothing"
    file.write_text('{"version": 1, "drills": {}}')
    assert run(tmp_path, "--list").stderr == ""


def test_the_environment_works_in_the_drills_account(drill_session: DrillSession, running: Home) -> None:
    drill_session.prepare("d03")
    ask = (
        "aws sts get-caller-identity --query Arn --output text; pwd; aws ecr list-images --repository-name shop/orders"
    )
    command = f'eval "$({COMMAND[0]} drill --home {running.path} --env runner)"; {ask} 2>&1'
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert answer.stdout.startswith("arn:aws:iam::777788889999:user/runner\n")
    assert f"{running.path}/drills/work" in answer.stdout
    assert "no identity-based policy allows the ecr:ListImages action" in answer.stdout


def until(master: int, wanted: str, seconds: float = 60) -> str:
    """Read a terminal until a text stands in it."""
    seen, end = "", time.monotonic() + seconds
    while wanted not in seen:
        assert time.monotonic() < end, seen
        if select.select([master], [], [], 0.2)[0]:
            seen += os.read(master, 65536).decode(errors="replace")
    return seen


def test_ctrl_c_in_a_real_terminal_loses_nothing(running: Home) -> None:
    home = running.path
    file = home / "drills.json"
    file.unlink(missing_ok=True)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "--home", str(home), "d08"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(slave)
    try:
        until(master, "an empty line ends it")
        os.write(master, b"one and three are wrong\n")
        until(master, "one and three are wrong")
        end = time.monotonic() + 10
        while "one and three" not in (file.read_text() if file.exists() else "") and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        said = until(master, "goes on here")
        assert "Traceback" not in said
        assert process.wait(20) == 130
    finally:
        process.kill()
        os.close(master)
    assert json.loads(file.read_text())["drills"]["d08"]["open"]["text"] == "one and three are wrong"
    file.unlink()


# The card -------------------------------------------------------------------------------------------------------------


def button(card: DrillCard, name: str) -> Any:
    def found(widget: Any) -> Iterator[Any]:
        if getattr(widget, "description", None) == name:
            yield widget
        for child in getattr(widget, "children", ()):
            yield from found(child)

    return next(found(card.box))


def texts(card: DrillCard) -> str:
    def found(widget: Any) -> Iterator[str]:
        if widget.layout.display == "none":
            return
        yield str(getattr(widget, "value", ""))
        for child in getattr(widget, "children", ()):
            yield from found(child)

    return "\n".join(found(card.box))


def test_a_card_from_answer_to_date(drill_session: DrillSession) -> None:
    card = DrillCard(drill_session, "d01")
    card.prepare()
    button(card, "Uncover the points").click()
    assert "Answer first" in texts(card)
    assert "A model answer" not in texts(card)
    button(card, "Your own answer").value = OWN
    assert drill_session.opened("d01")["text"] == OWN, "kept as it is typed"
    button(card, "Uncover the points").click()
    for point in DRILLS["d01"].points[:3]:
        button(card, point.text).value = True
    button(card, "I made these points").click()
    said = DRILLS["d01"].points[1].follow_up
    assert said is not None
    assert "Two people push the same bytes" in texts(card), "the next question of the point that was not heard"
    assert plain(said.answer)[:20] not in texts(card)
    button(card, "Show the answers").click()
    assert plain(said.answer)[:20] in texts(card)
    assert re.search(r"Left out.*The three lines are tags", texts(card), re.DOTALL)
    button(card, "Check the evidence").click()
    assert "untouched" in texts(card)
    button(card, "How many images are in the repository now?").value = solve(drill_session, "d01")["images"]
    button(card, "Check the evidence").click()
    assert "Four names, one digest" in texts(card)
    button(card, "Finish this drill").click()
    assert "good: due again" in texts(card)
    assert 'ecr-ok">good' in texts(card)
    assert OWN in texts(card)
    assert "A model answer" in texts(card), "it stays to be read"
    again = DrillCard(drill_session, "d01")
    assert button(again, "Your own answer").value == ""


def test_a_card_of_a_missed_drill_is_not_green(drill_session: DrillSession) -> None:
    drill_session.prepare("d01")
    drill_session.write("d01", OWN)
    drill_session.reveal("d01")
    card = DrillCard(drill_session, "d01", "begun, not finished")
    assert "begun, not finished" in texts(card)
    button(card, "I made these points").click()
    button(card, "Finish this drill").click()
    assert 'ecr-no">again' in texts(card)
    assert "begun, not finished" not in texts(card)


def test_the_list_shows_a_dash_where_there_is_nothing_yet(drill_session: DrillSession) -> None:
    shown = listing(drill_session, drill_session.queue())
    assert "<td>-</td><td>-</td>" in shown.html
    assert "<li>" not in shown.html


def test_a_card_takes_up_what_was_begun(drill_session: DrillSession) -> None:
    drill_session.write("d02", OWN)
    drill_session.reveal("d02")
    drill_session.tick("d02", "name", True)
    card = DrillCard(drill_session, "d02")
    assert button(card, "Your own answer").value == OWN
    assert [tick.value for tick in card._ticks.values()] == [False, False, True, False]


def test_a_card_without_a_lab_says_so(tmp_path: Path) -> None:
    card = DrillCard(DrillSession(Home(tmp_path / "nowhere"), DRILLS, Schedule(tmp_path / "drills.json")), "d01")
    card.prepare()
    assert "not running" in card._lab_words


@pytest.mark.parametrize("drill", DRILLS.values(), ids=lambda drill: drill.id)
def test_every_drill_has_a_text_form(drill: Drill) -> None:
    text = form(drill)
    assert text.startswith(f"Drill {drill.id} · {drill.kind}")
    assert "`" not in text
    assert all(finding.label in text for finding in drill.findings)
    assert not any(point.text in text for point in drill.points), "the points are not given away"


# The deck -------------------------------------------------------------------------------------------------------------


def notes(path: Path, folder: Path) -> dict[str, list[str]]:
    """Open a deck again: its notes' fields by guid."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extract("collection.anki2", folder)
    connection = sqlite3.connect(folder / "collection.anki2")
    try:
        # Questions are a deck of their own in the same file: test_questions.py.
        found = connection.execute("select guid, flds from notes where mid = ?", (deck.MODEL,)).fetchall()
        assert len(found) == len(DRILLS)
        return {guid: fields.split("\x1f") for guid, fields in found}
    finally:
        connection.close()


def test_the_deck_opened_again(tmp_path: Path) -> None:
    answer = run(tmp_path, "--export", str(tmp_path / "drills.apkg"))
    assert answer.returncode == 0, answer.stderr
    found = notes(tmp_path / "drills.apkg", tmp_path / "a")
    assert {fields[0] for fields in found.values()} == set(DRILLS)
    for fields in found.values():
        drill = DRILLS[fields[0]]
        card = dict(zip(deck.FIELDS, fields, strict=True))
        assert drill.date in card["Sources"]
        assert deck.escape(drill.sources[0]) in card["Sources"]
        assert card["Points"].count("<li>") == len(drill.points)
        assert "`" not in "".join(fields), "markdown is shown as HTML"
        assert "three containers" in card["Situation"] or drill.id != "d01"


def test_a_deck_exported_again_updates_the_same_cards(tmp_path: Path) -> None:
    first, second = tmp_path / "1.apkg", tmp_path / "2.apkg"
    deck.export(DRILLS.values(), first)
    changed = [replace(drill, model="Another model answer.") for drill in DRILLS.values()]
    deck.export(changed, second)
    before, after = notes(first, tmp_path / "a"), notes(second, tmp_path / "b")
    assert set(before) == set(after)
    assert before != after


def test_a_deck_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.apkg").mkdir()
    with pytest.raises(OSError, match="directory"):
        deck.export(DRILLS.values(), tmp_path / "x.apkg")
    assert [path.name for path in tmp_path.iterdir()] == ["x.apkg"]
    answer = run(tmp_path, "--export", str(tmp_path / "no" / "x.apkg"))
    assert answer.returncode == 1
    assert "No such file" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_accounts_runs_and_logins_are_known_to_every_object_that_stands_for_it(drill_session: DrillSession) -> None:
    drill_session.prepare("d02")
    lab = drill_session.lab("d02")
    lab.sh("aws ecr get-login-password | docker login --username AWS --password-stdin $REGISTRY")
    again = drill_session.lab("d02").looking(lab.last())
    assert [run.profile for run in again.transcripts] == ["admin"]
    assert [(login.user, login.region) for login in again.logins()] == [("admin", "us-east-1")]
    drill_session.prepare("d02")
    assert drill_session.lab("d02").transcripts == []
