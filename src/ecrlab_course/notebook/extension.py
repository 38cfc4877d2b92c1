"""`%load_ext ecrlab_course`: the lab in a notebook. What goes wrong is said in one paragraph, no traceback."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, ParamSpec

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab import doctor, explorer, launch
from ecrlab.client import LabError
from ecrlab.environment import environment, foreign_aws_variables
from ecrlab.home import ACCOUNT, PROFILES, REGION, Home, read_json
from ecrlab.span import ahead
from ecrlab.trouble import sentence
from ecrlab_course.authoring.content import Course, course
from ecrlab_course.checkout import ContentError, course_root
from ecrlab_course.documents.attempts import HINTS
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import drills
from ecrlab_course.drills.drill_session import DrillSession, when, why
from ecrlab_course.failure import Refused, reason
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.learner.session import Session
from ecrlab_course.learner.work_folder import copy_missing
from ecrlab_course.messages import say
from ecrlab_course.notebook import drill_card, home_page
from ecrlab_course.notebook.drill_card import DrillCard
from ecrlab_course.notebook.engine_words import side_by_side
from ecrlab_course.notebook.exercise_card import Card
from ecrlab_course.notebook.home_widget import HomePage
from ecrlab_course.policy_editor.editor import EditorError
from ecrlab_course.policy_editor.widget import PolicyEditor
from ecrlab_course.progress import Progress, ProgressError
from ecrlab_course.toolbox import refusals
from ecrlab_course.toolbox.lab import Clock, Lab
from ecrlab_course.toolbox.shell import ShellError
from ecrlab_course.views import decision, xray
from ecrlab_course.views import display as shown
from ecrlab_course.views import explorer as drawing

show: Any = import_module("IPython.display").display
MAGICS = ("bash",)
"""The cell magics that the extension registers; a test holds that notebooks use no others."""

P = ParamSpec("P")


class CellFailed(Exception):  # noqa: N818 - what a learner reads above the paragraph
    """A cell that did not do what it should: the notebook shows the paragraph alone."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def _paragraph(error: Exception) -> str:
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else reason(error)


def spoken(method: Callable[P, None]) -> Callable[P, None]:
    """Turn what a learner's call may raise into one paragraph."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except CellFailed:
            raise
        except (AnswerError, KeyError, ContentError, ProgressError, ShellError, ValueError) as error:
            failure = str(error.args[0]) if error.args else str(error)
        except (LabError, ClientError, BotoCoreError, Refused, OSError) as error:
            failure = reason(error)
        else:
            return
        raise CellFailed(failure)

    return call


class Line(str):
    """A sentence that a cell shows without quotes."""

    def __repr__(self) -> str:
        return str(self)


class NotebookClock(Clock):
    """The clock as a notebook shows it."""

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> str:
        """Move lab time forward: `lab.clock.advance(hours=12, minutes=1)`."""
        try:
            return Line(super().advance(days=days, hours=hours, minutes=minutes, seconds=seconds))
        except LabError as error:
            raise CellFailed(str(error)) from None

    def reset(self) -> str:
        """Put lab time back to real time."""
        return Line(super().reset())


class NotebookLab(Lab):
    """`lab` in a notebook."""

    def __init__(self, home: Home, the_course: Course) -> None:
        super().__init__(home)
        self.clock: NotebookClock = NotebookClock(self.control)
        self.course = the_course
        self.session = Session(self, Progress(home.progress), the_course)
        self._cards: dict[str, Card] = {}
        self._marks: list[int] = []
        self._told: set[tuple[str, Verdict]] = set()
        self._projector: Any = None
        self._drill: DrillCard | None = None
        self._home_page: HomePage | None = None

    # Cells -----------------------------------------------------------------------------------------------------------

    def cell_begins(self, *_info: object) -> None:
        """Note where the X-ray stands when a cell begins."""
        self._told.clear()
        with contextlib.suppress(LabError, OSError):
            self._marks.append(self.last())
            del self._marks[:-200]

    def cell_ended(self, *_info: object) -> None:
        """Compare the predictions that were waiting for this cell, and show the outcome in their cards and the map."""
        with contextlib.suppress(Exception):
            for identifier, verdict in self.session.settle():
                if identifier in self._cards:
                    self._cards[identifier].told(verdict)
        with contextlib.suppress(Exception):
            if self._home_page is not None:
                self._home_page.refresh()

    def bash(self, line: str, cell: str) -> None:
        """Run a cell as a strict bash script: `%%bash [--as PROFILE] [--fails TEXT]`.

        The cell stops at the first command that fails, also inside a pipe, and at an unset variable. `--as ops` runs it
        with that person's AWS profile and docker logins. `--fails TEXT` turns the cell round: it is right only when the
        script fails and its output holds TEXT; where TEXT names a refusal of refusals.toml, the words that the lab's
        own engine has for it. `--as drill` and `--as drill/ci` work in the drills' account.
        """
        profile, expected = _bash_arguments(line)
        drilled = profile.removeprefix("drill").removeprefix("/") or "admin" if profile.startswith("drill") else ""

        def write(text: str) -> None:
            sys.stdout.write(text)
            sys.stdout.flush()

        begun = self._last_row()
        try:
            if drilled:
                code, output = self.drill_account.sh(cell, drilled, timeout=600, write=write)
            else:
                code, output = self.sh(cell, profile, timeout=600, write=write)
        except ShellError as error:
            raise CellFailed(str(error)) from None
        except KeyboardInterrupt:
            raise CellFailed(say("cell.interrupted")) from None
        said = self._said(begun)
        if said and said not in output and refusals.wordless(output):
            why_hidden = say(f"hidden.{refusals.engine_of(self.home)}")
            show(shown.note(say("hidden.title"), f"{why_hidden}\n\n`{said}`"))
        if expected is None:
            if code:
                raise CellFailed(_failure(code, output))
        else:
            self._expect(expected, code, output, said)

    def _expect(self, expected: str, code: int, output: str, said: str) -> None:
        """Hold a cell's end against what it was expected to say: words, or a refusal by its key."""
        refusal = refusals.refusals().get(expected)
        engine = refusals.engine_of(self.home)
        words = expected if refusal is None else refusal.expected(engine)
        if code == 0:
            raise CellFailed(say("cell.worked", words=words))
        if not (expected in output if refusal is None else refusal.fits(engine, output, said)):
            raise CellFailed(say("cell.otherwise", code=code, words=words))
        if refusal is not None:
            show(side_by_side(refusal, engine))

    def _last_row(self) -> int:
        """Return where the X-ray stands; 0 when the lab does not answer."""
        with contextlib.suppress(LabError, OSError):
            return self.last()
        return 0

    def _said(self, after: int) -> str:
        """Return the registry's own sentence of the last refusal since that row of the X-ray; "" for none."""
        with contextlib.suppress(LabError, OSError):
            return self.refused_since(after)
        return ""

    # Lessons ---------------------------------------------------------------------------------------------------------

    @spoken
    def lesson(self, identifier: str) -> None:
        """Select a lesson: put its files beside the notebook, and build its starting state if it was not begun."""
        source = self.course.lesson(identifier)
        if source.files.is_dir():
            copy_missing(source.files, Path.cwd())
        built = self.session.begin(identifier)
        self.session.note_opened(identifier)
        what = say("place.built" if built else "place.begun")
        self._say(f"{source.lesson.called} · {source.lesson.title} · {what}")

    @spoken
    def goto(self, lesson: str, checkpoint: str) -> None:
        """Build a named state of a lesson: `lab.goto("04", "pushed")`."""
        self.session.goto(lesson, checkpoint)
        self._say(say("place.stands", lesson=self.course.lesson(lesson).lesson.called, checkpoint=checkpoint))

    @spoken
    def catch_up(self, lesson: str) -> None:
        """Build the state after a lesson that you missed: `lab.catch_up("04")`. Nothing is counted as done."""
        name = self.session.catch_up(lesson)
        self._say(say("place.after", lesson=self.course.lesson(lesson).lesson.called, checkpoint=name))

    @spoken
    def exercise(self, identifier: str) -> None:
        """Show an exercise."""
        card = Card(self.session, self.session.exercise(identifier))
        self._cards[identifier] = card
        card.show()

    def guess(self, identifier: str) -> None:
        """Show a prediction that does not count."""
        self.exercise(identifier)

    @spoken
    def answer(self, identifier: str, answer: Any = None, confidence: int | None = None, **fields: Any) -> None:
        """Answer in text form: `lab.answer("04-e2", "b", confidence=2)`; fields: `lab.answer("04-e1", tag="2")`.

        The other kinds take their steps in order (a list), a file's text, places (a mapping) or a text of your own.
        """
        verdict = self.session.answer(identifier, fields if fields else answer, confidence)
        kept = self.session.record(identifier).get("result")
        if kept and self.session.exercise(identifier).runs:
            sys.stdout.write(f"$ {kept['command']}\n{kept['output']}")
            sys.stdout.flush()
        self._tell(identifier, verdict)

    def _tell(self, identifier: str, verdict: Verdict) -> None:
        """Show a verdict, once a cell, and in the exercise's card."""
        if (identifier, verdict) not in self._told:
            self._told.add((identifier, verdict))
            show(shown.verdict(identifier, self.session.with_pass(identifier, verdict)))
        if identifier in self._cards:
            self._cards[identifier].told(verdict)

    @spoken
    def check(self, identifier: str) -> None:
        """Say how the exercise stands: passed, not yet, untouched, or could not check. Changes nothing."""
        verdict = self.session.check(identifier)
        self._tell(identifier, verdict)
        item = self.session.exercise(identifier)
        counts = item.counts and not (item.engine and self.engine == "none")
        if os.environ.get("ECRLAB_STRICT") == "1" and counts and verdict.outcome is not Outcome.PASSED:
            raise CellFailed(say("card.strict", id=identifier, outcome=verdict.outcome.words))

    @spoken
    def hint(self, identifier: str) -> None:
        """Show the next of three hints."""
        tip = self.session.hint(identifier)
        name = say("card.hint_shown", id=identifier, number=tip.number, all=HINTS)
        show(shown.note(name, tip.text))

    @spoken
    def solution(self, identifier: str) -> None:
        """Show the solution and why it is one."""
        show(shown.note(say("card.solution_shown", id=identifier), self.session.solution(identifier)))

    @spoken
    def reset(self, identifier: str) -> None:
        """Put one exercise ("04-e1") or what a lesson made in the lab ("04") back; progress and files stay."""
        if identifier in self.course.sources:
            self._reset_lesson(identifier)
            return
        self.session.reset(identifier)
        if identifier in self._cards:
            self._cards[identifier].refresh()
        self._say(say("card.was_reset_shown", id=identifier))

    def _reset_lesson(self, identifier: str) -> None:
        self._say(self.put_back(identifier))

    def put_back(self, identifier: str) -> str:
        """Remove what a lesson made in the lab; return a sentence that says what went and what is left."""
        lesson = self.course.lesson(identifier).lesson
        before = self._repositories()
        self.session.put_back(identifier)
        left = self._repositories()
        removed = [name for name in before if name not in left]
        users = " " + say("place.rights", users=", ".join(lesson.users)) if lesson.users else ""
        return say("place.removed", removed=_names(removed), users=users, left=_names(left))

    def _repositories(self) -> list[str]:
        pages = self.looking().client("ecr").get_paginator("describe_repositories").paginate()
        return sorted(str(item["repositoryName"]) for page in pages for item in page["repositories"])

    # Looking around --------------------------------------------------------------------------------------------------

    @spoken
    def xray(self, cells: int = 1, details: bool = False) -> None:
        """Draw the requests made since the current cell began (`cells=2`: since the one before it).

        When the current cell made none, those of the latest cell that made some. Each question to IAM opens to its
        decision. `details=True` adds numbers, bytes, times, digests and the decisions to the text form.
        """
        time.sleep(0.05)  # a client's last request may still be on its way into the record
        marks = self._marks or [0]
        after = marks[-min(max(cells, 1), len(marks))]
        rows = self.rows(after)
        index = len(marks) - 1
        while not rows and cells == 1 and index > 0:
            index -= 1
            rows = self.rows(marks[index])
        rows = self._opened(rows)
        drawn = xray.shown(rows, say("x-ray.title"), details)
        words = f"{drawn.text}\n\n{decision.xray_text(rows)}" if details and rows else drawn.text
        show(shown.Shown(words, drawn.html + decision.xray_html(rows)))

    def _opened(self, rows: list[Row]) -> list[Row]:
        """The same rows with their decisions opened."""
        if not rows:
            return rows
        wanted = {row["seq"] for row in rows}
        found: list[Row] = []
        after = min(wanted) - 1
        while after < max(wanted):
            batch = self.control.xray(after=after, opened=True)["rows"]
            if not batch:
                break
            found += [row for row in batch if row["seq"] in wanted]
            after = batch[-1]["seq"]
        return found

    @spoken
    def why(self, row: int | Mapping[str, Any] | None = None, details: bool = True) -> None:
        """Open a request of the X-ray to its decision: the last one that was denied, else the last that IAM decided.

        `row` is its number (the `#` of `lab.xray(details=True)`) or a row of `lab.rows()`.
        """
        if row is None:
            rows = [each for each in self.rows(0) if each.get("decisions") and each.get("service") != "hub"]
            denied = [each for each in rows if each["decision"] == "denied"]
            if not rows:
                raise ValueError("IAM was not asked anything yet. Make a request, then ask why.")
            row = (denied or rows)[-1]
        number = row if isinstance(row, int) else int(row["seq"])
        found = self.control.xray(after=number - 1, limit=1, opened=True)["rows"] if number > 0 else []
        if not found or found[0]["seq"] != number:
            raise ValueError(f"The X-ray has no request {number}. lab.xray(details=True) numbers them.")
        show(decision.shown(found[0], details))

    def policy_editor(
        self,
        document: object,
        principals: Sequence[str] = (),
        actions: Sequence[str] = (),
        resources: Sequence[str] = (),
        target: Mapping[str, Any] | None = None,
    ) -> PolicyEditor:
        """Return an editor of a policy with a matrix of who could do what; show it by ending a cell with it.

        `document` is a policy, a file, or a place: `lab.policy_editor({"user": "ops", "policy": "pull"})`,
        `{"repository": "my-web-app"}`, `{"trust": "deployer"}`. `target` is such a place for a document or a file.
        `actions` are IAM's ("ecr:PutImage") or tasks: login, pull, push, list, delete, create; "push billing" asks
        about this repository only, the others about each of `resources`.
        """
        try:
            return PolicyEditor(self, document, principals, actions, resources, target)
        except (EditorError, KeyError) as error:
            raise CellFailed(str(error.args[0])) from None
        except (LabError, ClientError, BotoCoreError, OSError) as error:
            raise CellFailed(reason(error)) from None

    @spoken
    def explore(
        self,
        repository: str | None = None,
        repositories: int | None = None,
        images: int | None = None,
        details: bool = False,
    ) -> None:
        """Draw what lies in the registries, or in one repository: images, layers, sizes, and what is shared.

        `repositories` and `images` (of each) say how many to draw at most; `details=True` adds digests to the text.
        """
        answer = self.control.tree(repository, repositories, images)
        show(drawing.shown(explorer.from_json(explorer.Tree, answer), details))

    @spoken
    def compare(self, left: str, right: str, details: bool = False) -> None:
        """Draw two images layer by layer: `lab.compare("my-web-app:1.0", "my-web-app:1.1")`."""
        answer = self.control.comparison(left, right)
        show(drawing.compared(explorer.from_json(explorer.Comparison, answer), details))

    @spoken
    def status(self) -> None:
        """Show the status line again."""
        show(self._status_line())

    @spoken
    def projector(self, on: bool = True) -> None:
        """Show this notebook for a class: larger type, stronger contrast. `lab.projector(False)` ends it."""
        if self._projector is not None:
            self._projector.update(shown.Shown("", ""))
            self._projector = None
        if not on:
            self._say(say("status.projector_ended"))
            return
        words = say("status.projector")
        page = shown.projector() + f'<div class="ecr-status">{shown.escape(words)}</div>'
        self._projector = show(shown.Shown(words, page), display_id=True)

    def _status_line(self) -> shown.Shown:
        server = self.control.status()
        offset = float(server["clock"]["offset_seconds"])
        off = server.get("regions_off") or []
        parts = [
            say("status.ready"),
            say("status.account", account=ACCOUNT),
            REGION,
            say("status.you", profile=os.environ.get("AWS_PROFILE", "admin")),
            engine_words(self.home),
            say("status.clock") if abs(offset) < 1 else say("status.clock_moved", offset=ahead(offset)),
            *[say("status.off", region=region) for region in off],
            say("status.not_aws"),
        ]
        # A terminal outside JupyterLab does not have the environment's programs in its PATH.
        command = ".venv/bin/ecrlab" if Path(sys.prefix) == self.course.root / ".venv" else "ecrlab"
        first, *rest = parts
        html = f"<b>{shown.escape(first)}</b> · " + " · ".join(shown.escape(part) for part in rest)
        return shown.Shown(
            " · ".join(parts),
            f'<div class="ecr-status">{html}</div><div class="ecr-soft">{say("status.terminal")} '
            f"<code>eval &quot;$({command} env)&quot;</code></div>",
        )

    @spoken
    def health(self) -> None:
        """Show what the course needs, each `ok` or the one command that fixes it."""
        findings = doctor.examine(self.home)
        rows = [
            (item.part, item.state, say("health.fix", seen=item.seen, fix=item.fix) if item.fix else item.seen)
            for item in findings
        ]
        bad = [item for item in findings if item.state == "fails"]
        last = say("health.start")
        if self.engine == "none":
            last = say("health.no_engine")
        if bad:
            last = say("health.bad")
        table = shown.table((say("health.part"), say("health.state"), say("health.seen")), rows)
        show(shown.Shown(f"{table.text}\n{last}", f"{table.html}<p><b>{last}</b></p>"))

    @spoken
    def map(self) -> None:
        """Show the home page: the course with your own marks, where to go on, this computer's health, a way back."""
        self._home_page = HomePage(self)
        self._home_page.show()

    # Drills ----------------------------------------------------------------------------------------------------------

    @cached_property
    def drill_account(self) -> DrillLab:
        """The drills' own account: `lab.drill_account.client("ecr")`."""
        return DrillLab(self.home)

    @cached_property
    def _drills(self) -> DrillSession:
        return DrillSession(self.home, drills(self.course.root))

    @spoken
    def drills(self) -> None:
        """Show all drills: what is due today, and what when."""
        show(drill_card.listing(self._drills, self._drills.queue()))

    @spoken
    def drill(self, identifier: str | None = None) -> None:
        """Show the next drill of today, or the named one, with its state built."""
        queue = self._drills.queue()
        because = {item.id: why(item) for item in queue}
        if identifier is None and not queue:
            due = self._drills.schedule.next_day(self._drills.drills)
            later = " " + say("drill.next_due", when=when(due, self._drills.schedule.clock())) if due else ""
            self._say(f"{say('drill.nothing_today')}{later} {say('drill.more')}")
            return
        wanted = identifier or queue[0].id
        self._drill = drill_card.DrillCard(self._drills, wanted, because.get(wanted, ""))
        self._drill.prepare()
        self._drill.show()

    @spoken
    def resume(self) -> None:
        """Say where you stopped, with a link, and rebuild the state of that place when it was lost."""
        show(self.resumed())

    def resumed(self) -> shown.Shown:
        """Go on: rebuild the state of the place where the learner stopped when it was lost; return what to show."""
        place = home_page.place(self.course, self.session.progress.read(), self.engine != "none")
        if place is None:
            return shown.sentence(say("home.all_passed"))
        lesson = place.source.lesson
        built = ""
        if self.session.progress.lesson(lesson.id) and self.session.lost(lesson.id):
            self.session.goto(lesson.id, place.checkpoint)
            built = " " + say("home.rebuilt")
        words = say("home.go_on_with", place=place.words, built=built)
        href = home_page.from_here(Path.cwd()) + place.link
        return shown.Shown(
            words,
            f'<div class="ecr-status">{shown.escape(words)}<br><a class="ecr-go" href="{shown.escape(href)}">'
            f"{shown.escape(say('home.open_at', page=place.source.opens, id=place.exercise.id))}</a></div>",
        )

    @spoken
    def look_back(self, lesson: str) -> None:
        """Show the first guesses that this lesson answers, with your own answers from back then."""
        found = self.session.look_back(lesson)
        if not found:
            raise KeyError(f"No first guess is answered in lesson {lesson}.")
        show(shown.looked_back([(guess.id, guess.prompt, verdict) for guess, verdict in found]))

    @spoken
    def picture(self, lesson: str, name: str) -> None:
        """Show a picture of a lesson, in the colours of the page; its text form is its description."""
        path = self.course.lesson(lesson).images / name
        if not path.is_file():
            raise CellFailed(f"Lesson {lesson} has no picture {name}.")
        show(picture(path))

    def _say(self, sentence: str) -> None:
        show(shown.sentence(sentence))


def _names(names: list[str]) -> str:
    return ", ".join(names) if names else say("place.nothing")


def _bash_arguments(line: str) -> tuple[str, str | None]:
    profile, expected = "admin", None
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise CellFailed(say("cell.first_line", error=error)) from None
    while words:
        word = words.pop(0)
        if word in ("--as", "--fails") and not words:
            raise CellFailed(say("cell.option", option=word))
        if word == "--as":
            profile = words.pop(0)
            if profile not in PROFILES and not re.fullmatch(r"drill(/[\w+=,.@-]+)?", profile):
                raise CellFailed(say("cell.nobody", profile=repr(profile), profiles=", ".join(PROFILES)))
        elif word == "--fails":
            expected = words.pop(0)
        else:
            raise CellFailed(say("cell.unknown", word=repr(word)))
    return profile, expected


def _failure(code: int, output: str) -> str:
    words = say("cell.failed", code=code)
    if "unbound variable" in output:
        return f"{words} {say('cell.unset')}"
    if code in (124, 127):
        return f"{words} {say(f'cell.code_{code}')}"
    return words if output.strip() else f"{words} {say('cell.silent')}"


def picture(path: Path) -> shown.Shown:
    """Return an SVG file inline, so that its colours follow the page; its <desc> is the text form."""
    svg = path.read_text(encoding="utf-8")
    svg = re.sub(r"<\?xml[^>]*\?>|<!--.*?-->", "", svg, flags=re.DOTALL).strip()
    found = re.search(r"<desc[^>]*>(.*?)</desc>", svg, re.DOTALL) or re.search(
        r"<title[^>]*>(.*?)</title>", svg, re.DOTALL
    )
    alt = re.sub(r"\s+", " ", found.group(1)).strip() if found else path.stem
    return shown.Shown(
        say("status.picture", words=alt),
        f'<figure role="img" aria-label="{alt.replace(chr(34), "&quot;")}">{svg}</figure>',
    )


def engine_words(home: Home) -> str:
    """Return the engine as the status line names it: "engine docker 28.2", or "no engine"."""
    state = read_json(home.run / "engine.json")
    if state.get("kind", "none") == "none":
        return say("status.no_engine")
    version = ".".join(str(state.get("version") or "").split(".")[:2])
    name = "podman" if "podman" in str(state.get("name") or state.get("title") or "").lower() else "docker"
    return say("status.engine", name=name, version=version).strip()


def find_home() -> Home:
    """Return the learner's home: ECRLAB_HOME, a `.ecrlab` upwards, else `.ecrlab` in the checkout."""
    home = Home.find()
    if os.environ.get("ECRLAB_HOME") or home.path.is_dir():
        return home
    with contextlib.suppress(ContentError):
        root = course_root()
        if Path.cwd().resolve().is_relative_to(root):
            return Home(root / ".ecrlab")
    return home


def _environment(home: Home) -> list[str]:
    """Set the kernel's environment; return the names of foreign variables that were cleared."""
    changes = environment(home, "admin", os.environ)
    cleared = [name for name in foreign_aws_variables(os.environ) if changes.get(name, "") is None]
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return cleared


_loaded: dict[str, NotebookLab] = {}


def load(shell: Any) -> None:
    """Carry out `%load_ext ecrlab_course`; may be run again, and starts a lab that has stopped."""
    home = find_home()

    def progress(line: str) -> None:
        print(line, flush=True)

    try:
        launch.start(home, progress)
    except (launch.LaunchError, LabError, OSError) as error:
        why = sentence(error, home.path) if isinstance(error, OSError) else str(error)
        begun = "The lab could not be started"
        raise CellFailed(why if why.startswith(begun) else f"{begun}. {why}") from None
    cleared = _environment(home)
    aws = shutil.which("aws")
    # The aws of this environment is pinned; only another one has to be asked, which takes half a second.
    old_aws = doctor.aws_too_old(os.environ) if aws and Path(aws).parent != Path(sys.prefix) / "bin" else None
    if old_aws:
        raise CellFailed(say("status.old_aws", why=old_aws))
    if cleared:
        print(say("status.cleared", names=", ".join(cleared)))
    old = _loaded.pop("lab", None)
    if old is not None:
        for event, hook in (("pre_run_cell", old.cell_begins), ("post_run_cell", old.cell_ended)):
            with contextlib.suppress(ValueError):
                shell.events.unregister(event, hook)
    try:
        lab = NotebookLab(home, course())
    except (ContentError, ValueError) as error:
        raise CellFailed(say("status.no_content", error=error)) from None
    _loaded["lab"] = lab
    shell.register_magic_function(lab.bash, "cell", "bash")
    shell.user_ns.update(lab=lab, ecr=lab.client("ecr"), iam=lab.client("iam"), sts=lab.client("sts"))
    lab.cell_begins()
    shell.events.register("pre_run_cell", lab.cell_begins)
    shell.events.register("post_run_cell", lab.cell_ended)

    def forget(*_info: object) -> None:
        # IPython does nothing when an extension is loaded twice; a learner runs the first cell again to fix things.
        shell.extension_manager.loaded.discard("ecrlab_course")
        shell.events.unregister("post_run_cell", forget)

    shell.events.register("post_run_cell", forget)
    for kind in (ClientError, BotoCoreError):
        # An AWS error is a sentence of the lesson, not a traceback.
        setattr(kind, "_render_traceback_", lambda self: [f"{type(self).__name__}: {self}"])  # noqa: B010 - no such attribute in its type
    show(lab._status_line())
    if os.environ.get("ECRLAB_PROJECTOR") == "1":
        lab.projector()
