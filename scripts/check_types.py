"""mypy over src/ and over content/, the course's and the tests' own, in one process: `make lint`.

The Python beside lessons lies in folders whose names begin with a digit, and files of equal names (exercises.py) lie in
several. So mypy is shown each folder under the name that the course itself gives it (`ecrlab_lessons_00_start_here`),
by links in mypy's cache; what it prints names the files as they lie in content/.

Left out are the sources of notebooks: their cells use what IPython puts there (`lab`), and the tests of notebooks run
them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINKS = ROOT / ".mypy_cache" / "content"


def is_notebook(path: Path) -> bool:
    """Tell whether a file is a notebook's source: it has cells."""
    return re.search("^# %%", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


def package(folder: Path) -> str:
    """Return the name of a folder of content/ as a package, as `documents.code.package_of` gives it to a lesson's."""
    return "_".join(["ecrlab", *folder.parts])


def modules(content: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each file of content/ to check with its place below the links."""
    for path in sorted(content.rglob("*.py")):
        if not is_notebook(path):
            # A file whose name begins with a dot is hidden from learners, not from us.
            yield path, Path(package(path.parent.relative_to(content)), path.name.lstrip("."))


def link(contents: Iterable[Path], links: Path) -> dict[str, str]:
    """Make the links; return what each is a link to, both as mypy prints them (from the project's folder)."""
    shutil.rmtree(links, ignore_errors=True)
    found = {}
    for path, place in (each for content in contents for each in modules(content)):
        here = links / place
        here.parent.mkdir(parents=True, exist_ok=True)
        (here.parent / "__init__.py").touch()
        here.symlink_to(path)
        found[str(here.relative_to(ROOT))] = str(path.relative_to(ROOT))
    return found


def main() -> int:
    """Check src/ and content/; return mypy's exit code."""
    names = link([ROOT / "content", *sorted((ROOT / "tests" / "course").glob("*/content"))], LINKS)
    command = [sys.executable, "-m", "mypy", "src", str(LINKS.relative_to(ROOT))]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    print(re.sub(r"^[^:\n]+", lambda found: names.get(found[0], found[0]), run.stdout, flags=re.MULTILINE), end="")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
