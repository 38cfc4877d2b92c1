"""A Markdown document as its author sees it: front matter, text, sections, and the line of each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeAlias

import yaml
from markdown_it import MarkdownIt
from mdit_py_plugins.front_matter import front_matter_plugin

from ecrlab_course.checkout import ContentError

Value: TypeAlias = str | list[str] | dict[str, str]


class DocumentError(ContentError):
    """A document cannot be taken as it is; the text names file and line, and everything that is wrong with it."""


@dataclass(frozen=True)
class Fault:
    """Something wrong at a line of a file."""

    path: Path
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}:{self.line}: {self.words}"


@dataclass(frozen=True)
class Part:
    """A section: its heading, the text under it, and the sections inside it."""

    title: str
    line: int
    text: str
    parts: tuple[Part, ...] = ()

    @property
    def own(self) -> str:
        """The text without the quoted part (markdown)."""
        return _split(self.text)[0]

    @property
    def quoted(self) -> str:
        """The quoted part of the text (`> ...`), without its signs (markdown)."""
        return _split(self.text)[1]


@dataclass
class Sections:
    """A parsed document."""

    path: Path
    front: dict[str, Value] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """The line of each key of the front matter."""
    intro: str = ""
    """The text before the first heading."""
    parts: list[Part] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@cache
def _parser() -> MarkdownIt:
    """Return a parser of blocks: what stands inside a line is not looked at here, and costs half the time."""
    return MarkdownIt("commonmark").enable("table").use(front_matter_plugin).disable(["inline", "text_join"])


def parse(path: Path, worded: Callable[[str], str] = str) -> Sections:
    """Return the document's front matter and sections; what is wrong with its form stands in `faults`.

    `worded` changes words of the text before it is read, and no line's number.
    """
    text = worded(path.read_text(encoding="utf-8"))
    lines = text.splitlines()
    found = Sections(path)
    heads: list[tuple[int, int, int, str]] = []
    tokens = _parser().parse(text)
    for token, inner in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "front_matter" and token.map:
            _front(found, token.content)
            heads.append((0, 0, token.map[1], ""))
        elif token.type == "heading_open" and token.level == 0 and token.map and token.markup in ("#", "##") and inner:
            heads.append((len(token.markup), token.map[0], token.map[1], inner.content.strip()))
    if not heads or heads[0][0] != 0:
        found.faults.append(Fault(path, 1, "begins without front matter: ---, then KEY: VALUE lines, then ---"))
        heads.insert(0, (0, 0, 0, ""))
    ends = [head[1] for head in heads[1:]] + [len(lines)]
    bins = frozenset(as_table(found.front.get("bins", {})))
    top: list[tuple[Part, list[Part]]] = []
    for (level, first, after, title), end in zip(heads, ends, strict=True):
        body = unwrapped("\n".join(lines[after:end]).strip("\n"), bins)
        if level == 0:
            found.intro = body
            continue
        part = Part(title, first + 1, body)
        if level == 1:
            top.append((part, []))
        elif top:
            top[-1][1].append(part)
        else:
            found.faults.append(Fault(path, first + 1, f"## {title} stands in no section (# ...)"))
    found.parts = [Part(part.title, part.line, part.text, tuple(inside)) for part, inside in top]
    _doubles(found)
    return found


def _front(found: Sections, text: str) -> None:
    """Read the front matter: texts, lists of texts and tables of texts, never numbers or yes and no."""

    def fault(line: int, words: str) -> None:
        found.faults.append(Fault(found.path, line, words))

    try:
        root = _composed(text)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.line + 2 if error.problem_mark else 2
        return fault(at, f"front matter: {error.problem or error.context}")
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode):
        return fault(2, "front matter: KEY: VALUE lines are wanted")
    for key, node in root.value:
        name, line = str(key.value), key.start_mark.line + 2
        if name in found.front:
            fault(line, f"front matter has {name!r} twice")
        value = _value(node)
        if value is None:
            fault(line, f"{name}: a text, a list of texts or a table of texts is wanted")
            continue
        found.front[name], found.lines[name] = value, line
    return None


def _composed(text: str) -> yaml.Node | None:
    """Return YAML as its nodes. Raises MarkedYAMLError in the words of PyYAML itself, which says more than libyaml."""
    if hasattr(yaml, "CBaseLoader"):  # a tenth of the time
        with suppress(yaml.YAMLError):
            return yaml.compose(text, Loader=yaml.CBaseLoader)  # type: ignore[no-untyped-call,no-any-return]
    return yaml.compose(text, Loader=yaml.BaseLoader)  # type: ignore[no-untyped-call,no-any-return]


def _value(node: yaml.Node) -> Value | None:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.SequenceNode) and all(isinstance(each, yaml.ScalarNode) for each in node.value):
        return [str(each.value) for each in node.value]
    if isinstance(node, yaml.MappingNode) and all(isinstance(each, yaml.ScalarNode) for _, each in node.value):
        return {str(key.value): str(each.value) for key, each in node.value}
    return None


def _doubles(found: Sections) -> None:
    for parts in (found.parts, *(part.parts for part in found.parts)):
        lines: dict[str, int] = {}
        for part in parts:
            name = name_of(part.title)
            if name in lines:
                found.faults.append(Fault(found.path, part.line, f"{name!r} stands already in line {lines[name]}"))
            lines.setdefault(name, part.line)


def name_of(title: str) -> str:
    """Return the name in a heading, without a place (→) and a misconception (=) behind it."""
    return re.split(r" (?:=|→|->) ", f"{title} ")[0].strip()


# Text ----------------------------------------------------------------------------------------------------------------


def unwrapped(text: str, labels: Collection[str] = ()) -> str:
    """Return markdown with each paragraph on one line; code, tables and lists keep their lines.

    In a quote a line that begins with one of the labels begins again: `registry: nothing is sent ...`, and so does
    `registry = misconception: ...`.
    """
    lines = text.splitlines()
    # A paragraph of more than one line is two lines with text, one below the other.
    wrapped = any(above.strip() and below.strip() for above, below in itertools.pairwise(lines))
    for token in reversed(_parser().parse(text)) if wrapped else ():
        if token.type == "paragraph_open" and token.map and token.map[1] - token.map[0] > 1:
            first, end = token.map
            rest = [re.sub(r"^[\s>]*", "", line) for line in lines[first + 1 : end]]
            joined = lines[first].rstrip()
            for before, line in zip([lines[first], *lines[first + 1 : end]], rest, strict=False):
                hard = before.endswith(("  ", "\\")) or (">" in _lead(lines[first]) and _label(line) in labels)
                joined += f"\n{_lead(lines[first])}{line}" if hard else f" {line}"
            lines[first:end] = joined.splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


def _label(line: str) -> str:
    """Return what stands before a line's first colon, without a misconception; "" where that is not a name."""
    found = re.match(r"([\w-]+)(?: = [\w-]+)?: ", line)
    return found[1] if found else ""


def _lead(line: str) -> str:
    found = re.match(r"[\s>]*", line)
    return found[0] if found else ""


@lru_cache(maxsize=4096)
def _split(text: str) -> tuple[str, str]:
    """Return the text without its quoted parts, and those without their signs."""
    if ">" not in text:
        return text.strip(), ""
    lines = text.splitlines()
    quoted: set[int] = set()
    for token in _parser().parse(text):
        if token.type == "blockquote_open" and token.level == 0 and token.map:
            quoted.update(range(*token.map))
    own = [line for number, line in enumerate(lines) if number not in quoted]
    said = [re.sub(r"^\s*> ?", "", line) for number, line in enumerate(lines) if number in quoted]
    return "\n".join(own).strip(), "\n".join(said).strip()


def items(text: str) -> list[str]:
    """Return the items of the text's first list, each as one text; nothing when there is no list."""
    lines = text.splitlines()
    found: list[str] = []
    for token in _parser().parse(text):
        if token.type == "list_item_open" and token.level == 1 and token.map:
            body = "\n".join(lines[slice(*token.map)])
            inside = re.sub(r"^(\s*)(?:[-*]|\d+[.)])(\s+)", lambda m: " " * len(m[0]), body, count=1)
            indent = len(inside) - len(inside.lstrip())
            found.append(
                "\n".join(line[indent:] if not line[:indent].strip() else line for line in inside.splitlines()).strip()
            )
    return found


def as_table(value: Value) -> Mapping[str, str]:
    """Return a value of the front matter as a table; empty when it is none."""
    return value if isinstance(value, dict) else {}
