"""The lab of tests/aws, loaded by its path: in pytest's importlib mode one conftest cannot import another."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any


def _lab_fixtures() -> Any:
    name = "ecrlab_tests_aws"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / "aws" / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_fixtures = _lab_fixtures()
make_lab, running_lab, lab = _fixtures.make_lab, _fixtures.running_lab, _fixtures.lab
account, partner = _fixtures.account, _fixtures.partner
