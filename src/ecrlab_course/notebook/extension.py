"""`%load_ext ecrlab_course`: the lab in a notebook. What goes wrong is said in one paragraph, no traceback."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError
from ecrlab.environment import environment, foreign_aws_variables
from ecrlab.home import Home
from ecrlab.host import doctor, launch
from ecrlab.trouble import sentence
from ecrlab_course.authoring.content import course
from ecrlab_course.checkout import ContentError, course_root
from ecrlab_course.messages import say
from ecrlab_course.notebook.lab import NotebookLab
from ecrlab_course.notebook.paragraph import CellFailed, show
from ecrlab_course.notebook.status import status_line
from ecrlab_course.toolbox.hub import HubError

MAGICS = ("bash",)
"""The cell magics that the extension registers; a test holds that notebooks use no others."""


class _Stops(ast.NodeTransformer):
    """Puts a Python cell that is declared to stop into `with lab.cell.expected():`; other cells stay as they are.

    A cell for which this computer lacks something is shown as it was recorded.
    """

    def __init__(self, lab: NotebookLab) -> None:
        self.lab = lab

    def visit(self, node: ast.AST) -> ast.AST:
        """Return the cell's module as it is to run."""
        if self.lab.cell.recorded_in_python and isinstance(node, ast.Module) and node.body:
            node.body = ast.parse("lab.cell.show_recorded()").body
        elif self.lab.cell.stops_in_python and isinstance(node, ast.Module) and node.body:
            around = ast.parse("with lab.cell.expected():\n    pass")
            held = around.body[0]
            assert isinstance(held, ast.With)
            held.body = node.body
            node.body = [ast.fix_missing_locations(held)]
        return node


def _beside() -> Path:
    """Return the folder of the kernel's notebook: where the kernel was started, whichever lesson's folder it is in now.

    A shell that was started in a lesson's own folder has its notebook one above.
    """
    here = Path.cwd()
    known = _started.get("folder")
    if known is None or not here.is_relative_to(known):
        lessons = {name for source in course().sources.values() for name in (source.slug, source.solved)}
        _started["folder"] = known = here.parent if here.name in lessons else here
    return known


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
_started: dict[str, Path] = {}


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
        lab = NotebookLab(home, course(), _beside())
    except (ContentError, ValueError) as error:
        raise CellFailed(say("status.no_content", error=error)) from None
    _loaded["lab"] = lab
    shell.register_magic_function(lab.bash, "cell", "bash")
    shell.user_ns.update(lab=lab, ecr=lab.client("ecr"), iam=lab.client("iam"), sts=lab.client("sts"))
    lab.cell_begins()
    shell.events.register("pre_run_cell", lab.cell_begins)
    shell.events.register("post_run_cell", lab.cell_ended)
    shell.ast_transformers[:] = [each for each in shell.ast_transformers if not isinstance(each, _Stops)] + [
        _Stops(lab)
    ]

    def forget(*_info: object) -> None:
        # IPython does nothing when an extension is loaded twice; a learner runs the first cell again to fix things.
        shell.extension_manager.loaded.discard("ecrlab_course")
        shell.events.unregister("post_run_cell", forget)

    shell.events.register("post_run_cell", forget)
    for kind in (ClientError, BotoCoreError, HubError):
        # What AWS or the Hub answers is a sentence of the lesson, not a traceback.
        setattr(kind, "_render_traceback_", lambda self: [f"{type(self).__name__}: {self}"])  # noqa: B010 - no such attribute in its type
    show(status_line(lab, lab.course.root))
    if os.environ.get("ECRLAB_PROJECTOR") == "1":
        lab.projector()
