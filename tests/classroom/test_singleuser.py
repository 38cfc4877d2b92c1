"""What a hub runs for one learner: its command, whose kernels end after a while; a learner alone keeps theirs."""

from __future__ import annotations

import inspect
from pathlib import Path

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyterlab.labapp import LabApp

from ecrlab.home import Home
from ecrlab_course import start
from ecrlab_course.classroom.singleuser import CULLING, command


def test_kernels_of_a_class_end_when_nobody_uses_them(tmp_path: Path) -> None:
    words = command(Home(tmp_path), ["--ServerApp.port=1234"])
    assert words[-1] == "--ServerApp.port=1234"
    app = LabApp()
    app.parse_command_line(words[words.index("jupyterhub.singleuser") + 1 :])
    manager = AsyncMappingKernelManager(config=app.config)
    assert {name: getattr(manager, name) for name in CULLING} == CULLING
    assert AsyncMappingKernelManager().cull_idle_timeout == 0
    assert "cull_" not in inspect.getsource(start)
