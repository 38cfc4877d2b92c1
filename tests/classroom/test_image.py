"""The image of classroom/Dockerfile: what the cells of the lessons call is in it. It has not been built in a test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from ecrlab_course.authoring.content import course

ROOT = course().root
DOCKERFILE = (ROOT / "classroom" / "Dockerfile").read_text(encoding="utf-8")
PACKAGES = {"curl": "curl", "git": "git", "ps": "procps"}
"""Programs that Debian's slim images lack, and the package of each."""
SLIM = """
awk bash cat chmod cp cut date dd grep head ls mkdir mktemp mv od readlink rm sed sh sleep tail tar tee touch wc
"""  # Debian's required packages: coreutils, dash, grep, mawk, sed, tar, bash
SHELL = "cd continue do done echo else export fi for if kill printf read set test then time trap true unset while"
COURSE = {"aws", "docker", "ecrlab", "ecrlab_course", "python"}
_PLACE = re.compile(
    r"(?:^|[|;]|&&|\$\(|\b(?:do|then|else|if|while|time)\s)\s*(?:\w+=(?:[^\s$]\S*)?\s+)*([a-z][\w.-]*)(?=\s|$)"
)
_HOST = re.compile(r"\becrlab host ([a-z]+)")


def bash_cells() -> Iterator[str]:
    """The shell scripts of the solved pages, which hold what learners type."""
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            head, _, script = "".join(cell["source"]).partition("\n")
            if cell["cell_type"] == "code" and head.startswith("%%bash"):
                yield script


def called(script: str) -> set[str]:
    """Return the words of a script that stand where a program does: not in a string, nor in a file that it writes."""
    text = script.replace("\\\n", " ")
    text = re.sub(r"<<-?\s*['\"]?(\w+)['\"]?(.*)\n[\s\S]*?^\s*\1$", r"\2", text, flags=re.M)
    text = re.sub(r"(?m)(^|\s)#.*$", "", text)
    text = re.sub(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", "''", text)
    own = set(re.findall(r"(?m)^(\w+)\(\)", text))
    return {word for line in text.splitlines() for word in _PLACE.findall(line) + _HOST.findall(line)} - own


def test_every_program_of_a_cell_is_in_the_image() -> None:
    used = set().union(*map(called, bash_cells()))
    assert {"curl", "git", "ps", "docker", "aws"} <= used
    assert used - {*SLIM.split(), *SHELL.split()} - COURSE <= set(PACKAGES)
    second = DOCKERFILE.rpartition("\nFROM ")[2]
    installed = set(re.search(r"apt-get install ([^\n&]+)", second)[1].split())  # type: ignore[index]
    assert set(PACKAGES.values()) <= installed


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("A=1 curl -s x | head -1 && git push", {"curl", "head", "git"}),
        ("for each in a b; do\n  jq . x\ndone", {"for", "do", "jq", "done"}),
        ("cat > f <<'END'\nrun me\nEND\necho 'a\nb c'  # and this", {"cat", "echo"}),
        ('P=$(docker inspect "$A")\nf() { echo 1; }\nf x', {"docker"}),
        ("ecrlab host ps -o pid", {"ecrlab", "ps"}),
    ],
)
def test_programs_are_found_in_a_script(script: str, words: set[str]) -> None:
    assert called(script) == words
