"""A kernel that was started again says what to do, without a traceback."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from ecrlab_course import unloaded


@pytest.mark.parametrize("cell", ['lab.check("04-e1")', "ecr.describe_repositories()", "%%bash --as ci\naws --version"])
def test_a_cell_before_the_first_one_says_which_to_run(cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell()
    namespace = {"get_ipython": lambda: shell}
    exec(unloaded.STARTUP, namespace)
    result = shell.run_cell(cell)
    assert not result.success
    said = "".join(capsys.readouterr())
    assert unloaded.TEXT in said
    assert "Traceback" not in said
