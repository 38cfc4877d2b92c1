"""A document while it is read: a kind asks it for pieces; what is missing, unknown or left over becomes a fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ecrlab_course.documents.attempts import HINTS, Attempt, Hint
from ecrlab_course.documents.cause_words import cause_words
from ecrlab_course.documents.code import Code, fields_of, tries_of
from ecrlab_course.documents.misconceptions import MISCONCEPTIONS
from ecrlab_course.documents.option import Option
from ecrlab_course.documents.sections import DocumentError, Fault, Part, Sections, as_table, items, name_of
from ecrlab_course.documents.tries import Act, Sentence, acting, as_try, named
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.messages import FIELD, fill

OUTCOMES = {"Passed": Outcome.PASSED, "Untouched": Outcome.UNTOUCHED, "Not yet": Outcome.NOT_YET}
COMMON = ("kind", "objective", "at", "engine", "neighbour", "counts", "reset", "facts")
"""What the front matter of any exercise may hold; `facts` are the ids of the facts that it carries over."""


class Form(Protocol):
    """What the page asks of a kind."""

    fewest_accepts: int
    fewest_rejects: int
    answered: bool
    runs: bool


@dataclass(frozen=True)
class Said:
    """One verdict of a document."""

    name: str
    outcome: Outcome
    text: str
    misconception: str | None
    line: int


@dataclass(frozen=True)
class Judged:
    """What a kind with a judge gets: its fields of the same name, and how a verdict is reached."""

    seen: Callable[..., Any]
    judge: Callable[[Any], Verdict]
    hints: tuple[Hint, ...]
    accepts: tuple[Attempt, ...]
    rejects: tuple[Attempt, ...]
    leaves: tuple[Attempt, ...]
    goals: tuple[Any, ...] = ()
    own: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()

    @property
    def attempts(self) -> dict[str, Any]:
        """The attempts, and what is wanted of the learner's client, as an exercise takes them."""
        return {
            "accepts": self.accepts, "rejects": self.rejects, "leaves": self.leaves,
            "goals": self.goals, "own": self.own, "adds": self.adds,
        }  # fmt: skip


class Page:
    """One exercise's document. `checkpoints` are those of its lesson."""

    def __init__(self, identifier: str, sections: Sections, code: Code, checkpoints: Iterable[str]) -> None:
        self.id = identifier
        self.code = code
        self.path = sections.path
        self.faults = sections.faults
        self.intro = sections.intro
        self._checkpoints = tuple(checkpoints)
        self._front = sections.front
        self._lines = sections.lines
        self._parts = {part.title: part for part in sections.parts}
        self._asked: set[str] = set()
        self._code_asked = False
        self._sentences: dict[str, str] = {}

    def fault(self, line: int, words: str) -> None:
        """Note something wrong in the document."""
        self.faults.append(Fault(self.path, line, words))

    def code_fault(self, line: int, words: str) -> None:
        """Note something wrong in its Python."""
        self.faults.append(Fault(self.code.path, line, words))

    # Front matter ----------------------------------------------------------------------------------------------------

    def line(self, key: str) -> int:
        """Return the line of a key of the front matter."""
        return self._lines.get(key, 1)

    def word(self, key: str, wanted: bool = False) -> str:
        """Return a text of the front matter; "" when it is not there, which is a fault when it is `wanted`."""
        self._asked.add(f"front {key}")
        value = self._front.get(key, "")
        if wanted and not value:
            self.fault(1, f"front matter lacks {key!r}")
        if not isinstance(value, str):
            self.fault(self.line(key), f"{key}: one text is wanted")
            return ""
        return value

    def table(self, key: str, wanted: bool = False) -> dict[str, str]:
        """Return a table of the front matter."""
        self._asked.add(f"front {key}")
        value = self._front.get(key, {})
        found = dict(as_table(value))
        if (wanted and not found) or (value and not found):
            self.fault(self.line(key), f"front matter: {key} is a table, NAME: TEXT lines below it")
        return found

    def listed(self, key: str) -> tuple[str, ...]:
        """Return a list of the front matter; a single text counts as a list of one."""
        self._asked.add(f"front {key}")
        value = self._front.get(key, [])
        if isinstance(value, dict):
            self.fault(self.line(key), f"front matter: {key} is a list")
            return ()
        return (value,) if isinstance(value, str) else tuple(value)

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a yes or no of the front matter."""
        value = self.word(key)
        if value not in ("", "yes", "no"):
            self.fault(self.line(key), f"{key}: yes or no is wanted, not {value!r}")
        return default if not value else value == "yes"

    def number(self, key: str, default: int) -> int:
        """Return a number of the front matter."""
        value = self.word(key)
        if value and not value.isdecimal():
            self.fault(self.line(key), f"{key}: a number is wanted, not {value!r}")
            return default
        return int(value or default)

    def named_function(self, key: str, wanted: bool = False) -> Callable[..., Any] | None:
        """Return the function that a key of the front matter names, from eN.py or state.py."""
        name = self.word(key, wanted)
        found = self.code.function(name) if name else None
        if name and found is None:
            self.fault(self.line(key), f"{key}: neither {self.code.path.name} nor state.py has a function {name!r}")
        self._code_asked = self._code_asked or bool(name)
        return found

    def coded(self, name: str) -> Callable[..., Any]:
        """Return a function that eN.py has to declare."""
        self._code_asked = True
        found = self.code.get(name)
        if not callable(found):
            self.code_fault(1, f"declares no {name}" if self.code else f"is missing: this kind wants {name}")
            return lambda *_: None
        return found  # type: ignore[no-any-return]

    def optional(self, name: str) -> Any:
        """Return what eN.py may declare; None when it does not."""
        found = self.code.get(name)
        self._code_asked = self._code_asked or found is not None
        return found

    # Sections --------------------------------------------------------------------------------------------------------

    def section(self, title: str, wanted: bool = True) -> Part | None:
        """Return a section; None when it is not there, which is a fault when it is wanted."""
        self._asked.add(f"section {title}")
        found = self._parts.get(title)
        if found is None and wanted:
            self.fault(1, f"lacks the section # {title}")
        return found

    def text(self, title: str, wanted: bool = True) -> str:
        """Return the text of a section that has no parts."""
        part = self.section(title, wanted)
        if part is None:
            return ""
        if part.parts:
            self.fault(part.parts[0].line, f"# {title} has no parts (##)")
        if not part.text:
            self.fault(part.line, f"# {title} is empty")
        return part.text

    def parts(self, title: str, wanted: bool = True) -> tuple[Part, ...]:
        """Return the parts of a section that has no text of its own."""
        part = self.section(title, wanted)
        if part is None:
            return ()
        if part.text:
            self.fault(part.line, f"# {title} has parts (## name) and no text of its own")
        if wanted and not part.parts:
            self.fault(part.line, f"# {title} has no parts (## name)")
        for each in part.parts:
            if not each.text:
                self.fault(each.line, f"## {each.title} is empty")
        return part.parts

    def bullets(self, title: str, wanted: bool = True) -> list[str]:
        """Return the items of a section that is one list."""
        part = self.section(title, wanted)
        found = items(part.text) if part else []
        if part and not found:
            self.fault(part.line, f"# {title} is a list (- ...)")
        return found

    def misconception(self, part: Part) -> str | None:
        """Return the misconception that a heading names: `## name = misconception`."""
        named = part.title.partition(" = ")[2].strip()
        if named and named not in MISCONCEPTIONS:
            self.fault(part.line, f"no misconception is called {named!r}; the list is documents/misconceptions.py")
            return None
        return named or None

    @staticmethod
    def place(part: Part) -> str:
        """Return the place that a heading names: `## name → place`."""
        found = re.search(r" (?:→|->) (.*?)(?: = .*)?$", part.title)
        return found[1].strip() if found else ""

    def prompt(self) -> str:
        """Return the text before the first section."""
        if not self.intro:
            self.fault(1, "has no prompt: text between the front matter and the first section")
        return self.intro

    def options(self) -> tuple[Option, ...]:
        """Return the parts of # Options: `## key = misconception`, the text, and as a quote what is said."""
        found = []
        for part in self.parts("Options"):
            if not part.own:
                self.fault(part.line, f"## {part.title}: the option has no text above its quote")
            found.append(Option(name_of(part.title), part.own, part.quoted, self.misconception(part)))
        return tuple(found)

    def right_option(self, options: tuple[Option, ...]) -> str:
        """Return the key of the right option (`right:`): each other one has a misconception and is answered."""
        right = self.word("right", wanted=True)
        keys = [option.key for option in options]
        if right and right not in keys:
            self.fault(self.line("right"), f"right: no option is called {right!r}; there are: {', '.join(keys)}")
        lines = {name_of(part.title): part.line for part in self.parts("Options", wanted=False)}
        for option in options:
            if option.key != right and not (option.misconception and option.feedback):
                words = "a wrong option shows a misconception (## key = name), and a quote answers it (> ...)"
                self.fault(lines[option.key], f"## {option.key}: {words}")
        return right

    def worlds(self, options: tuple[Option, ...]) -> list[tuple[str, Act]]:
        """Return what can happen after a prediction, each with the option that it shows (`try:`, and TRIES)."""
        act, shown = (
            self.named_function("try", wanted=not self.code),
            [each for each in options if not each.misconception],
        )
        if act and len(shown) != 1:
            words = (
                f"{len(shown)} options have no misconception; the one that `try:` shows has none, and all others one"
            )
            self.fault(self.line("try"), words)
        found: list[tuple[str, Act]] = [(shown[0].key, act)] if act and shown else []
        for key, tries in (self.optional("TRIES") or {}).items():
            if key not in {option.key for option in options}:
                self.code_fault(self.code.line("TRIES"), f"TRIES has {key!r}, and {self.path.name} has no such option")
            acts = [acting(as_try(each, answered=False).do) for each in tries]
            found += [(key, each) for each in acts if each is not None]
        return found

    # What every exercise has -----------------------------------------------------------------------------------------

    def common(self, prompt: bool = True, counts: bool = True) -> dict[str, Any]:
        """Return the fields that every exercise has, but for its hints and attempts."""
        at = self.word("at")
        if at and at not in self._checkpoints:
            self.fault(
                self.line("at"), f"at: the lesson has no checkpoint {at!r}; it has {', '.join(self._checkpoints)}"
            )
        reset = self.named_function("reset") or self.optional("reset")
        self.listed("facts")
        return {
            "id": self.id,
            "prompt": self.prompt() if prompt else self.intro,
            "objective": self.word("objective", wanted=True),
            "solution": self.text("Solution", wanted=prompt),
            "at": at,
            "engine": self.flag("engine"),
            "counts": self.flag("counts", counts),
            "neighbour": self.word("neighbour"),
            "reset": reset,
        }

    def hints(
        self, fields: Iterable[str] = (), seen: Callable[[Any], Any] = dict, wanted: bool = True
    ) -> tuple[Hint, ...]:
        """Return the three hints. A gap is filled with what `seen` makes of the hints' state."""
        part = self.section("Hints", wanted)
        if part is None:
            return ()
        found = items(part.text)
        if len(found) != HINTS:
            self.fault(part.line, f"# Hints has {len(found)} hints; three are wanted: look, point, nearly (1. 2. 3.)")
        for hint in found:
            self._check_gaps(part.line, hint, set(fields))
        return tuple(hint if not FIELD.search(hint) else self._filled(hint, seen) for hint in found)

    def _filled(self, text: str, seen: Callable[[Any], Any]) -> Callable[[Any], str]:
        return lambda state: self.told(text, seen(state))

    def _check_gaps(self, line: int, text: str, fields: set[str]) -> None:
        for name in FIELD.findall(text):
            if name not in fields:
                known = ", ".join(sorted(fields)) or "none"
                self.fault(line, f"{{{name}}} is nothing that was seen; there are: {known}")

    def told(self, text: str, seen: Any) -> str:
        """Return a text of the document with its gaps filled from what was seen, sentences included."""
        values = {}
        for name in FIELD.findall(text):
            value = seen[name] if isinstance(seen, Mapping) else getattr(seen, name)
            values[name] = self.told(self._sentences[value], seen) if isinstance(value, Sentence) else value
        # A sentence that is not said leaves no blank at a line's end.
        return re.sub(r" +$", "", fill(text, values), flags=re.MULTILINE)

    # Verdicts --------------------------------------------------------------------------------------------------------

    def verdicts(self, runs: bool) -> dict[str, Said]:
        """Return the verdicts of # Passed, # Untouched and # Not yet by name.

        `runs`: the answer runs; what is said before it did is the card's.
        """
        found: dict[str, Said] = {}
        for title, outcome in OUTCOMES.items():
            section = self.section(title, wanted=not (runs and outcome is Outcome.UNTOUCHED))
            if section is None:
                continue
            if outcome is Outcome.NOT_YET:
                self.parts(title)
            else:
                if not section.text:
                    self.fault(section.line, f"# {title} is empty")
                name = title.lower()
                found[name] = Said(name, outcome, section.text, None, section.line)
            for part in section.parts:
                self._verdict(found, section, part, outcome)
        return found

    def _verdict(self, found: dict[str, Said], section: Part, part: Part, outcome: Outcome) -> None:
        name, misconception = name_of(part.title), self.misconception(part)
        if name in found:
            self.fault(part.line, f"a verdict {name!r} stands already in line {found[name].line}")
        if outcome is Outcome.NOT_YET and " = " not in part.title:
            self.fault(part.line, f"## {name}: the misconception that it shows is missing (## {name} = ...)")
        if outcome is not Outcome.NOT_YET and misconception:
            self.fault(part.line, f"## {name}: only what is not yet right shows a misconception")
        # A remark on a right answer follows what is said of every right answer.
        text = f"{section.text}\n\n{part.text}" if outcome is Outcome.PASSED else part.text
        found[name] = Said(name, outcome, text, misconception, part.line)

    def judged(self, kind: Form, seen_of: Callable[[type], Callable[[Any], Any]]) -> Judged:
        """Return what a kind with a judge is made of: class Seen, judge(seen), TRIES and the verdicts.

        `seen_of` makes, of class Seen, the function that turns the hints' state into what was seen.
        """
        said = self.verdicts(kind.runs)
        seen, judge = self.coded("Seen"), self.coded("judge")
        fields = fields_of(seen) if isinstance(seen, type) else set()
        self._read_sentences(fields)
        for verdict in said.values():
            self._check_gaps(verdict.line, verdict.text, fields)
        hints = self.hints(fields, seen_of(seen) if isinstance(seen, type) else lambda state: state)
        if self.code:
            self._check_judge(said)
        tries = self._tries(kind, said)

        def decide(what: Any) -> Verdict:
            found = said[judge(what)]
            return Verdict(found.outcome, self.told(found.text, what), found.misconception, found.name)

        own, adds = self._own(said, "own"), self._own(said, "adds")
        return Judged(
            seen, decide, hints, tries[Outcome.PASSED], tries[Outcome.NOT_YET], tries[Outcome.UNTOUCHED],
            tuple(self.code.get("GOALS", ())), own, adds,
        )  # fmt: skip

    def _own(self, said: Mapping[str, Said], key: str) -> tuple[str, ...]:
        """Return the verdicts that a list of the front matter names: `own` or `adds`, about causes."""
        names = self.listed(key)
        for name in names:
            if name not in said or said[name].outcome is Outcome.PASSED:
                self.fault(self.line(key), f"{key}: no verdict that is not a right one is called {name!r}")
        if names and not self.code.get("GOALS"):
            self.fault(self.line(key), f"{key}: without GOALS in {self.code.path.name} no cause is looked for")
        return names

    def _read_sentences(self, fields: set[str]) -> None:
        self._sentences.clear()
        used = self.code.sentences()
        part = self.section("Sentences", wanted=False)
        for item in self.bullets("Sentences", wanted=False) if part else ():
            name, _, text = item.partition(": ")
            self._sentences[name] = text
            self._check_gaps(part.line if part else 1, text, fields)
            if name not in used:
                self.fault(part.line if part else 1, f"{self.code.path.name} has no Sentence({name!r})")
        for name, line in used.items():
            if name not in self._sentences:
                self.code_fault(line, f"Sentence({name!r}): {self.path.name} has none of that name in # Sentences")

    def _check_judge(self, said: Mapping[str, Said]) -> None:
        returned = self.code.returned(self.faults)
        for name, line in returned.items():
            if name not in said:
                self.code_fault(line, f"judge returns {name!r}, and {self.path.name} has no verdict of that name")
        for verdict in said.values():
            if verdict.name not in returned:
                self.fault(verdict.line, f"{verdict.name!r} is a verdict that judge never returns")

    def _tries(self, kind: Form, said: Mapping[str, Said]) -> dict[Outcome, tuple[Attempt, ...]]:
        tries, line = tries_of(self.code), self.code.line("TRIES")
        found: dict[Outcome, list[Attempt]] = {outcome: [] for outcome in OUTCOMES.values()}
        causes = self._causes(said)
        for name in tries:
            if name not in said and name not in causes:
                self.code_fault(line, f"TRIES has {name!r}, and {self.path.name} has no verdict of that name")
        for verdict in (*said.values(), *(cause for name, cause in causes.items() if name in tries)):
            attempts = list(self._attempts(kind, verdict, tries.get(verdict.name, ())))
            # Nothing done is the one try of `untouched` that needs no words.
            if not attempts and verdict.name != "untouched" and self.code:
                self.fault(verdict.line, f"{verdict.name!r} is a verdict that no try reaches (TRIES)")
            found[verdict.outcome] += attempts
        for outcome, fewest, words in (
            (Outcome.PASSED, kind.fewest_accepts, "must pass"),
            (Outcome.NOT_YET, kind.fewest_rejects, "must not pass"),
        ):
            if len(found[outcome]) < fewest and self.code:
                self.code_fault(line, f"TRIES has {len(found[outcome])} that {words}; the form asks for {fewest}")
        return {outcome: tuple(attempts) for outcome, attempts in found.items()}

    def _causes(self, said: Mapping[str, Said]) -> dict[str, Said]:
        """Return what may be said in place of a verdict: the causes, where the exercise has GOALS."""
        if not self.code.get("GOALS"):
            return {}
        for name in said:
            if name in cause_words():
                self.fault(said[name].line, f"{name!r} is the name of a cause (content/causes.md)")
        return {
            name: Said(name, Outcome.NOT_YET, cause.text, cause.misconception, 1)
            for name, cause in cause_words().items()
        }

    def _attempts(self, kind: Form, verdict: Said, tries: Iterable[Any]) -> Iterator[Attempt]:
        before = self.code.get("BEFORE")
        for name, value in named(verdict.name, tries):
            made = as_try(value, kind.answered)
            yield Attempt(
                name,
                do=acting(before, made.do),
                answer=made.answer,
                confidence=made.confidence,
                misconception=verdict.misconception,
                verdict=verdict.name,
                said=verdict.text,
                first=made.first,
                seed=made.seed,
            )

    # The end ---------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Raise DocumentError with everything that is wrong, what nobody asked for included."""
        for key in self._front:
            if f"front {key}" not in self._asked:
                known = sorted(each.removeprefix("front ") for each in self._asked if each.startswith("front "))
                self.fault(self.line(key), f"front matter: {key!r} is unknown here; there are: {', '.join(known)}")
        for title, part in self._parts.items():
            if f"section {title}" not in self._asked:
                known = sorted(each.removeprefix("section ") for each in self._asked if each.startswith("section "))
                self.fault(part.line, f"# {title} is unknown here; there are: {', '.join(known)}")
        if self.code and not self._code_asked:
            self.code_fault(1, "is not asked for: this kind needs no Python")
        if self.faults:
            raise DocumentError("\n".join(str(fault) for fault in sorted(set(self.faults), key=_order)))


def _order(fault: Fault) -> tuple[str, int]:
    return fault.path.name, fault.line
