"""A wording by which a key point is heard, as its document writes it, and whether a sentence has it.

A wording is terms joined by " + ", each with alternatives (" / "); all are in one sentence, or in two neighbours. An
alternative of several words stands in this order, with at most two words between. `@name` is a concept of
content/listening.toml. The first of several terms is the subject and may be denied; the others may not, and
`not x` wants the denial. Rules and figures: docs/listening.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz.distance import DamerauLevenshtein

from ecrlab_course.listening.language import MARKS, Language, language, stem, words

BETWEEN = 2
"""So many words may be between those of a phrase."""
BEFORE, BEHIND = 5, 2
"""How many words before and behind a term a denial is looked for."""
SHORT, LONG = 5, 9
"""Letters from which on one typing error is forgiven, and two."""

_LINE = re.compile(r"^- (heard|against): (.+(?:\n  .+)*)$", re.MULTILINE)
Place = tuple[int, int]
"""First and last of the words that stand for a term."""
Rivals = Sequence[tuple[str, ...]]
"""Names of two things that a question is about: image | container."""


@dataclass(frozen=True)
class Wordings:
    """The wordings of a point: those it is heard by, and those that speak against it."""

    heard: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Phrase:
    denied: bool
    words: tuple[str, ...]


Terms = tuple[tuple[_Phrase, ...], ...]


def split_wordings(text: str) -> tuple[str, Wordings]:
    """Return a point's text without its `- heard:` and `- against:` lines, and those; wordings are parted by " | "."""
    found: dict[str, list[str]] = {"heard": [], "against": []}
    for line in _LINE.finditer(text):
        found[line[1]] += [" ".join(each.split()) for each in re.split(r"\s\|\s", line[2])]
    return _LINE.sub("", text).strip(), Wordings(tuple(found["heard"]), tuple(found["against"]))


def unknown_concepts(wordings: Wordings, known: Language) -> list[str]:
    """Return the concepts that the wordings name and content/listening.toml does not have."""
    named = {name for each in (*wordings.heard, *wordings.against) for name in re.findall(r"@(\w+)", each)}
    return sorted(named - set(known.concepts))


def parse(wording: str, known: Language) -> Terms:
    """Return a wording's terms, its concepts filled in, in the spelling in which answers are taken."""
    return _parse(wording, tuple(known.concepts.items()))


@cache
def _parse(wording: str, concepts: tuple[tuple[str, str], ...]) -> Terms:
    meanings = dict(concepts)
    return tuple(
        tuple(phrase for each in re.split(r"\s/\s", part) for phrase in _phrases(each.split(), meanings))
        for part in re.split(r"\s\+\s", wording)
    )


def _phrases(said: Sequence[str], meanings: Mapping[str, str]) -> Iterator[_Phrase]:
    """Yield a phrase for each of its concepts' meanings: `@shared kernel` is share kernel, same kernel, …"""
    at = next((number for number, word in enumerate(said) if word.startswith("@")), None)
    if at is None:
        denied = len(said) > 1 and said[0] == "not"
        tokens = words(" ".join(said[1:] if denied else said), language())
        if tokens:
            yield _Phrase(denied, tuple(tokens))
        return
    for each in meanings[said[at][1:]].split(" / "):
        yield from _phrases([*said[:at], *each.split(), *said[at + 1 :]], meanings)


def words_of(wordings: Iterable[str], known: Language) -> set[str]:
    """Return every word of the wordings, and their stems: none of them is another one with a typing error."""
    found = {word for each in wordings for term in parse(each, known) for phrase in term for word in phrase.words}
    return found | {stem(word) for word in found}


@dataclass(frozen=True)
class Ear:
    """What it takes to hear a wording: the language, the words that cannot be typing errors, the question's rivals."""

    known: Language
    words: frozenset[str]
    rivals: Rivals = ()

    def hears(self, terms: Terms, tokens: Sequence[str], ordered: bool = False) -> bool:
        """Tell whether a sentence's words have a wording; `ordered`: the other terms stand behind the first."""
        found = [list(self._found(term, tokens, first and len(terms) > 1)) for first, term in _numbered(terms)]
        if not all(found):
            return False
        subject, rest = found[0], found[1:]
        return all(
            any(
                (not ordered or place[0] > at[1]) and not self._rival_between(tokens, at, place)
                for at in subject
                for place in places
            )
            for places in rest
        )

    def warns(self, terms: Terms, tokens: Sequence[str]) -> bool:
        """Tell whether a sentence's words have a wording of which no term is denied."""
        return all(any(self._found(term, tokens, False)) for term in terms)

    def _found(self, term: Sequence[_Phrase], tokens: Sequence[str], subject: bool) -> Iterator[Place]:
        for phrase in term:
            for place in self._places(phrase.words, tokens):
                if (subject and not phrase.denied) or self._denied(tokens, *place) == phrase.denied:
                    yield place

    def _places(self, wanted: Sequence[str], tokens: Sequence[str]) -> Iterator[Place]:
        for start, token in enumerate(tokens):
            if not self._same(token, wanted[0]):
                continue
            at: int | None = start
            for word in wanted[1:]:
                assert at is not None
                reach = range(at + 1, min(at + BETWEEN + 2, len(tokens)))
                at = next((each for each in reach if self._same(tokens[each], word)), None)
                if at is None:
                    break
            if at is not None:
                yield start, at

    def _same(self, have: str, want: str) -> bool:
        if have == want or stem(have) == stem(want):
            return True
        if len(want) < SHORT or have[0] != want[0] or have in self.words or stem(have) in self.words:
            return False
        limit = 1 if len(want) < LONG else 2
        return DamerauLevenshtein.distance(have, want, score_cutoff=limit) <= limit

    def _denied(self, tokens: Sequence[str], first: int, last: int) -> bool:
        """Tell whether a denial governs these words, or stands among them."""
        known = self.known
        if any(token in known.deny for token in tokens[first + 1 : last]):
            return True
        for token in reversed(tokens[max(0, first - BEFORE) : first]):
            if token in MARKS or token in known.ends_denial:
                break
            if token in known.deny:
                return True
        for at in range(last + 1, min(len(tokens), last + BEHIND + 1)):
            token = tokens[at]
            if token in MARKS or token in known.ends_denial:
                break
            if token in known.denies_behind or (token == "not" and tokens[at - 1] in known.before_not):
                return True
        return False

    def _rival_between(self, tokens: Sequence[str], at: Place, place: Place) -> bool:
        """Tell whether the subject's rival stands between it and the predicate, or is joined to it by *and*."""
        said = tokens[at[0] : at[1] + 1]
        low, high = (at[1] + 1, place[0]) if at[1] < place[0] else (place[1] + 1, at[0])
        for pair in self.rivals:
            mine = {name for name in pair if any(self._places(name.split(), said))}
            for rival in pair if mine else ():
                if rival in mine:
                    continue
                names = rival.split()
                near = tokens[at[1] + 1 : at[1] + 3 + len(names)]
                if near[:1] and near[0] in ("and", "or") and any(i <= 2 for i, _ in self._places(names, near)):
                    return True
                before = tokens[max(0, at[0] - len(names) - 2) : at[0]]
                if {"and", "or"} & set(before[-2:]) and any(self._places(names, before)):
                    return True
                places = [start for start, _ in self._places(names, tokens)]
                if any(low <= start < high for start in places) or _is_of_another(tokens, at, place, places):
                    return True
        return False


def _is_of_another(tokens: Sequence[str], at: Place, place: Place, rivals: Sequence[int]) -> bool:
    """Tell whether what stands before the subject belongs to a rival still further ahead: a mark ends its clause.

    "Namespaces limit memory, and cgroups …" says nothing of cgroups; "Namespaces are a view, memory is limited by
    cgroups" does.
    """
    ends = any(token in MARKS for token in tokens[place[1] + 1 : at[0]])
    return ends and any(start < place[0] for start in rivals)


def _numbered(terms: Terms) -> Iterator[tuple[bool, Sequence[_Phrase]]]:
    return ((number == 0, term) for number, term in enumerate(terms))
