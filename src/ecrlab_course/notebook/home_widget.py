"""The home page in a notebook: the map, and buttons to go on, to look at this computer, to put a lesson back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ecrlab.home import Home
from ecrlab.host import doctor
from ecrlab_course.authoring.content import Course
from ecrlab_course.authoring.lesson import Lesson
from ecrlab_course.failure import reason
from ecrlab_course.learner.session import Session
from ecrlab_course.messages import say
from ecrlab_course.notebook import home_page
from ecrlab_course.views.display import Shown, escape, keyboard, markdown_inline, style

ipywidgets: Any = import_module("ipywidgets")
display: Any = import_module("IPython.display").display

_OPEN = """
(function (go) {
  if (!go || Date.now() > UNTIL) { return; }
  setTimeout(function () { go.click(); }, 700);
  var again = setInterval(function () {
    var page = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook');
    var open = page && !page.contains(go) && page.querySelectorAll('.jp-Cell').length > 1;
    if (open) { setTimeout(function () { go.click(); }, 1000); }
    if (open || Date.now() > UNTIL) { clearInterval(again); }
  }, 1500);
})(this.parentNode.querySelector('a.ecr-go'))
"""
"""Follows the link to the place: once, and once more when another page has come up, because JupyterLab does not scroll
to a cell of a page that is not drawn yet. When this page is opened again later, nothing happens by itself."""
OPENS_WITHIN = 30
"""Seconds after the click in which the place opens by itself."""


class Host(Protocol):
    """What the home page needs of `lab`."""

    home: Home
    course: Course
    session: Session
    beside: Path

    @property
    def engine(self) -> str:
        """The container engine: "found", "private" or "none"."""

    def resumed(self) -> Shown:
        """Rebuild the place where the learner stopped, and return the sentence with its link."""

    def put_back(self, identifier: str) -> str:
        """Remove what a lesson made in the lab, and return a sentence about it."""


def removed_by(lesson: Lesson) -> str:
    """Return what putting a lesson back removes, in words."""
    parts = [say("home.repositories", names=", ".join(lesson.repositories))] if lesson.repositories else []
    if lesson.clusters:
        parts.append(say("home.clusters", names=", ".join(lesson.clusters)))
    if lesson.families:
        parts.append(say("home.families", names=", ".join(lesson.families)))
    if lesson.users:
        parts.append(say("home.rights", users=", ".join(lesson.users)))
    if lesson.undo is not None:
        parts.append(lesson.undoes)
    return "; ".join(parts) or say("place.nothing")


class HomePage:
    """The map on the page, kept up to date, and the buttons under it."""

    def __init__(self, lab: Host) -> None:
        self._lab = lab
        self._map: Any = None
        self._drawn = ""
        self._health = ipywidgets.HTML(f'<span class="ecr-soft">{say("home.looking")}</span>')
        self._said = ipywidgets.HTML()
        self._opened = ipywidgets.Output()
        written = [source.lesson for source in lab.course.sources.values()]
        self._which = ipywidgets.Dropdown(
            options=[(f"{lesson.id} {lesson.title}", lesson.id) for lesson in written], description=say("home.which")
        )
        self._sure = self._bar([(say("home.yes"), self._remove), (say("home.no"), self._keep)])
        self._sure.layout.display = "none"
        choice = ipywidgets.Box([self._which, self._bar([(say("home.put_back"), self._ask)], primary=False)])
        choice.add_class("ecr-fields")
        head = ipywidgets.HTML(style(keyboard("ecr-home")))
        go_on = self._bar([(say("home.continue"), self._continue), (say("home.examine"), self._examine)])
        self.box = ipywidgets.VBox([head, go_on, self._opened, self._health, choice, self._said, self._sure])
        self.box.add_class("ecrlab")
        self.box.add_class("ecr-exercise")
        self.box.add_class("ecr-home")

    def _bar(self, actions: list[tuple[str, Callable[[], None]]], primary: bool = True) -> Any:
        buttons = []
        for number, (name, action) in enumerate(actions):
            button = ipywidgets.Button(description=name)
            if number == 0 and primary:
                button.add_class("ecr-primary")
            button.on_click(lambda _button, act=action: self._guarded(act))
            buttons.append(button)
        bar = ipywidgets.Box(buttons)
        bar.add_class("ecr-buttons")
        return bar

    def _guarded(self, action: Callable[[], None]) -> None:
        """A click never ends in a traceback: what went wrong is said on the page."""
        try:
            action()
        except Exception as error:
            self._said.value = f'<div class="ecr-verdict ecr-wait" role="status">{escape(reason(error))}</div>'

    # Showing ---------------------------------------------------------------------------------------------------------

    def _draw(self) -> Shown:
        progress = self._lab.session.progress.read()
        engine = self._lab.engine != "none"
        place = home_page.place(self._lab.course, progress, engine)
        here = place.source.lesson.id if place else ""
        stops = home_page.stops(self._lab.course, progress, engine)
        pages = {page.lesson.title: page.opens for page in self._lab.course.pages.values()}
        return home_page.drawn(stops, here, home_page.from_here(self._lab.beside), pages)

    def show(self) -> None:
        """Display the map and the buttons; look at this computer's health meanwhile."""
        shown = self._draw()
        self._drawn = shown.html
        self._map = display(shown, display_id=True)
        commands = markdown_inline(say("home.commands_shown"))
        display(
            {
                "text/plain": say("home.commands"),
                "text/html": f'{style()}<div class="ecrlab ecr-soft">{commands}</div>',
                "application/vnd.jupyter.widget-view+json": {
                    "version_major": 2,
                    "version_minor": 0,
                    "model_id": self.box.model_id,
                },
            },
            raw=True,
        )
        threading.Thread(target=self._look, daemon=True).start()

    def refresh(self) -> None:
        """Draw the map again when the learner's marks have changed."""
        shown = self._draw()
        if self._map is not None and shown.html != self._drawn:
            self._drawn = shown.html
            self._map.update(shown)

    # Acting ----------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        try:
            findings = doctor.examine(self._lab.home)
            bad = [finding for finding in findings if finding.state == "fails"]
            kind = "ecr-no" if bad else "ecr-ok"
            fix = "".join(
                f"<br>{escape(item.part)}: {escape(item.seen)}"
                + (f" <code>{escape(item.fix)}</code>" if item.fix else "")
                for item in bad
            )
            words = f"{escape(doctor.summary(self._lab.home, findings))}{fix}"
            self._health.value = f'<div class="ecr-verdict {kind}" role="status">{say("home.computer")} {words}</div>'
        except Exception as error:
            self._health.value = f'<div class="ecr-verdict ecr-wait" role="status">{escape(reason(error))}</div>'

    def _examine(self) -> None:
        self._health.value = f'<span class="ecr-soft" role="status">{say("home.looking")}</span>'
        self._look()

    def _continue(self) -> None:
        shown = self._lab.resumed()
        until = round((time.time() + OPENS_WITHIN) * 1000)
        html = f'<div class="ecrlab" role="status">{style(_OPEN.replace("UNTIL", str(until)))}{shown.html}</div>'
        bundle = {"text/plain": shown.text, "text/html": html}
        self._opened.outputs = ({"output_type": "display_data", "data": bundle, "metadata": {}},)
        self.refresh()

    def _ask(self) -> None:
        what = removed_by(self._lab.course.lesson(self._which.value).lesson)
        self._said.value = (
            f'<div class="ecr-verdict ecr-wait" role="status">{escape(say("home.removes", what=what))}</div>'
        )
        self._sure.layout.display = None

    def _remove(self) -> None:
        self._sure.layout.display = "none"
        self._said.value = (
            f'<div class="ecr-status" role="status">{escape(self._lab.put_back(self._which.value))}</div>'
        )

    def _keep(self) -> None:
        self._sure.layout.display = "none"
        self._said.value = f'<div class="ecr-status" role="status">{say("home.kept")}</div>'
