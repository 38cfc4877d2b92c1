"""The tries' commands stay quick when a test starts the lab, which lays the lab's own docker in their place."""

from __future__ import annotations

import pytest

from ecrlab import standin
from ecrlab.home import Home


@pytest.fixture
def docker(running: Home) -> str:
    """What a try's `docker` is, with the lab's stand-in as the engine."""
    path = running.run / "standin" / "bin" / "docker"
    if not path.is_file():
        pytest.skip("there is an engine")
    text = path.read_text(encoding="utf-8")
    standin.install(path.parent)
    assert path.read_text(encoding="utf-8") != text
    return text


@pytest.mark.parametrize("turn", ["first", "after the lab's own"])
def test_each_test_begins_with_a_quick_docker(docker: str, turn: str) -> None:
    assert "/tmp/ecrlab-try-" in docker
