"""Writes the commands of the course into the virtual environment that runs this. Usage: PYTHON scripts/commands.py

pip's own follow PYTHONPATH, where a folder of the reader may hold a module named like one of ours, and they do not run
in a folder whose path holds a blank (that of `aws`) or what a shell reads inside double quotes (all of them).
"""

import os
import shlex
import sys
import sysconfig
from pathlib import Path

MAIN = {
    "aws": "awscli.clidriver main",
    "ecrlab": "ecrlab.cli main",
    "ecrlab_course": "ecrlab_course.__main__ main",
    "pytest": "pytest main",
}

# macOS sets a locale that Python's libraries do not know; awscli's own script does the same.
SCRIPT = """#!/bin/sh
[ "${{LC_CTYPE:-}}" != UTF-8 ] || export LC_CTYPE=en_US.UTF-8
unset PYTHONPATH PYTHONHOME
exec {start} "$0" "$@"
"""


def main() -> None:
    """Write one script per command, in place of pip's."""
    folder = Path(sys.prefix) / "bin"
    for name, where in MAIN.items():
        module, main = where.split()
        program = f"import sys; sys.argv.pop(0); from {module} import {main}; sys.exit({main}())"
        # Tests, and the kernels of notebooks that are tested, follow the other variables of Python.
        alone = [] if name == "pytest" else ["-E"]
        start = shlex.join([str(folder / "python"), *alone, "-P", "-c", program])
        temporary = folder / f".{name}.new"
        temporary.write_text(SCRIPT.format(start=start), encoding="utf-8")
        temporary.chmod(0o755)
        os.replace(temporary, folder / name)
    _lead_here()


def _lead_here() -> None:
    """Let the editable install name the course's modules from where it lies: Python reads its file in the locale's
    encoding, and where that is ASCII (LC_ALL=C), a path with an umlaut would keep every command from starting."""
    packages, modules = Path(sysconfig.get_path("purelib")), Path(__file__).resolve().parent.parent / "src"
    for file in packages.glob("*.pth"):
        if file.read_bytes().strip() == os.fsencode(modules):
            file.write_text(os.path.relpath(modules, packages) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
