"""Patterns: the wildcards and variables of actions, resources and condition values.

A pattern is read once, when its policy is parsed. What needs nothing from the request (most patterns) becomes a plain
string or a regular expression then; a pattern with a policy variable becomes one at each request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

# Lower-case key -> its value. A str is a single-valued key, a tuple a multivalued one; a tuple is never empty.
Context = Mapping[str, str | tuple[str, ...]]


class Style(Enum):
    """How the wildcards `*` and `?` of a pattern are read."""

    EXACT = "no wildcards (StringEquals)"
    GLOB = "wildcards over the whole text (StringLike, actions)"
    ARN = "wildcards inside the colon-separated parts of an ARN"


class Wild(Enum):
    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable: `${aws:PrincipalTag/team, 'none'}` has the key, in lower case, and the default."""

    key: str
    default: str | None


Part = str | Wild | Variable
_VARIABLE = re.compile(r"\$\{([^{}']*(?:'(?:[^']|'')*'\s*)?)\}")
_DEFAULT = re.compile(r"(.*?),\s*'((?:[^']|'')*)'\s*", re.DOTALL)
_ESCAPES = {"*", "?", "$"}


def _variable(inside: str) -> Part:
    if inside in _ESCAPES:
        return inside
    with_default = _DEFAULT.fullmatch(inside)
    if with_default:
        return Variable(with_default[1].strip().lower(), with_default[2].replace("''", "'"))
    return Variable(inside.strip().lower(), None)


def variables(text: str) -> list[str]:
    """Return the context keys of the policy variables in a text, as written."""
    inside = [found[1] for found in _VARIABLE.finditer(text) if found[1] not in _ESCAPES]
    return [each.partition(",")[0].strip() for each in inside]


def _split(text: str, style: Style, variables: bool) -> tuple[Part, ...]:
    """Cut a pattern into literal text, wildcards and variables."""
    parts: list[Part] = []

    def literal(piece: str) -> None:
        if parts and isinstance(parts[-1], str):
            parts[-1] += piece
        elif piece:
            parts.append(piece)

    def plain(piece: str) -> None:
        if style is Style.EXACT:
            literal(piece)
            return
        for token in re.split(r"([*?])", piece):
            if token == "*":
                # Two stars in a row mean what one means, and cost more.
                if not parts or parts[-1] is not Wild.MANY:
                    parts.append(Wild.MANY)
            elif token == "?":
                parts.append(Wild.ONE)
            else:
                literal(token)

    position = 0
    if variables:
        for found in _VARIABLE.finditer(text):
            plain(text[position : found.start()])
            part = _variable(found[1])
            if isinstance(part, str):
                literal(part)
            else:
                parts.append(part)
            position = found.end()
    plain(text[position:])
    return tuple(parts)


def _expression(parts: list[str | Wild], style: Style) -> re.Pattern[str]:
    """Write resolved parts as a regular expression that never backtracks.

    Every piece after a star is matched at its first place and kept (an atomic group), which is right for wildcards
    and keeps a hostile pattern from costing more than pattern length times text length.

    In an ARN a star stays inside its colon-separated part, except in the sixth (the resource, which may hold colons)
    and except a star that ends the pattern: "if the * wildcard is the last character of a resource ARN segment, it
    can expand to match beyond the colon boundaries" (AWS: IAM User Guide, Resource element).
    """
    colons = 0
    chunks: list[tuple[str, str]] = [("", "")]
    for index, part in enumerate(parts):
        inside = style is Style.ARN and colons < 5
        if part is Wild.MANY:
            last = index == len(parts) - 1
            chunks.append((r"[^:]*" if inside and not last else r".*", ""))
        elif part is Wild.ONE:
            chunks[-1] = (chunks[-1][0], chunks[-1][1] + (r"[^:]" if inside else r"."))
        else:
            assert isinstance(part, str)
            colons += part.count(":")
            chunks[-1] = (chunks[-1][0], chunks[-1][1] + re.escape(part))
    middle = "".join(f"(?>{star}?{chunk})" for star, chunk in chunks[1:-1])
    end = "".join(chunks[-1]) if len(chunks) > 1 else ""
    return re.compile(chunks[0][1] + middle + end + r"\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, ready to match; make it with `pattern`."""

    text: str
    style: Style
    parts: tuple[Part, ...] = field(repr=False, compare=False)
    literal: str | None = field(repr=False, compare=False)
    expression: re.Pattern[str] | None = field(repr=False, compare=False)

    def resolve(self, context: Context) -> list[str | Wild] | None:
        """Put the request's values for the variables; None when one has no value and no default.

        A variable with no value equals nothing, and a multivalued key cannot be a variable (AWS: IAM User Guide,
        policy variables). A value is text: a star in it is not a wildcard.
        """
        resolved: list[str | Wild] = []
        for part in self.parts:
            if isinstance(part, Variable):
                value = context.get(part.key)
                if not isinstance(value, str):
                    value = part.default
                if value is None:
                    return None
                part = value
            resolved.append(part)
        return resolved

    def resolved_text(self, context: Context) -> str | None:
        """Return an EXACT pattern's text for this request, or None when a variable has no value."""
        if self.literal is not None:
            return self.literal
        resolved = self.resolve(context)
        return None if resolved is None else "".join(str(part) for part in resolved)

    def matches(self, value: str, context: Context) -> bool:
        """Tell whether `value` matches, with the variables taken from `context`."""
        if self.literal is not None:
            return self.literal == value
        if self.expression is not None:
            return self.expression.match(value) is not None
        resolved = self.resolve(context)
        if resolved is None:
            return False
        if Wild.MANY not in resolved and Wild.ONE not in resolved:
            return "".join(str(part) for part in resolved) == value
        return _expression(resolved, self.style).match(value) is not None


def pattern(text: str, style: Style, variables: bool) -> Pattern:
    """Read a pattern; `variables` is false for documents older than 2012-10-17, where `${...}` is plain text."""
    parts = _split(text, style, variables)
    fixed = [part for part in parts if not isinstance(part, Variable)]
    if len(fixed) < len(parts):
        return Pattern(text, style, parts, None, None)
    if all(isinstance(part, str) for part in fixed):
        return Pattern(text, style, parts, "".join(str(part) for part in fixed), None)
    return Pattern(text, style, parts, None, _expression(fixed, style))
