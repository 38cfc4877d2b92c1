"""Stories through real clients: the docker engine and the lab of tests/clients."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any


def _clients() -> Any:
    """The fixtures of tests/clients, loaded by their path: in importlib mode one conftest cannot import another."""
    name = "ecrlab_tests_clients"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / "clients" / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_fixtures = _clients()
make_lab, running_lab, lab = _fixtures.make_lab, _fixtures.running_lab, _fixtures.lab
account, partner = _fixtures.account, _fixtures.partner
engine, sh, image = _fixtures.engine, _fixtures.sh, _fixtures.image
