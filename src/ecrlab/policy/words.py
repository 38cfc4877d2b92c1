"""Words: for a set of patterns, one text for each way in which they can tell texts apart.

Patterns with wildcards split all texts into classes: two texts of one class are matched by the same patterns. `Words`
finds a member of every class that has one, so that whoever asks about these members has asked about all texts. It runs
all patterns at once as one automaton whose state is the bits of an integer, and looks only at letters that make a
difference.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ecrlab.policy.pattern import Style, Wild

Tokens = Sequence[str | Wild]
"""A pattern cut into literal text and wildcards, its variables replaced (`Pattern.resolve`)."""

MOST = 20_000
"""The most states that a search visits."""


class TooManyWords(Exception):  # noqa: N818 (an answer, not a failure)
    """The patterns split texts into more classes than a search visits."""


@dataclass(frozen=True)
class Shape:
    """What a word may look like: its letters, most readable first, and the steps of a small automaton from state 0.

    ``step`` returns the next state, or None where no word goes on with this letter; a word ends in one of ``ends``.
    """

    letters: str
    step: Callable[[int, str], int | None]
    ends: frozenset[int]

    def fits(self, word: str) -> bool:
        """Tell whether a text has this shape."""
        state: int | None = 0
        for letter in word:
            state = None if state is None or letter not in self.letters else self.step(state, letter)
        return state in self.ends


_ALNUM = string.ascii_lowercase + string.digits


def _name(state: int, letter: str) -> int | None:
    if letter in _ALNUM:
        return 1
    return 0 if state == 1 else None


def _entity(state: int, letter: str) -> int | None:
    if letter == "/":
        return 0 if state == 1 else None
    return 1


def _arn_rest(state: int, letter: str) -> int | None:
    if letter == ":":
        return min(state + 1, 3) if state != 2 else None
    return max(state, 3) if state >= 2 else state


NAME = Shape(_ALNUM + "-_./", _name, frozenset({1}))
"""A repository's name: parts of letters and digits with single separators (ECR's API, CreateRepository)."""
ENTITY = Shape(_ALNUM + string.ascii_uppercase + "-_./+=,@", _entity, frozenset({1}))
"""Path and name of a user, group, role or policy."""
ACCOUNT = Shape(string.digits[::-1], lambda state, letter: state + 1 if state < 12 else None, frozenset({12}))
"""The twelve digits of an account."""
ACTION = Shape(_ALNUM, lambda state, letter: 1, frozenset({1}))
"""An action's name behind its service, in lower case."""
ANY = Shape(
    _ALNUM + string.ascii_uppercase + " -_./:@=+,;!#$%&'()*<>?[]^`{|}~\\\"", lambda state, letter: 1, frozenset({1})
)
"""Any printable text but the empty one."""
ARN_REST = Shape(ANY.letters, _arn_rest, frozenset({3}))
"""What follows the service in an ARN: Region, account, and a resource."""


class Words:
    """All of some patterns as one automaton. A state is a set of places in them, as bits; `start` is the first one."""

    def __init__(self, patterns: Iterable[Tokens], style: Style) -> None:
        self.start = 0
        self.final: list[int] = []
        self._moves: dict[str, int] = {}
        self._ones = self._ones_in_part = self._stars = self._stars_in_part = 0
        place = 0
        for tokens in patterns:
            place = self._add(tokens, style, place)
        self._finals = sum(self.final)
        self.start |= (self.start & (self._stars | self._stars_in_part)) << 1

    def _add(self, tokens: Tokens, style: Style, place: int) -> int:
        """Append a pattern. Wildcards inside the first five parts of an ARN stop at a colon (`pattern._expression`)."""
        self.start |= 1 << place
        colons = 0
        pieces = [piece for piece in tokens if piece != ""]
        for index, piece in enumerate(pieces):
            in_part = style is Style.ARN and colons < 5
            if isinstance(piece, str):
                for letter in piece:
                    self._moves[letter] = self._moves.get(letter, 0) | 1 << place
                    colons += letter == ":"
                    place += 1
                continue
            if piece is Wild.ONE:
                if in_part:
                    self._ones_in_part |= 1 << place
                else:
                    self._ones |= 1 << place
            elif index + 1 < len(pieces) and pieces[index + 1] is Wild.MANY:
                continue
            elif in_part and index + 1 < len(pieces):
                self._stars_in_part |= 1 << place
            else:
                self._stars |= 1 << place
            place += 1
        self.final.append(1 << place)
        return place + 1

    def after(self, text: str, state: int | None = None) -> int:
        """Return the state after a text, from ``state`` or from the start."""
        found = self.start if state is None else state
        for letter in text:
            found = self._step(found, letter)
        return found

    def accepted(self, state: int) -> int:
        """Return which patterns match a text that ends in this state: the bits of `final`."""
        return state & self._finals

    def each(self, shape: Shape, state: int | None = None, preferred: Iterable[str] = ()) -> dict[int, str]:
        """Return one word for every set of patterns that words of a shape can be matched by, by `accepted`.

        Args:
            shape: what a word looks like.
            state: where the automaton stands before the word.
            preferred: words to take where they do; they are not checked against the shape.

        Raises:
            TooManyWords: when there are too many classes to look at.
        """
        first = self.start if state is None else state
        found: dict[int, str] = {}
        for word in preferred:
            found.setdefault(self.accepted(self.after(word, first)), word)
        for accepted, word in self._search(shape, first, self.accepted):
            if accepted not in found:
                found[accepted] = self._readable(word, shape, first, accepted)
        return found

    def states(self, shape: Shape, state: int, preferred: Iterable[str] = ()) -> dict[int, str]:
        """Return one word of a shape for every state that such words lead to."""
        found: dict[int, str] = {}
        for word in preferred:
            found.setdefault(self.after(word, state), word)
        for reached, word in self._search(shape, state, lambda end: end):
            found.setdefault(reached, word)
        return found

    def _search(self, shape: Shape, first: int, key: Callable[[int], int]) -> list[tuple[int, str]]:
        """Visit every reachable pair of states, shortest words first."""
        found: list[tuple[int, str]] = []
        known: set[int] = set()
        seen = {(first, 0)}
        queue = [(first, 0, "")]
        for state, place, word in queue:
            if place in shape.ends and key(state) not in known:
                known.add(key(state))
                found.append((key(state), word))
            for letter in self._letters(shape, state):
                following = shape.step(place, letter)
                if following is None:
                    continue
                pair = (self._step(state, letter), following)
                if pair not in seen:
                    if len(seen) >= MOST:
                        raise TooManyWords(f"these patterns split texts into more than {MOST} classes")
                    seen.add(pair)
                    queue.append((*pair, word + letter))
        return found

    def _letters(self, shape: Shape, state: int) -> list[str]:
        """The letters that make a difference in a state, and one that stands for all others."""
        live = [letter for letter, places in self._moves.items() if state & places and letter in shape.letters]
        other = next((letter for letter in shape.letters if letter not in live), None)
        # A colon ends a part of an ARN, and a shape may ask for one.
        colon = [":"] if ":" in shape.letters and ":" not in live and other != ":" else []
        return [*([other] if other is not None else []), *live, *colon]

    def _readable(self, word: str, shape: Shape, first: int, accepted: int) -> str:
        """The word with something to read where any letter does, when that is as good."""
        cuts = [place for place in range(len(word)) if word[place] == shape.letters[0]]
        trials = [word[:cut] + fill + word[cut + 1 :] for cut in reversed(cuts) for fill in ("-any"[cut == 0 :], "any")]
        for trial in (*trials, f"{word}-any"):
            if shape.fits(trial) and self.accepted(self.after(trial, first)) == accepted:
                return trial
        return word

    def _step(self, state: int, letter: str) -> int:
        ones, stars = self._ones, self._stars
        if letter != ":":
            ones |= self._ones_in_part
            stars |= self._stars_in_part
        moved = ((state & (self._moves.get(letter, 0) | ones)) << 1) | (state & stars)
        return moved | ((moved & (self._stars | self._stars_in_part)) << 1)
