"""An incident: a symptom, its causes, and what closes it; read from its documents.

In content/incidents, `iNN.md` holds every word that a learner reads, `iNN.py` how each cause is seeded, how it is
fixed, and what is not a fix. A false alarm is `fN.md` and `fN.py`: a true observation of something that is right.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from ecrlab.home import PROFILES
from ecrlab_course.authoring.document import documents
from ecrlab_course.checkout import course_root
from ecrlab_course.desk.town import Door, Open, Ran, Town
from ecrlab_course.documents.code import Code, module_of, package_of
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.sections import DocumentError, Part, items, name_of, parse
from ecrlab_course.messages import FIELD

DESKS = ("first", "second", "third")
DRAWERS = ("robot-login", "robot-permissions", "ops-permissions", "neighbour", "contents", "ireland", "hub", "delivery")
"""What an incident is about: the tickets of one night shift come from three of them."""
SEEDS = (0, 1)
"""The two ways in which the evidence of a cause differs."""
NONE = "none"
"""The choice *nothing is wrong*, and the one cause of a false alarm."""
GENERAL = ("still", "wider", "lost", "things", "guard", "clock", "limits", "secret")
"""The verdicts that any incident may get; their words are in content/messages.toml, [desk]."""
LINES = ("Seen", "Since", "Why", "Changed", "Next time")
"""The five lines of a postmortem."""
LOOKS = (
    "job", "login", "left-half", "xray", "identity", "can", "policy", "repository-policy", "trail", "registry",
    "regions", "keys", "clock", "hub",
)  # fmt: skip
"""What can be looked at; `looks.py` finds which were."""
_LOOKS_OF: Mapping[str, tuple[str, ...]] = {
    "robot-login": ("job", "login", "xray", "trail"),
    "robot-permissions": ("job", "xray", "can", "policy"),
    "ops-permissions": ("job", "xray", "can", "policy"),
    "neighbour": ("xray", "repository-policy", "can"),
    "contents": ("job", "registry", "trail"),
    "ireland": ("job", "registry", "regions"),
    "hub": ("job", "xray", "login"),
    "delivery": ("job", "registry", "trail"),
}
FEWEST_CAUSES, FEWEST_WRONG, DECIDING = 3, 2, 2
_LEAD = re.compile(r"\*\*(Tell|Fix|Postmortem|Seen|Since|Why|Changed|Next time)[.:]?\*\*[.:]?")

Act: TypeAlias = Callable[[Town], object]
Rule: TypeAlias = Callable[[Town, Door], bool]


@dataclass(frozen=True)
class Cause:
    """One cause: the option's text, and what is said once the ticket is closed (markdown)."""

    key: str
    text: str
    tell: str
    fix: str
    postmortem: Mapping[str, str]
    """The five lines, by LINES."""


@dataclass(frozen=True)
class Wrong:
    """What is done that does not fix it, and the verdict that it must get: one of GENERAL, or a part of # Open."""

    name: str
    do: Act
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One incident, or one false alarm."""

    id: str
    title: str
    desks: tuple[str, ...]
    """The desks that deal it; none for a false alarm, which night shifts deal."""
    early: tuple[str, ...]
    """The causes that the first of its desks deals; empty: all."""
    caller: str
    reporter: str
    time: str
    command: str
    shows: str
    drawer: str
    neighbour: tuple[str, str]
    """A cause of another incident that is among the choices: its key and that incident's number; ("", "") for none."""
    looks: tuple[str, ...]
    ticket: str
    causes: tuple[Cause, ...]
    hints: tuple[str, str]
    open_texts: Mapping[str, str]
    fixed: str
    engine: bool
    before: Act
    seeds: Mapping[str, Act]
    symptom: Callable[[Town, Ran], bool]
    closed: Callable[[Town, str], Iterable[Open]]
    underway: Callable[[Town, str], Iterable[Open]]
    """What was done and takes time: said in place of *still fails*."""
    may: Rule
    must_go: Rule
    may_lose: Rule
    guards: Callable[[Town, str], Iterable[Door]]
    gone: Callable[[Town], Iterable[tuple[str, str | None]]]
    fixes: Mapping[str, Act]
    wrong: Mapping[str, tuple[Wrong, ...]]

    @property
    def is_alarm(self) -> bool:
        """Whether nothing is wrong."""
        return self.id.startswith("f")

    @property
    def number(self) -> str:
        """The number as people say it: 7, and f2 for a false alarm."""
        return self.id if self.is_alarm else str(int(self.id[1:]))

    def cause(self, key: str) -> Cause:
        """Return the cause of that key; raise KeyError when there is none."""
        return {cause.key: cause for cause in self.causes}[key]

    @classmethod
    def read(cls, page: Page) -> Incident:
        """Read a document; what is wrong becomes a fault of the page."""
        alarm = page.id.startswith("f")
        causes = tuple(_cause(page, part, alarm) for part in page.parts("Causes"))
        page.listed("facts")
        hints = _hints(page)
        drawer = page.word("drawer", wanted=True)
        made = cls(
            id=page.id, title=page.word("title", wanted=True), desks=page.listed("desk"), early=page.listed("early"),
            caller=page.word("caller", wanted=True), reporter=page.word("reporter", wanted=True),
            time=page.word("time", wanted=True), command=page.word("command", wanted=True), shows=page.word("shows"),
            drawer=drawer, neighbour=_neighbour(page), looks=page.listed("looks") or _LOOKS_OF.get(drawer, ()),
            ticket=page.prompt(),
            causes=(*causes, _nothing(page)) if alarm else causes,
            hints=hints, open_texts={name_of(part.title): part.text for part in page.parts("Open", wanted=False)},
            fixed=page.text("Fixed"), engine=page.word("needs") == "engine",
            before=_optional(page, "before", lambda town: None), seeds=_table(page, "SEEDS"),
            symptom=_optional(page, "symptom", None), closed=_optional(page, "closed", lambda town, cause: ()),
            underway=_optional(page, "underway", lambda town, cause: ()),
            may=_rule(page, "may"), must_go=_rule(page, "must_go"), may_lose=_rule(page, "may_lose"),
            guards=_optional(page, "guards", lambda town, cause: ()), gone=_optional(page, "gone", lambda town: ()),
            fixes=_table(page, "FIXES", wanted=not alarm), wrong=_wrong(page),
        )  # fmt: skip
        made._check(page)
        if made.symptom is None:
            object.__setattr__(made, "symptom", _shows(made))
        return made

    # Refusals ---------------------------------------------------------------------------------------------------------

    def _check(self, page: Page) -> None:
        """Add the faults that concern an incident alone."""
        for key, value, known in (("caller", self.caller, PROFILES), ("drawer", self.drawer, DRAWERS)):
            if value and value not in known:
                page.fault(page.line(key), f"{key}: one of {', '.join(known)} is wanted, not {value!r}")
        for desk in self.desks:
            if desk not in DESKS:
                page.fault(page.line("desk"), f"desk: one of {', '.join(DESKS)} is wanted, not {desk!r}")
        if self.is_alarm and self.desks:
            page.fault(page.line("desk"), "desk: a false alarm is dealt by night shifts alone")
        if not self.is_alarm and not self.desks:
            page.fault(1, "front matter lacks 'desk'")
        for look in self.looks:
            if look not in LOOKS:
                page.fault(page.line("looks"), f"looks: nothing is called {look!r}; there are: {', '.join(LOOKS)}")
        if self.time and not re.fullmatch(r"\d\d:\d\d", self.time):
            page.fault(page.line("time"), f"time: hours and minutes are wanted, 03:12, not {self.time!r}")
        if not self.shows and self.symptom is None and not self.is_alarm:
            page.fault(1, f"front matter lacks 'shows', and {page.code.path.name} declares no symptom")
        if not self.is_alarm and len(self.causes) < FEWEST_CAUSES:
            line = self._line(page, "Causes")
            page.fault(line, f"# Causes has {len(self.causes)} causes; {FEWEST_CAUSES} or more are wanted")
        for key in self.early:
            if key not in self.keys:
                page.fault(page.line("early"), f"early: no cause is called {key!r}")
        if page.code:
            self._check_code(page)

    @property
    def keys(self) -> tuple[str, ...]:
        """The causes that may be seeded: all, and of a false alarm NONE alone."""
        return (NONE,) if self.is_alarm else tuple(cause.key for cause in self.causes)

    @staticmethod
    def _line(page: Page, title: str) -> int:
        part = page.section(title, wanted=False)
        return part.line if part else 1

    def _check_code(self, page: Page) -> None:
        for name, table in (("SEEDS", self.seeds), ("FIXES", self.fixes), ("WRONG", self.wrong)):
            if name == "FIXES" and self.is_alarm:
                continue
            line = page.code.line(name)
            for key in self.keys:
                if key not in table:
                    page.code_fault(line, f"{name} lacks the cause {key!r} of {page.path.name}")
            for key in table:
                if key not in self.keys:
                    page.code_fault(line, f"{name} has {key!r}, and {page.path.name} has no such cause")
        line = page.code.line("WRONG")
        reached = set()
        for key, wrongs in self.wrong.items():
            if len(wrongs) < FEWEST_WRONG:
                page.code_fault(line, f"WRONG has {len(wrongs)} for {key!r}; {FEWEST_WRONG} or more are wanted")
            for each in wrongs:
                reached.add(each.verdict)
                if each.verdict not in GENERAL and each.verdict not in self.open_texts:
                    words = f"{each.name!r} names the verdict {each.verdict!r}, and # Open has no such part"
                    page.code_fault(line, f"WRONG: {words}; the general ones are: {', '.join(GENERAL)}")
        lines = {name_of(part.title): part.line for part in page.parts("Open", wanted=False)}
        said = _opens(page.code.path)
        for name, (at, gaps) in said.items():
            if name not in self.open_texts:
                page.code_fault(at, f"Open({name!r}): {page.path.name} has no part of that name in # Open")
                continue
            for gap in FIELD.findall(self.open_texts[name]):
                if gap not in gaps and gap not in ("release", "running"):
                    page.fault(lines[name], f"{{{gap}}}: Open({name!r}) in {page.code.path.name} does not give it")
        for name, at in lines.items():
            if name not in said:
                page.fault(at, f"## {name}: {page.code.path.name} has no Open({name!r})")
            if name not in reached:
                page.fault(at, f"## {name} is a verdict that no wrong fix reaches (WRONG)")


def _cause(page: Page, part: Part, alarm: bool) -> Cause:
    """Read one part of # Causes: the option's text, and as a quote what is said after the close."""
    if not part.own:
        page.fault(part.line, f"## {part.title}: the cause has no text above its quote")
    said = _led(part.quoted)
    wanted = () if alarm else ("Tell", "Fix", *LINES)
    for name in wanted:
        if not said.get(name):
            page.fault(part.line, f"## {part.title}: its quote lacks **{name}.**")
    tell = said.get("Tell", "") or (part.quoted if alarm else "")
    return Cause(part.title, part.own, tell, said.get("Fix", ""), {name: said.get(name, "") for name in LINES})


def _nothing(page: Page) -> Cause:
    """Read # Nothing of a false alarm: why nothing is wrong, and as a quote the postmortem."""
    part = page.section("Nothing")
    said = _led(part.quoted) if part else {}
    for name in LINES:
        if part and not said.get(name):
            page.fault(part.line, f"# Nothing: its quote lacks **{name}.**")
    return Cause(NONE, "", part.own if part else "", "", {name: said.get(name, "") for name in LINES})


def _led(text: str) -> dict[str, str]:
    """Return what follows each bold lead word."""
    pieces = _LEAD.split(text)
    return {
        name: re.sub(r"(?:^|\n)[-*]\s*$", "", body.strip()).strip()
        for name, body in zip(pieces[1::2], pieces[2::2], strict=True)
    }


def _hints(page: Page) -> tuple[str, str]:
    part = page.section("Hints")
    found = items(part.text) if part else []
    if part and len(found) != DECIDING:
        words = f"# Hints has {len(found)} hints; two are wanted (2. which difference decides, 3. nearly)"
        page.fault(part.line, words)
    first, second = (*found, "", "")[:2]
    return first, second


def _neighbour(page: Page) -> tuple[str, str]:
    """Read `neighbour: b of 17`."""
    word = page.word("neighbour")
    if not word:
        return "", ""
    found = re.fullmatch(r"([a-z]) of (\d{1,2})", word)
    if not found:
        page.fault(page.line("neighbour"), f"neighbour: a cause of another incident is wanted, b of 17, not {word!r}")
        return "", ""
    return found[1], found[2]


def _optional(page: Page, name: str, default: Any) -> Any:
    found = page.optional(name)
    return default if found is None else found


def _table(page: Page, name: str, wanted: bool = True) -> dict[str, Act]:
    found = page.optional(name)
    if found is None and wanted:
        page.code_fault(1, f"declares no {name}" if page.code else f"is missing: an incident wants {name}")
    return dict(found) if isinstance(found, Mapping) else {}


def _wrong(page: Page) -> dict[str, tuple[Wrong, ...]]:
    """Read WRONG: {cause: {name: (what is done, the verdict)}}."""
    found = {}
    tables: Mapping[str, Any] = _table(page, "WRONG")
    for key, tries in tables.items():
        wrongs: list[Wrong] = []
        for name, value in tries.items() if isinstance(tries, Mapping) else ():
            if not (isinstance(value, tuple) and len(value) == 2 and callable(value[0])):
                page.code_fault(page.code.line("WRONG"), f"WRONG: {name!r} is (a function, the name of a verdict)")
                continue
            wrongs.append(Wrong(name, value[0], str(value[1])))
        found[key] = tuple(wrongs)
    return found


def _rule(page: Page, name: str) -> Rule:
    """Return a rule about doors; iNN.py writes it with or without the town, which knows the seed."""
    found = page.optional(name)
    if found is None:
        return lambda town, door: False
    if len(inspect.signature(found).parameters) == 1:
        return lambda town, door: bool(found(door))
    return lambda town, door: bool(found(town, door))


def _shows(incident: Incident) -> Callable[[Town, Ran], bool]:
    """Return the symptom of an incident that declares none: the command fails, and prints the text."""
    return lambda town, ran: (ran.code != 0 or incident.is_alarm) and town.told(incident.shows) in ran.text


def _opens(path: Path) -> dict[str, tuple[int, set[str]]]:
    """Return each name in an Open("name", gap=…) of a file, with its line and the gaps that it always gives."""
    found: dict[str, tuple[int, set[str]]] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "Open" and node.args):
            continue
        gaps = {str(each.arg) for each in node.keywords}
        for each in ast.walk(node.args[0]):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                before = found.get(each.value)
                found[each.value] = (node.lineno, gaps & before[1] if before else gaps)
    return found


@cache
def incidents(root: Path | None = None) -> dict[str, Incident]:
    """Return the incidents and false alarms of content/incidents below `root` (default: the course's), by id; cached.

    Raises DocumentError with all that is wrong in them.
    """
    folder = (root or course_root()) / "content" / "incidents"
    package = package_of(folder)
    found: dict[str, Incident] = {}
    wrong: list[str] = []
    for path in documents(folder):
        try:
            found[path.stem] = load(path, package)
        except DocumentError as error:
            wrong.append(str(error))
    if wrong:
        raise DocumentError("\n".join(wrong))
    return found


def load(path: Path, package: str) -> Incident:
    """Return the incident of one document; raise DocumentError."""
    code = path.with_suffix(".py")
    page = Page(path.stem, parse(path), Code(code, module_of(package, code), None), ())
    made = Incident.read(page)
    page.close()
    return made
