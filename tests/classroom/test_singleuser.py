"""What a hub runs for one learner: its command, whose kernels end after a while; a learner alone keeps theirs."""

from __future__ import annotations

import inspect
from pathlib import Path

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager, MappingKernelManager

from ecrlab.home import Home
from ecrlab_course import start
from ecrlab_course.classroom.singleuser import CULLING, command


def test_kernels_of_a_class_end_when_nobody_uses_them(tmp_path: Path) -> None:
    words = command(Home(tmp_path), ["--ServerApp.sock=x"])
    assert words[-1] == "--ServerApp.sock=x"
    assert {f"--MappingKernelManager.{name}={value}" for name, value in CULLING.items()} <= set(words)
    # The server's own class of manager takes these settings, and a later jupyter_server may not rename them.
    assert issubclass(AsyncMappingKernelManager, MappingKernelManager)
    assert set(CULLING) <= set(MappingKernelManager.class_trait_names(config=True))
    assert "cull_" not in inspect.getsource(start)
