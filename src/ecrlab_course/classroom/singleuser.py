"""What a hub runs for one learner: notebooks into work/, the lab, then in the same process the hub's Jupyter server."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ecrlab.environment import apply, environment
from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.authoring.content import Course
from ecrlab_course.learner import work_folder
from ecrlab_course.start import course_configuration

CULLING = {"cull_idle_timeout": 1800, "cull_interval": 120, "cull_connected": True}
"""In a class a kernel ends after half an hour without a cell, open page or not: each holds 105 MB, and they pile up."""

ROOT = "JUPYTERHUB_ROOT_DIR"
"""The variable with which a hub names the folder that JupyterLab opens."""


def _tell(line: str) -> None:
    print(f"ecrlab: {line}", flush=True)


def prepare(the_course: Course, home: Home, target: Path) -> dict[str, str]:
    """Put the notebooks into the learner's folder, start the lab, and return the environment of the Jupyter server.

    A lab that does not start ends nothing: the learner sees its page, where each cell says what is wrong, and the
    hub's log has the reason.
    """
    began = time.monotonic()
    home.make()
    target.mkdir(parents=True, exist_ok=True)
    work_folder.copy_course(the_course.root, target, home)
    variables = {**os.environ, **course_configuration(home), "ECRLAB_HOME": str(home.path)}
    try:
        launch.start(home, _tell)
    except launch.LaunchError as error:
        _tell(str(error))
    _tell(f"files and lab took {time.monotonic() - began:.1f} s")
    return apply(environment(home, base=variables), variables)


def command(home: Home, arguments: Sequence[str]) -> list[str]:
    """Return the command of the hub's Jupyter server, with what the hub's spawner adds."""
    shell = {"shell_command": ["bash", "--rcfile", str(home.path / "jupyter" / "terminal.sh")]}
    return [
        sys.executable, "-P", "-m", "jupyterhub.singleuser", "--LabApp.custom_css=True",
        f"--ServerApp.terminado_settings={shell!r}",
        *(f"--MappingKernelManager.{name}={value}" for name, value in CULLING.items()), *arguments,
    ]  # fmt: skip


def run(the_course: Course, arguments: Sequence[str]) -> NoReturn:
    """Prepare, and become the hub's Jupyter server: nothing of this stays in memory."""
    home = Home.find(start=Path.home())
    target = Path(os.environ.get(ROOT) or Path.home() / "work")
    variables = {**prepare(the_course, home, target), ROOT: str(target)}
    words = command(home, arguments)
    sys.stdout.flush()
    os.execve(words[0], words, variables)
