"""An answer as the listener takes it: sentences, words in one spelling, stems. It knows content/listening.toml."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ecrlab_course.checkout import ContentError, course_root

MARKS = (",", ":", "=", "|", "(", ")")
"""What ends a clause, and with it a denial."""
LISTED, FEWEST_SAID = 8, 0.15
"""A sentence of so many words or more, of which fewer are small ones, is a list and no sentence."""

_CUT = re.compile(r"(?<=[A-Za-z0-9*)\"'`\u201d\u2019])[.!?](?=\s|$)|[\n;]+")
_OPTION = re.compile(r"(?:^|\s)--\w")
_CONTRACTED = (
    (re.compile(r"\bcan'?t\b|\bcannot\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\b(is|are|was|were|does|do|did|has|have|had|would|could|should|need|must)n'?t\b"), r"\1 not"),
    (re.compile(r"\b(it|that|what|there|he|she|who)'s\b"), r"\1 is"),
    (re.compile(r"\b(i|you|we|they)'(re|ve|ll|d|m)\b"), r"\1"),
    (re.compile(r"\b(\d+)\s?-?(h|hrs?|hours?)\b"), r"\1 hours"),
)


@dataclass(frozen=True)
class Language:
    """What is known of the language in which learners answer."""

    deny: frozenset[str]
    ends_denial: frozenset[str]
    denies_behind: frozenset[str]
    before_not: frozenset[str]
    small: frozenset[str]
    common: frozenset[str]
    empty: re.Pattern[str]
    """A sentence in which this is found says nothing."""
    phrases: tuple[tuple[re.Pattern[str], str], ...]
    spelling: tuple[tuple[str, str], ...]
    concepts: Mapping[str, str]
    flags: Mapping[str, Mapping[str, str]]
    """What an interviewer hears as a danger, by key: its wordings ("heard"), and words with which the same sentence is
    none: near and "before" it, as a denial is, or anywhere ("unless")."""
    unknowing: re.Pattern[str]
    """A sentence that is this from end to end says that its speaker does not know."""


@cache
def language(root: Path | None = None) -> Language:
    """Return what content/listening.toml below `root` (default: the course's) says; cached. Raises ContentError."""
    path = (root or course_root()) / "content" / "listening.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ContentError(f"{path}: {error}") from None
    replaced = {**table["numbers"], **table["phrases"]}
    return Language(
        deny=frozenset(table["deny"].split()), ends_denial=frozenset(table["ends_denial"].split()),
        denies_behind=frozenset(table["denies_behind"].split()), before_not=frozenset(table["before_not"].split()),
        small=frozenset(table["small"].split()), common=frozenset(table["common"].split()),
        empty=re.compile("|".join(f"(?:{each})" for each in (*table["hollow"], *table["hedges"]))),
        phrases=tuple((re.compile(rf"\b{re.escape(said)}\b"), meant) for said, meant in replaced.items()),
        spelling=tuple(table["spelling"].items()), concepts=table["concepts"], flags=table.get("flags", {}),
        unknowing=re.compile("|".join(f"(?:{each})" for each in table["unknowing"])),
    )  # fmt: skip


@cache
def _stemmer() -> Any:
    return import_module("snowballstemmer").stemmer("english")


@cache
def stem(word: str) -> str:
    """Return a word's stem: images, image."""
    return str(_stemmer().stemWord(word))


def sentences(text: str) -> list[str]:
    """Return an answer's sentences as they were written; a line and what a semicolon ends is one, too."""
    found: list[str] = []
    start = 0
    for cut in (*_CUT.finditer(text), None):
        end = cut.end() if cut else len(text)
        piece = text[start:end].strip().rstrip(";").strip()
        if re.search(r"\w", piece):
            found.append(piece)
        start = end
    return found


def normal(text: str, known: Language) -> str:
    """Return a text in one spelling: lower case, contractions opened, number words as digits, action names joined."""
    text = unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("`", "").lower()
    text = re.sub(r"\becr(-public)?:\*", " ecrstar ", text)
    text = re.sub(r"\becr(-public)?:", " ", text)
    for pattern, opened in _CONTRACTED:
        text = pattern.sub(opened, text)
    for pattern, meant in known.phrases:
        text = pattern.sub(meant, text)
    for said, meant in known.spelling:
        text = text.replace(said, meant)
    return text


def words(sentence: str, known: Language) -> list[str]:
    """Return the words of a sentence in one spelling, and the marks that end a clause; `*` is the word star."""
    text = re.sub(r"(?<![\w*])\*(?![\w*])", " star ", normal(sentence, known))
    return re.findall(r"[a-z0-9_]+(?:[-'][a-z0-9_]+)*|[,:=|()]", text.replace("/", " "))


def is_list(sentence: str, tokens: list[str], known: Language) -> bool:
    """Tell whether a sentence's words only stand beside each other: a word salad. A command is none."""
    said = [token for token in tokens if token not in MARKS]
    if len(said) < LISTED or "=" in tokens or "|" in tokens or _OPTION.search(sentence):
        return False
    return sum(word in known.small for word in said) / len(said) < FEWEST_SAID


def says_nothing(sentence: str, known: Language) -> bool:
    """Tell whether a sentence is a hedge ("needed or not") or hollow ("… are all important")."""
    return known.empty.search(normal(sentence, known)) is not None


def says_unknown(sentence: str, known: Language) -> bool:
    """Tell whether a sentence only says that its speaker does not know."""
    said = " ".join(token for token in words(sentence, known) if token not in MARKS)
    return known.unknowing.fullmatch(said) is not None
