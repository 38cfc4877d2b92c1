"""Which points of a question an answer makes, and with which of its sentences; and whether it is an answer at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from ecrlab_course.listening.language import (
    Language,
    is_list,
    language,
    says_nothing,
    says_unknown,
    sentences,
    stem,
    words,
)
from ecrlab_course.listening.wording import Ear, Rivals, Wordings, parse, unknown_concepts, words_of

DENSE = 6
"""Words a point: three points or more from a sentence that has fewer are read off a list."""
FEWEST_SAID = 4
"""Words of a sentence that says something."""

__all__ = ["Heard", "Wordings", "dangers", "flags", "hear", "is_said", "sentences", "told", "unknown_concepts"]


@dataclass(frozen=True)
class Heard:
    """What was heard of one point: `made` with these words of the answer, or words that speak against it; or neither.

    `listened` is False where the document has no wordings for the point: then nothing could be heard.
    """

    made: bool = False
    words: str = ""
    against: str = ""
    listened: bool = True


@dataclass(frozen=True)
class _Unit:
    """One sentence, or two neighbours: its words, and as it was written."""

    tokens: tuple[str, ...]
    text: str
    alone: bool


def hear(text: str, points: Mapping[str, Wordings], rivals: Rivals = ()) -> dict[str, Heard]:
    """Return for each point, by its key, what was heard of it in an answer.

    Precision and recall are measured (tests/listening): about half of what is said in new words is missed, so what was
    not heard may have been said.
    """
    known = language()
    ear = Ear(known, _no_typing_errors(tuple(points.values())), rivals)
    units = _units(text, known)
    found = {key: _heard(each, units, ear) for key, each in points.items()}
    return _without_lists(found, units)


@cache
def _no_typing_errors(points: Sequence[Wordings]) -> frozenset[str]:
    known = language()
    own = words_of((line for each in points for line in (*each.heard, *each.against)), known)
    return frozenset(own | known.small | known.common | {stem(word) for word in known.common})


def _units(text: str, known: Language) -> list[_Unit]:
    kept = [
        (tuple(tokens), each)
        for each in sentences(text)
        if not is_list(each, tokens := words(each, known), known) and not says_nothing(each, known)
    ]
    pairs = [
        _Unit((*one, ",", *other, ","), f"{first} {second}", False) for (one, first), (other, second) in pairwise(kept)
    ]
    return [*(_Unit((*tokens, ","), each, True) for tokens, each in kept), *pairs]


def _heard(wordings: Wordings, units: Sequence[_Unit], ear: Ear) -> Heard:
    if not wordings.heard:
        return Heard(listened=False)
    for line in wordings.against:
        terms = parse(line, ear.known)
        for unit in units:
            if unit.alone and ear.hears(terms, unit.tokens, ordered=True):
                return Heard(against=unit.text)
    for line in wordings.heard:
        terms = parse(line, ear.known)
        for unit in units:
            if ear.hears(terms, unit.tokens):
                return Heard(True, unit.text)
    return Heard()


def _without_lists(found: dict[str, Heard], units: Sequence[_Unit]) -> dict[str, Heard]:
    """Take back what was heard in a sentence that "makes" many points in few words."""
    for unit in units:
        keys = [key for key, each in found.items() if each.made and each.words == unit.text]
        said = sum(token[0].isalnum() for token in unit.tokens)
        joins = sum(token in ("and", "or", ",") for token in unit.tokens)
        if len(keys) >= 3 and said < DENSE * len(keys) + 2 and joins >= len(keys):
            found.update(dict.fromkeys(keys, Heard()))
    return found


def is_said(text: str) -> bool:
    """Tell whether an answer has a sentence: one of a few words that is neither a list of words nor hollow."""
    known = language()
    for each in sentences(text):
        tokens = words(each, known)
        said = {token for token in tokens if token[0].isalnum()}
        sound = len(said) >= FEWEST_SAID and bool(said & known.small) and not is_list(each, tokens, known)
        if sound and not says_nothing(each, known) and not says_unknown(each, known):
            return True
    return False


def told(text: str) -> str:
    """Return the sentences of an answer that say something: "I do not know" answers nothing, however long it is."""
    known = language()
    return "\n".join(each for each in sentences(text) if not says_unknown(each, known))


def flags(text: str) -> dict[str, str]:
    """Return what an interviewer would hear as a danger: its key in content/listening.toml, and the sentence.

    A question ("attach PowerUser?") raises none, nor does a denial.
    """
    found: dict[str, str] = {}
    for each in sentences(text):
        for key in dangers(each):
            found.setdefault(key, each)
    return found


def dangers(sentence: str) -> list[str]:
    """Return the keys of what an interviewer would hear as a danger in one sentence."""
    known = language()
    if sentence.endswith("?"):
        return []
    tokens = words(sentence, known)
    return [key for key, table in known.flags.items() if _is_danger(table, tokens, known)]


def _is_danger(table: Mapping[str, str], tokens: Sequence[str], known: Language) -> bool:
    before = frozenset(table.get("before", "").split())
    near = replace(known, deny=known.deny | before, ends_denial=known.ends_denial - before)
    return any(_ear(each, near).warns(parse(each, known), tokens) for each in _lines(table["heard"])) and not any(
        _ear(each, known).hears(parse(each, known), tokens) for each in _lines(table.get("unless", ""))
    )


def _lines(lines: str) -> list[str]:
    return [each.strip() for each in lines.split(" | ") if each.strip()]


def _ear(line: str, known: Language) -> Ear:
    return Ear(known, frozenset(words_of([line], known) | known.small | known.common))
