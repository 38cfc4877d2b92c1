"""Writes the commands of the course into the virtual environment that runs this. Usage: PYTHON scripts/commands.py

pip's own follow PYTHONPATH, where a folder of the reader may hold a module named like one of ours (-E ignores it), and
the one it makes for `aws` does not run in a folder whose path holds a blank.
"""

import os
import shlex
import sys
from pathlib import Path

MODULES = {"aws": "awscli.clidriver", "ecrlab": "ecrlab.cli", "ecrlab_course": "ecrlab_course.__main__"}

# macOS sets a locale that Python's libraries do not know; awscli's own script does the same.
SCRIPT = """#!/bin/sh
[ "${{LC_CTYPE:-}}" != UTF-8 ] || export LC_CTYPE=en_US.UTF-8
exec {start} "$0" "$@"
"""


def main() -> None:
    """Write one script per command, in place of pip's."""
    folder = Path(sys.prefix) / "bin"
    for name, module in MODULES.items():
        program = f"import sys; sys.argv.pop(0); from {module} import main; sys.exit(main())"
        start = shlex.join([str(folder / "python"), "-E", "-P", "-c", program])
        temporary = folder / f".{name}.new"
        temporary.write_text(SCRIPT.format(start=start), encoding="utf-8")
        temporary.chmod(0o755)
        os.replace(temporary, folder / name)


if __name__ == "__main__":
    main()
