"""`lab` in a notebook.

One file because `lab` is one object to a learner: each method is a word that they type, with its own help, and most are
a few lines that hand over to what does the work. How a cell runs, what a card shows, and what goes wrong are elsewhere.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError
from ecrlab.client.explorer_model import Comparison, Tree, from_json
from ecrlab.home import REGION, Home
from ecrlab.host import doctor
from ecrlab_course.authoring.content import Course, Sheet, Source
from ecrlab_course.authoring.lesson import Doors
from ecrlab_course.desk import paper
from ecrlab_course.desk.desk import Desk, DeskError
from ecrlab_course.desk.incident import LINES
from ecrlab_course.desk.ticket import Ticket
from ecrlab_course.documents.attempts import HINTS
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import drills
from ecrlab_course.drills.drill_session import DrillSession, when, why
from ecrlab_course.failure import reason
from ecrlab_course.learner.session import Session
from ecrlab_course.messages import say
from ecrlab_course.mock.interview import Bank, Interview
from ecrlab_course.mock.page import card_shown
from ecrlab_course.mock.partner import read_code
from ecrlab_course.mock.ready import ready
from ecrlab_course.mock.scorecard import figures_table, scorecard
from ecrlab_course.notebook import desk_card, drill_card, home_page, matrix_card
from ecrlab_course.notebook.declared import Declarations, declarations
from ecrlab_course.notebook.drill_card import DrillCard
from ecrlab_course.notebook.exercise_card import Card
from ecrlab_course.notebook.home_widget import HomePage, removed_by
from ecrlab_course.notebook.interviewer_card import InterviewerCard
from ecrlab_course.notebook.mock_card import MockCard, own_style
from ecrlab_course.notebook.offer_card import OfferCard
from ecrlab_course.notebook.paragraph import CellFailed, Line, in_words, show, spoken
from ecrlab_course.notebook.picture import picture
from ecrlab_course.notebook.question_card import QuestionCard
from ecrlab_course.notebook.running_cell import RunningCell
from ecrlab_course.notebook.sharing_card import Sharing, SharingCard
from ecrlab_course.notebook.status import status_line
from ecrlab_course.policy_editor.editor import EditorError
from ecrlab_course.policy_editor.widget import PolicyEditor
from ecrlab_course.progress import Progress
from ecrlab_course.questions.question import questions
from ecrlab_course.sharing.consent import SharingError, join
from ecrlab_course.toolbox.lab import Clock, Lab
from ecrlab_course.views import comparison, decision, ecs, image_pair, meter, xray
from ecrlab_course.views import display as shown
from ecrlab_course.views import explorer as drawing

DESK = "lab-03"
"""The lab whose tickets `lab.desk` deals."""


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

    def __init__(self, home: Home, the_course: Course, beside: Path) -> None:
        """`beside` is the folder in which the notebook lies."""
        super().__init__(home)
        self.clock: NotebookClock = NotebookClock(self.control)
        self.course = the_course
        self.beside = beside
        self.session = Session(self, Progress(home.progress), the_course, beside)
        self._sheet: tuple[Source, Sheet] | None = None
        self._away = False
        """The page's lesson was put back: what stands now is not what it builds on."""
        self._cards: dict[str, Card] = {}
        self._marks: list[int] = []
        self._told: set[tuple[str, Verdict]] = set()
        self.cell = RunningCell(self, lambda: self.drill_account)
        self._decides: set[str] = set()
        self._page = ""
        self._projector: Any = None
        self._drill: DrillCard | None = None
        self._question: QuestionCard | None = None
        self._home_page: HomePage | None = None
        self._matrix: matrix_card.MatrixCard | None = None
        self._desk_card: desk_card.DeskCard | None = None
        self._sharing = Sharing(home)
        self._sharing_card: SharingCard | None = None

    # Cells -----------------------------------------------------------------------------------------------------------

    @property
    def _declarations(self) -> Declarations:
        return declarations(self.course)

    def cell_begins(self, info: Any = None) -> None:
        """Note where the X-ray stands when a cell begins, and what the course declares of a cell of that text."""
        self._told.clear()
        text = str(getattr(info, "raw_cell", ""))
        self.cell.begins(text, self._declarations.of(text, self._page))
        self._decides = self._declarations.decided_by(text)
        with contextlib.suppress(LabError, OSError):
            self._marks.append(self.last())
            del self._marks[:-200]

    def cell_ended(self, result: Any = None) -> None:
        """Show what is read when this cell has run as declared, and compare the predictions that waited for it.

        Their outcome is shown in their cards and in the map. A strict run has no reader: it shows no reading.
        """
        if self.cell.declared.reading and getattr(result, "success", False) and not _strict():
            show(shown.reading(self.cell.declared.reading))
        with contextlib.suppress(Exception):
            for identifier, verdict in self.session.settle():
                if identifier in self._cards:
                    self._cards[identifier].told(verdict)
        with contextlib.suppress(Exception):
            for identifier in self._decides & set(self._cards):
                if self.session.note_late(identifier, self._marks[-1]):
                    self._cards[identifier].told(self.session.check(identifier), late=True)
        with contextlib.suppress(Exception):
            self.session.comparison.update()
        with contextlib.suppress(Exception):
            if self._home_page is not None:
                self._home_page.refresh()
        with contextlib.suppress(Exception):
            if self._matrix is not None and not _strict():
                self._matrix.refresh()
        with contextlib.suppress(Exception):
            if self._desk_card is not None and not _strict():
                self._desk_card.refresh()
        with contextlib.suppress(Exception):
            if not _strict():
                for offer in self._sharing.offers(self._caught_up):
                    offer.show()
                if self._sharing_card is not None:
                    self._sharing_card.refresh()
        with contextlib.suppress(Exception):
            if self._sheet is not None and not self._away:
                self.session.note_standing(self._sheet[0].lesson.id)

    def bash(self, line: str, cell: str) -> None:
        """Run a cell as a strict bash script: `%%bash [--as PROFILE] [--fails TEXT]`.

        The cell stops at the first command that fails, also inside a pipe, and at an unset variable. `--as ops` runs it
        with that person's AWS profile and docker logins. `--fails TEXT` turns the cell round: it is right only when the
        script fails and its output holds TEXT; where TEXT names a refusal of refusals.toml, the words that the lab's
        own engine has for it. A cell of the course declares that in its source instead.
        `--as nobody` is a stranger without keys and without a login. `--as drill` and `--as drill/ci` work in the
        drills' account.
        """
        self.cell.bash(line, cell)

    # Lessons ---------------------------------------------------------------------------------------------------------

    @spoken
    def lesson(self, identifier: str, page: int = 1) -> None:
        """Select a lesson's page: work in its folder, and build the page's first state if the lesson was not begun.

        What others have changed since the lesson was used last is said, with a button that builds the state again.
        """
        source = self.course.lesson(identifier)
        pages = source.pages
        if not 1 <= page <= len(pages):
            raise KeyError(say("page.no_such", lesson=source.lesson.called, all=len(pages), page=page))
        self._page = identifier
        os.chdir(self.session.furnish(identifier))
        self._sheet, self._away = (source, pages[page - 1]), False
        self._regions_on()
        gone = bool(self.session.progress.lesson(identifier)) and self.session.lost(identifier)
        built = self.session.begin(identifier, pages[page - 1].start)
        changes, other = ([], "") if built else self.session.altered(identifier)
        self.session.note_opened(identifier)
        name = source.lesson.called
        if gone:
            self._say(say("place.gone", lesson=name))
        elif changes:
            self._away = True
            key = "place.altered_by" if other else "place.altered"
            by = self.course.lesson(other).lesson.called if other else ""
            self._say(say(key, lesson=name, other=by, changes="; ".join(changes)))
        else:
            self._say(f"{name} · {source.lesson.title} · {say('place.built' if built else 'place.begun')}")
        if gone or changes:
            self.start_here(identifier, self._checkpoint_of_page())

    def _checkpoint_of_page(self) -> str:
        """Return the checkpoint of the first exercise of this page that is not passed, else the page's first."""
        assert self._sheet is not None
        source, page = self._sheet
        for key in page.exercises:
            if not self.session.record(key).get("passed"):
                return source.exercises[key].at or source.section_of(source.cell_of(key)) or page.start
        return page.start

    @spoken
    def goto(self, lesson: str, checkpoint: str) -> None:
        """Build a named state of a lesson: `lab.goto("04", "pushed")`."""
        self._say(self._build(lesson, checkpoint, "place.stands"))

    def _build(self, lesson: str, checkpoint: str, words: str) -> str:
        self.session.goto(lesson, checkpoint)
        if self._sheet is not None and self._sheet[0].lesson.id == lesson:
            self._away = False
        return say(words, lesson=self.course.lesson(lesson).lesson.called, checkpoint=checkpoint)

    @spoken
    def start_here(self, lesson: str, checkpoint: str) -> None:
        """Show a button that builds a named state of a lesson when it is pressed; running the cell builds nothing."""
        places = self.course.lesson(lesson).lesson.checkpoints
        if checkpoint not in places:
            raise KeyError(
                f"Lesson {lesson} has no checkpoint {checkpoint!r}. Its checkpoints are: {', '.join(places)}."
            )
        what = (inspect.getdoc(places[checkpoint]) or checkpoint).partition("\n")[0]
        call = say("offer.start_call", lesson=lesson, checkpoint=checkpoint)
        act = functools.partial(self._build, lesson, checkpoint, "offer.started")
        OfferCard(what, say("offer.start"), act, call).show()

    @spoken
    def offer_reset(self, identifier: str) -> None:
        """Show a button that removes what a lesson made in the lab; running the cell removes nothing."""
        lesson = self.course.lesson(identifier).lesson
        what = say("offer.resets", what=removed_by(lesson))
        call = say("offer.reset_call", lesson=identifier)
        button = say("offer.reset", lesson=lesson.called)
        OfferCard(what, button, functools.partial(self.put_back, identifier), call).show()

    @spoken
    def catch_up(self, lesson: str) -> None:
        """Build the state after a lesson that you missed: `lab.catch_up("04")`. Nothing is counted as done."""
        name = self.session.catch_up(lesson)
        self._sharing.caught_up(lesson)
        self._say(say("place.after", lesson=self.course.lesson(lesson).lesson.called, checkpoint=name))

    @spoken
    def exercise(self, identifier: str) -> None:
        """Show an exercise."""
        card = Card(self.session, self.session.exercise(identifier))
        self.session.note_shown(identifier)
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
            waits = self.session.exercise(identifier).waits(self.session.record(identifier))
            if verdict.outcome is Outcome.UNTOUCHED and waits:
                show(shown.note(f"{identifier} · {say('card.kept')}", verdict.message))
            else:
                show(shown.verdict(identifier, self.session.with_pass(identifier, verdict)))
        if identifier in self._cards:
            self._cards[identifier].told(verdict)

    @spoken
    def check(self, identifier: str | None = None) -> None:
        """Say how an exercise stands: passed, not yet, untouched, or could not check. Changes nothing.

        Without an id: how far you are on this page.
        """
        if identifier is None:
            self._summary()
            return
        verdict = self.session.check(identifier)
        self._tell(identifier, verdict)
        if _strict() and self._asked(identifier) and not verdict.outcome.counts:
            said = shown.plain(verdict.message)
            raise CellFailed(say("card.strict", id=identifier, outcome=verdict.outcome.words, said=said))

    def _asked(self, identifier: str) -> bool:
        """Tell whether a strict run asks for the exercise: it counts, and this computer has what it needs."""
        item = self.session.exercise(identifier)
        return item.counts and not (item.engine and self.engine == "none")

    def _summary(self) -> None:
        """Show what of the page is passed and open, and where to go on; a strict run fails while something is open."""
        if self._sheet is None:
            raise ValueError(say("page.no_page"))
        source, page = self._sheet
        asked = [key for key in page.exercises if self._asked(key)]
        for key in asked:
            if not self.session.record(key).get("passed"):
                self.session.check(key)
        passed = {key for key in asked if self.session.record(key).get("passed")}
        here = home_page.from_here(self.beside)
        rows = [
            home_page.Row(key in passed, source.exercises[key], f"{here}{page.opens}#cell-id={source.cell_of(key)}")
            for key in asked
        ]
        show(home_page.page_summary(rows, home_page.after(self.course, source, page), here))
        self._regions_on()
        left = [key for key in asked if key not in passed]
        if _strict() and left:
            raise CellFailed(say("page.strict", open=len(left), total=len(asked), ids=", ".join(left)))

    def _regions_on(self) -> None:
        """Let every Region be reached again, and say so: no page leaves one off."""
        found = self.regions_on()
        if found:
            self._say(say("place.region_on", regions=" and ".join(found)))

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
        found = self.session.reset(identifier)
        if identifier in self._cards:
            self._cards[identifier].refresh()
        self._say(say("card.was_reset_shown", id=identifier, said=found))

    def _reset_lesson(self, identifier: str) -> None:
        self._say(self.put_back(identifier))

    def put_back(self, identifier: str) -> str:
        """Remove what a lesson made in the lab; return a sentence that says what went and what is left."""
        lesson = self.course.lesson(identifier).lesson
        before = self._repositories()
        self.session.put_back(identifier)
        if self._sheet is not None and self._sheet[0].lesson.id == identifier:
            self._away = True
        left = self._repositories()
        removed = [name for name in before if name not in left]
        users = " " + say("place.rights", users=", ".join(lesson.users)) if lesson.users else ""
        return say("place.removed", removed=_names(removed), users=users, left=_names(left))

    def _repositories(self) -> list[str]:
        pages = self.looking().client("ecr").get_paginator("describe_repositories").paginate()
        return sorted(str(item["repositoryName"]) for page in pages for item in page["repositories"])

    # Looking around --------------------------------------------------------------------------------------------------

    @spoken
    def xray(self, cells: int = 1, details: bool = False, service: str = "") -> None:
        """Draw the requests made since the current cell began (`cells=2`: since the one before it).

        `service` leaves out those to any other: "hub", "registry", "public", "ecr".

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
        rows = self._opened([row for row in rows if service in ("", row["service"])])
        drawn = xray.shown(rows, say("x-ray.title"), details)
        self._note_look("xray")
        words = f"{drawn.text}\n\n{decision.xray_text(rows)}" if details and rows else drawn.text
        show(shown.Shown(words, drawn.html + decision.xray_html(rows)))

    @spoken
    def table(self, lesson: str = "") -> None:
        """Draw Docker Hub beside ECR: each cell with the request of yours that proved it, and what is still open.

        With a lesson, such as `lab.table("07")`, only the rows that it fills.
        """
        time.sleep(0.05)  # as for the X-ray
        self.session.comparison.update()
        show(comparison.drawn(self.session.comparison.lines(lesson), lesson))

    def meter(self, cells: int = 1, since: int | None = None) -> meter.Reading:
        """Return how many bytes of images moved since the current cell began (`cells=2`: since the one before it).

        When the current cell moved none, those of the latest cell that moved some. `since`: a number of the X-ray, as
        `lab.last()` gives it. What it returns shows itself, and answers `.out_of("us-east-1")` and `.into(…)`.
        """
        time.sleep(0.05)  # a client's last request may still be on its way into the record
        marks = self._marks or [0]
        index = len(marks) - min(max(cells, 1), len(marks))
        try:
            found = meter.reading(self.rows(marks[index] if since is None else since))
            while not found.lines and since is None and cells == 1 and index > 0:
                index -= 1
                found = meter.reading(self.rows(marks[index]))
        except LabError as error:
            raise CellFailed(str(error)) from None
        return found

    def task(self, task: str = "", *, cluster: str = "", region: str = REGION) -> ecs.ShownTask:
        """Show a task of ECS: `lab.task()` the newest, `lab.task("booking:2")` the newest of that revision.

        State, why it stopped, which digest each container has, and who pulled it. What it returns shows itself, and
        answers `.state`, `.stopped_reason`, `.digest`, `.puller`, `.rows` (`ecrlab_course.documents.ecs.Task`).
        """
        time.sleep(0.05)  # as for the X-ray
        with in_words():
            return ecs.task(super().task(task, cluster=cluster, region=region))

    def service(self, service: str = "", *, cluster: str = "", region: str = REGION) -> ecs.ShownService:
        """Show a service of ECS: what is promised and what runs, its deployments, tasks and newest events.

        What it returns shows itself, and answers `.stable`, `.digests`, `.tasks`, `.events`, `.deployments`
        (`ecrlab_course.documents.ecs.Service`).
        """
        with in_words():
            return ecs.service(super().service(service, cluster=cluster, region=region))

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
    def why(self, row: int | Mapping[str, Any] | None = None, details: bool = True, suggest: bool = False) -> None:
        """Open a request of the X-ray to its decision: the last one that was denied, else the last that IAM decided.

        `row` is its number (the `#` of `lab.xray(details=True)`) or a row of `lab.rows()`. What would turn a denial is
        closed on the page, and in the text form with `suggest=True`.
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
        self._note_look("can")
        show(decision.shown(found[0], details, suggest))

    @spoken
    def matrix(self, lesson: str, who: str = "", what: str = "") -> None:
        """Draw who can do what, and what of it is not as the lesson's goal has it; it follows what is done in the lab.

        A press on a door says why it stands as it does, and so does `lab.matrix("lab-02", "Omar", "pull dev/booking")`.
        """
        doors = self._doors(lesson)
        if who or what:
            show(matrix_card.why(self, doors, who, what))
            return
        if self._matrix is not None:
            self._matrix.close()
        self._matrix = matrix_card.MatrixCard(self, doors)
        self._matrix.show(live=not _strict())

    @spoken
    def wider(self, lesson: str) -> None:
        """Say what is open that the lesson's goal does not ask for, whether or not the matrix has a door for it."""
        show(matrix_card.wider(self, self._doors(lesson)))

    def _doors(self, lesson: str) -> Doors:
        doors = self.course.lesson(lesson).lesson.doors
        if doors is None:
            raise ValueError(say("matrix.none", lesson=lesson))
        return doors

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
        self._note_look("registry")
        show(drawing.shown(from_json(Tree, answer), details))

    @spoken
    def compare(self, left: str, right: str, details: bool = False) -> None:
        """Draw two images layer by layer: `lab.compare("my-web-app:1.0", "my-web-app:1.1")`."""
        answer = self.control.comparison(left, right)
        show(image_pair.compared(from_json(Comparison, answer), details))

    @spoken
    def status(self) -> None:
        """Show the status line again."""
        show(status_line(self, self.course.root))

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
        if self._sharing.file.get().is_joined:
            self.share()

    # A class ---------------------------------------------------------------------------------------------------------

    @spoken
    def share(self, on: bool | None = None, forget: bool = False) -> None:
        """Show what your instructor's board would be sent, and how it stands: `lab.share(True)` shares from now on.

        `lab.share(False)` stops; `lab.share(forget=True)` stops, and has the board delete what it holds about you.
        """
        if forget or on is not None:
            self._say(self._sharing.forget() if forget else self._sharing.share(bool(on)))
            return
        self._sharing_card = SharingCard(self._sharing)
        self._sharing_card.show()

    @spoken
    def hand(self, up: bool = True) -> None:
        """Raise your hand on the instructor's board; `lab.hand(False)` lowers it."""
        self._say(self._sharing.hand(up))

    @spoken
    def join(self, address: str, code: str) -> None:
        """Join a class without a hub: `lab.join("192.168.1.10", "ab12-cd34")`. Nothing is shared by that."""
        try:
            joined = join(self._sharing.file, address, code)
        except SharingError as error:
            raise CellFailed(str(error)) from None
        self._say(say("share.joined", name=joined.name))
        self.share()

    def _caught_up(self, lesson: str) -> str:
        name = self.session.catch_up(lesson)
        return say("place.after", lesson=self.course.lesson(lesson).lesson.called, checkpoint=name)

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

    # Questions -------------------------------------------------------------------------------------------------------

    @spoken
    def questions(self, topic: str = "", level: str = "", number: int = 0) -> None:
        """Browse the question bank: `lab.questions()`, of a topic and a level, or at one question.

        `lab.questions("images", "senior")`, `lab.questions(number=38)`.
        """
        self._question = QuestionCard(questions(self.course.root), topic, level, number)
        self._question.show()

    # The mock interview ----------------------------------------------------------------------------------------------

    def _interview(self) -> Interview:
        bank = Bank(questions(self.course.root), drills(self.course.root))
        return Interview(self.home, bank, lambda: self._desk)

    @spoken
    def mock(
        self, minutes: int = 20, level: str = "mid", mix: int | None = None, partner: bool = False, after: int = 0
    ) -> None:
        """Rehearse an interview: `lab.mock(minutes=20, level="mid")`; minutes 8, 20 or 45, level junior, mid or senior.

        One that was begun and not finished goes on first. `partner=True`: a second person asks, with
        `lab.interviewer("mid 20 7")` on a screen of their own; `after=7` shares nothing with mix 7.
        """
        interview = self._interview()
        number = interview.unfinished()
        if number:
            interview.go_on(number)
        else:
            interview.begin(minutes, level, mix, partner=partner, after=after)
        self._mock = MockCard(interview, self.beside)
        self._mock.show()

    @spoken
    def mocks(self, number: int | None = None) -> None:
        """List the mock interviews there are: `lab.mocks()`; with a number, show that one's scorecard."""
        interview = self._interview()
        records = interview.book.records()
        if not records:
            raise KeyError(say("mock.none_yet"))
        if number is None:
            show(figures_table(interview.bank, records))
            return
        if number not in records:
            raise KeyError(say("mock.no_such", number=number, known=", ".join(map(str, records))))
        card = card_shown(scorecard(interview.bank, records, number))
        show(shown.Shown(card.text, own_style() + card.html))

    @spoken
    def interviewer(self, code: str) -> None:
        """Be the interviewer of somebody's mock, by the code that they read aloud: `lab.interviewer("mid 20 7")`."""
        interview = self._interview()
        self._interviewer = InterviewerCard(interview.bank, interview.pool(), read_code(code))
        self._interviewer.show()

    @spoken
    def ready(self) -> None:
        """Show by topic what you made unaided in the last two weeks, what you showed, and what is due today."""
        found = ready(self.home, Bank(questions(self.course.root), drills(self.course.root))).shown
        show(shown.Shown(found.text, own_style() + found.html))

    # The incident desk -----------------------------------------------------------------------------------------------

    @cached_property
    def _desk(self) -> Desk:
        """The desk of lab 03: jobs run in that lab's folder, where its page's cells run."""
        return Desk(self.home, self.session.furnish(DESK), cells=lambda: self.transcripts)

    def _note_look(self, name: str) -> None:
        """Tell an open desk what was looked at on the page."""
        with contextlib.suppress(Exception):
            if self._desk_card is not None:
                self._desk.note_look(name)

    def _show_desk(self, deal: Callable[[], list[Ticket]]) -> None:
        self._desk_card = desk_card.DeskCard(self._desk, deal)
        self._desk_card.show()

    @spoken
    def desk(self, name: str) -> None:
        """Deal a ticket of a desk: `lab.desk("first")`, "second", "third", or "night" for three at once.

        A ticket of it that is open stays; the card's buttons deal the same one again, or another one.
        """
        self._show_desk(lambda: self._desk.begin(name))

    @spoken
    def incident(self, number: int | str, seed: int = 1) -> None:
        """Deal one incident by its number: `lab.incident(9, seed=3)` is the same on every machine."""
        self._show_desk(lambda: self._desk.begin_incident(number, seed))

    def on_desk(self, cell: str) -> bool:
        """Tell whether this cell, `lab.desk(...)` or `lab.incident(...)`, goes on with what is on the desk.

        JupyterLab asks before it wakes a page's cards: every other such cell would deal, and end what is open.
        """
        with contextlib.suppress(Exception):
            asked: Any = ast.parse(cell.strip(), mode="eval").body
            words = [ast.literal_eval(each) for each in asked.args]
            named = {each.arg: ast.literal_eval(each.value) for each in asked.keywords}
            if asked.func.attr == "desk":
                return self._desk.goes_on(*words, **named)
            return self._desk.goes_on_with(*words, **({"seed": 1} if len(words) < 2 else {}) | named)
        return False

    @spoken
    def ticket(self, word: str = "show", letter: str = "", place: int | None = None) -> None:
        """Act on the ticket that is open, in text form: `lab.ticket("run")`, "check", "hint", "again", "another".

        `lab.ticket("cause", "b")` names the cause. Of a night shift, `place` is 1, 2 or 3. "solve" shows how it is
        done: it carries the narrowest fix out.
        """
        desk = self._desk
        if word in ("again", "another"):
            self._show_desk(desk.again if word == "again" else desk.another)
            return
        ticket = desk.ticket(place)
        if word == "show":
            self._show_desk(desk.open)
        elif word == "run":
            show(desk_card.ran_shown(desk.command(ticket), desk.run(ticket)))
        elif word == "cause":
            chosen = desk.choose(ticket, letter)
            self._say(say("desk.named", letter=chosen.letter, text=shown.plain(desk.told(ticket, chosen.text))))
        elif word == "hint":
            show(desk_card.hint_shown(*desk.hint(ticket)))
        elif word in ("check", "solve"):
            found = desk.check(ticket) if word == "check" else desk.solve(ticket)
            now = next(each for each in desk.open() if each.id == ticket.id)
            show(desk_card.judged_shown(desk, now, found))
            if now.is_closed:
                show(desk_card.after_shown(desk, now))
        else:
            words = "show, run, check, cause, hint, again, another"
            raise DeskError(say("desk.in_text_words", words=words, word=word))
        if self._desk_card is not None:
            self._desk_card.refresh()

    @spoken
    def postmortem(self, place: int | None = None, **lines: str) -> None:
        """Write the five lines about the ticket that was closed last; ours are shown beside them.

        In text form: `lab.postmortem(seen="…", since="…", why="…", changed="…", next_time="…")`.
        """
        ticket = self._desk.to_write_about(place)
        if lines:
            known = {paper.argument_of(line): line for line in LINES}
            strange = [name for name in lines if name not in known]
            if strange:
                raise KeyError(say("desk.line_wanted", lines=", ".join(known), seen=strange[0]))
            self._desk.write_postmortem(ticket, {known[name]: text for name, text in lines.items()})
        desk_card.PostmortemCard(self._desk, ticket).show()

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
        href = home_page.from_here(self.beside) + place.link
        return shown.Shown(
            words,
            f'<div class="ecr-status">{shown.escape(words)}<br><a class="ecr-go" href="{shown.escape(href)}">'
            f"{shown.escape(place.opening)}</a></div>",
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


def _strict() -> bool:
    """Tell whether this run is a test: each check wants a pass."""
    return os.environ.get("ECRLAB_STRICT") == "1"


def _names(names: list[str]) -> str:
    return ", ".join(names) if names else say("place.nothing")
