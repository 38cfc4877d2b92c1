"""Facts and pages that the repository cites: each is in docs/facts, or is a page of the repository."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FACTS = ROOT / "docs/facts"
CITING = ("src", "content", "tests", "docs", "bench", "scripts", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")

_ROW = re.compile(r"^\| ([EIHCDA]\d{3}|(?:err|corr) \d+|[NQ]\d+) \| (?=.+ \| .+ \| .+ \| .+ \|$)", re.M)
_SECTION = re.compile(r"^#+ (\d+(?:\.\d+)?|[A-G])\.? ", re.M)
_DATE = re.compile(r"(19|20)\d\d(-\d\d(-\d\d)?)?$")
_STRENGTH = re.compile(
    r"docs|model|spec|source code|live|recorded|several|one|moto|second-hand|general|inferred|weak"
    r"|unsettled|unconfirmed"
)

# How facts are cited. Error rows come in lists and ranges; "ecr-errors 5" is an older way to write "err 5".
_ID = re.compile(r"\b[EIHCDA]\d{3}\b")
_IDS = re.compile(r"\b([EIHCDA])(\d{3}) to \1(\d{3})\b")
_SHORT = re.compile(r"(?<![\w:=%.-])[NQ]\d{1,3}(?![\w=]|\.\d)")
_NUMBERED = re.compile(r"\b(err|corr|ecr-errors) (\d+(?:(?:, (?:err )?| and (?:err )?| to | )\d+)*)\b")
_OF_A_PAGE = re.compile(r"\b([a-z]+)\.md (?:section )?(\d+(?:\.\d+)?|[A-G])\b")
_PAGE = re.compile(r"(?<![\w./-])[\w./-]+\.md\b")
_NOT_FACTS = re.compile(r"noqa: ?[A-Z0-9, ]+")

# Names of pages in examples of tests and lessons; not pages of this repository.
EXAMPLES = {"notes.md", "course/README.md"}
# The documents of a lesson: its front matter and its exercises, which stand in many folders; and a question.
_DOCUMENT = re.compile(r"(lesson|lab|[a-z]+(N+|\d+)|(N+|\d+)-[\w-]+)\.md")


@cache
def known() -> frozenset[str]:
    """Every id of docs/facts, and its sections as `page.md section`."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in FACTS.glob("*.md")}
    ids = {match[1] for text in pages.values() for match in _ROW.finditer(text)}
    return frozenset(ids | {f"{name} {match[1]}" for name, text in pages.items() for match in _SECTION.finditer(text)})


def cited(text: str) -> Iterator[str]:
    """Yield each fact that a text cites, ranges in full."""
    text = _NOT_FACTS.sub("", text)
    yield from (match[0] for match in _ID.finditer(text))
    yield from (match[0] for match in _SHORT.finditer(text))
    for letter, first, last in _IDS.findall(text):
        yield from (f"{letter}{number:03}" for number in range(int(first), int(last) + 1))
    for word, numbers in _NUMBERED.findall(text):
        name = "corr" if word == "corr" else "err"
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", numbers):
            yield from (f"{name} {number}" for number in range(int(first), int(last or first) + 1))
    for page, section in _OF_A_PAGE.findall(text):
        if (FACTS / f"{page}.md").exists():
            yield f"{page}.md {section}"


def files() -> list[Path]:
    """The texts of the repository that may cite."""
    listed = subprocess.run(["git", "ls-files", "-z", *CITING], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name.endswith((".py", ".md", ".toml", ".sh"))]
    return [path for path in paths if path.exists() and path != Path(__file__)]


def unresolved(paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {name} is not in docs/facts"
        for path in paths
        for name in sorted(set(cited(path.read_text(encoding="utf-8"))) - known())
    ]


def lost_pages(paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        places = (path.parent, ROOT, ROOT / "docs", FACTS, ROOT / "content")
        for name in sorted(set(_PAGE.findall(path.read_text(encoding="utf-8"))) - EXAMPLES):
            # A sentence may begin with it: "Facts/iam.md 4.1: ...".
            names = {name, name[0].lower() + name[1:]}
            if not (_DOCUMENT.fullmatch(name) or any((place / one).exists() for place in places for one in names)):
                found.append(f"{path.relative_to(ROOT)}: there is no page {name}")
    return found


def test_every_fact_that_is_cited_is_there() -> None:
    assert unresolved(files()) == []


def test_every_page_that_is_cited_is_there() -> None:
    assert lost_pages([path for path in files() if path.parent != FACTS]) == []


def test_the_search_finds_each_way_to_cite() -> None:
    text = '"C002, corr 9" (E077 to E079; err 37 to 39, 41 and 43) N3. Q86, see iam.md 2.2 and errors.md G # noqa: E731'
    assert set(cited(text)) == {
        *("C002", "corr 9", "E077", "E078", "E079", "err 37", "err 38", "err 39", "err 41", "err 43"),
        *("N3", "Q86", "iam.md 2.2", "errors.md G"),
    }


@pytest.mark.parametrize("path", sorted(FACTS.glob("*.md")), ids=lambda path: path.stem)
def test_a_fact_says_where_it_is_from(path: Path) -> None:
    """Id, sentence, source, date, strength; an id is given once."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _ROW.match(line)]
    for line in lines:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        assert len(cells) == 5, line
        assert all(cells), line
        assert _DATE.match(cells[3]), line
        assert _STRENGTH.match(cells[4]), line


def test_no_id_is_given_twice() -> None:
    ids = [match[1] for path in FACTS.glob("*.md") for match in _ROW.finditer(path.read_text(encoding="utf-8"))]
    assert sorted(ids) == sorted(set(ids))
