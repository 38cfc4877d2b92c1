"""Words that must not come back: the left column of CONTRIBUTING.md's table, looked for in what people read."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READ = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "Makefile",
    "content",
    "src",
    "docs",
    "scripts",
    "tests",
    "bench",
)
# Texts of AWS and of others, and what readers tried, word for word.
QUOTES = ("docs/facts/", "docs/attempts/", "tests/course/listening/")
# "There is no role", "is no longer": said by everybody.
_PLAIN = re.compile(
    r"\b[tT]here (?:is|are|was|were) no\s+(?:# )?\w+|\b(?:is|are|was) no (?:longer|larger|wider|more|less|such)\b"
)


@cache
def words() -> dict[str, re.Pattern[str]]:
    """The phrases of the table, each with what finds it. One with a capital is looked for with that capital."""
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## English\n")[2]
    rows = re.findall(r"^\| (`.+?) \| .+ \|$", table, re.M)
    phrases = [phrase for row in rows for phrase in re.findall(r"`([^`]+)`", row)]
    return {phrase: _finder(phrase) for phrase in phrases}


def _finder(phrase: str) -> re.Pattern[str]:
    pattern = r"\s+(?:# )?".join(r"\w+" if word == "…" else re.escape(word) for word in phrase.split())
    return re.compile(rf"(?<![\w-]){pattern}(?!\w)", 0 if phrase[0].isupper() else re.IGNORECASE)


def places(text: str) -> list[tuple[int, str]]:
    """Return the phrases in a text, each with the number of its line."""
    text = text.replace("_", " ")
    text = _PLAIN.sub(lambda match: re.sub(r"\S", ".", match[0]), text)
    low = text.lower()
    return sorted(
        (text.count("\n", 0, match.start()) + 1, phrase)
        for phrase, pattern in words().items()
        if max(phrase.lower().split(), key=len) in low  # most texts have no word of it: quicker than the pattern
        for match in pattern.finditer(text)
    )


def found(text: str) -> list[str]:
    return [phrase for _, phrase in places(text)]


def test_the_words_of_the_list_are_nowhere() -> None:
    listed = subprocess.run(["git", "ls-files", "-z", *READ], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    seen = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path == Path(__file__) or name.startswith(QUOTES) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture
            continue
        if name == "CONTRIBUTING.md":
            text = text.partition("\n## English\n")[0]
        seen += [f"{name}:{line}: {phrase}" for line, phrase in places(text)]
    assert not seen, "\n".join(seen)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("What mends it?", ["mends"]),
        ("def mend_it():", ["mend"]),
        ("It installs without\n# the net.", ["without the net", "the net"]),
        ("a policy is no registry; there is no role, and it is no longer asked", ["is no …"]),
        ("# so there is no\n# place for words", []),
        ("who deploys? Who deploys gets it", ["Who deploys"]),
        ("amend the recommended fix", []),
    ],
)
def test_what_is_found(text: str, phrases: list[str]) -> None:
    assert found(text) == phrases


def test_the_list_is_read() -> None:
    assert len(words()) > 40
