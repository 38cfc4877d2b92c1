"""The cell that runs: what the course declares of it, and whether it ended so."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from ecrlab.client import LabError
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.messages import say
from ecrlab_course.notebook.bash import failure_words, read_arguments
from ecrlab_course.notebook.declared import Declared
from ecrlab_course.notebook.engine_words import side_by_side
from ecrlab_course.notebook.paragraph import CellFailed, show
from ecrlab_course.toolbox import needs, refusals
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.toolbox.shell import ShellError
from ecrlab_course.views import display as shown


class RunningCell:
    """The cell that runs, or ran last.

    Args:
        lab: where its commands run.
        drill_account: gives the drills' own account.
    """

    def __init__(self, lab: Lab, drill_account: Callable[[], DrillLab]) -> None:
        self._lab, self._drill_account = lab, drill_account
        self.declared = Declared()
        self.stops_in_python = False
        self.recorded_in_python = False

    def begins(self, text: str, declared: Declared) -> None:
        """Note what is declared of the cell of that text."""
        self.declared = declared
        in_python = not text.lstrip().startswith("%%")
        self.recorded_in_python = in_python and self._lacks()
        self.stops_in_python = bool(declared.fails) and in_python and not self.recorded_in_python

    def bash(self, line: str, cell: str) -> None:
        """Run it as a strict bash script; as `NotebookLab.bash`."""
        profile, wanted = read_arguments(line)
        expected = wanted or self.declared.fails
        drilled = profile.removeprefix("drill").removeprefix("/") or "admin" if profile.startswith("drill") else ""

        def write(text: str) -> None:
            sys.stdout.write(text)
            sys.stdout.flush()

        if self._lacks():
            self.show_recorded(cell)
            return
        begun = self._last_row()
        try:
            if drilled:
                code, output = self._drill_account().sh(cell, drilled, timeout=600, write=write)
            else:
                code, output = self._lab.sh(cell, profile, timeout=600, write=write)
        except ShellError as error:
            raise CellFailed(str(error)) from None
        except KeyboardInterrupt:
            raise CellFailed(say("cell.interrupted")) from None
        said = self._said(begun)
        if said and said not in output and refusals.wordless(output):
            why_hidden = say(f"hidden.{refusals.engine_of(self._lab.home)}")
            show(shown.note(say("hidden.title"), f"{why_hidden}\n\n`{said}`"))
        if not expected:
            if code:
                raise CellFailed(failure_words(code, output))
        elif code == 0:
            raise CellFailed(say("cell.worked", words=self._words(expected), again=say("cell.again")))
        else:
            self._stopped(expected, output, said, say("cell.otherwise", code=code, words=self._words(expected)))
            (self._drill_account() if drilled else self._lab).expect()

    def _lacks(self) -> bool:
        """Tell whether this computer lacks what the cell needs."""
        return bool(self.declared.needs) and needs.lacks(self._lab, self.declared.needs)

    def show_recorded(self, script: str = "") -> None:
        """Show what the cell printed where it could run, and say that it is a recording; nothing runs.

        It counts as a run of the cell: a prediction is compared with what was recorded.
        """
        output = self.declared.recorded
        lacking = needs.missing(self._lab, self.declared.needs)
        show(shown.note(say("recording.title"), say(f"recording.{lacking}", where=self.declared.where)))
        sys.stdout.write(output)
        sys.stdout.flush()
        self._lab.recorded(script, "admin", lambda: (1 if self.declared.fails else 0, output))
        if self.declared.fails:
            self._lab.expect()
            show(shown.stopped(say("cell.stopped")))

    @contextlib.contextmanager
    def expected(self) -> Iterator[None]:
        """Run the statements of a Python cell that the course declares to stop: the notebook goes on behind it."""
        begun = self._last_row()
        words = self._words(self.declared.fails)
        try:
            yield
        except Exception as error:
            output = f"{type(error).__name__}: {error}"
            print(output)
            otherwise = say("cell.raised_otherwise", words=words)
        else:
            raise CellFailed(say("cell.raised_nothing", words=words, again=say("cell.again")))
        self._stopped(self.declared.fails, output, self._said(begun), otherwise)
        self._lab.expect(begun)

    def _words(self, expected: str) -> str:
        """Return the words that are expected: those of a refusal where it is the key of one."""
        refusal = refusals.refusals().get(expected)
        return expected if refusal is None else refusal.expected(refusals.engine_of(self._lab.home))

    def _stopped(self, expected: str, output: str, said: str, otherwise: str) -> None:
        """Hold what a cell said when it stopped against what was expected; raise CellFailed when it is not that."""
        refusal = refusals.refusals().get(expected)
        engine = refusals.engine_of(self._lab.home)
        if not (expected in output if refusal is None else refusal.fits(engine, output, said)):
            raise CellFailed(otherwise)
        show(shown.stopped(say("cell.stopped")))
        if refusal is not None:
            show(side_by_side(refusal, engine))

    def _last_row(self) -> int:
        """Return where the X-ray stands; 0 when the lab does not answer."""
        with contextlib.suppress(LabError, OSError):
            return self._lab.last()
        return 0

    def _said(self, after: int) -> str:
        """Return the registry's own sentence of the last refusal since that row of the X-ray; "" for none."""
        with contextlib.suppress(LabError, OSError):
            return self._lab.refused_since(after)
        return ""
