"""Documents: a policy's JSON read into frozen, compiled types.

`read_policy` accepts every document that follows the grammar (facts/iam.md 3); `parse_policy` also applies the checks
that IAM makes when a policy is put (validation.py).
"""

import json
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from ecrlab.policy.condition import Condition, condition
from ecrlab.policy.errors import PolicyError
from ecrlab.policy.pattern import Context, Pattern, Style, pattern
from ecrlab.policy.principal import Caller, Match, Principals, principals

PolicyKind = Literal["identity", "resource", "trust", "boundary", "session", "scp"]
KINDS = get_args(PolicyKind)
SYNTAX = "Syntax errors in policy."
NOT_JSON = "This policy contains invalid Json"

_VERSIONS = ("2008-10-17", "2012-10-17")
_POLICY_ELEMENTS = {"Version", "Id", "Statement"}
_STATEMENT_ELEMENTS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_PRINCIPAL_TYPES = {"AWS", "Service", "Federated", "CanonicalUser"}


@dataclass(frozen=True, slots=True)
class Actions:
    """An Action or NotAction element; action names are compared without regard to case (I024)."""

    values: tuple[str, ...]
    negated: bool
    literals: frozenset[str] = field(repr=False, compare=False)
    patterns: tuple[Pattern, ...] = field(repr=False, compare=False)
    everything: bool = field(repr=False, compare=False)

    def match(self, action: str) -> bool:
        """Tell whether the element covers an action given in lower case."""
        listed = self.everything or action in self.literals or any(each.matches(action, {}) for each in self.patterns)
        return listed is not self.negated


@dataclass(frozen=True, slots=True)
class Resources:
    """A Resource or NotResource element."""

    values: tuple[str, ...]
    negated: bool
    patterns: tuple[Pattern, ...] = field(repr=False, compare=False)
    everything: bool = field(repr=False, compare=False)

    def match(self, resource: str, context: Context) -> bool:
        """Tell whether the element covers a resource ARN, or "*" for an action without resource type."""
        listed = self.everything or any(each.matches(resource, context) for each in self.patterns)
        return listed is not self.negated


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first thing of a statement that did not match a request."""

    element: Literal["action", "principal", "resource", "condition"]
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy.

    `principals` is None in a policy that has none (identity policies), `resources` in one where the resource is
    implied (trust policies, repository policies).
    """

    sid: str | None
    effect: Literal["Allow", "Deny"]
    actions: Actions
    resources: Resources | None
    principals: Principals | None
    not_principals: Principals | None
    conditions: tuple[Condition, ...]

    def match(self, action: str, resource: str, who: Caller, context: Context) -> Match | Mismatch:
        """Match the statement against a request: how it names the caller, or the first thing that does not match.

        Args:
            action: the action in lower case.
            resource: the resource's ARN, or "*".
            who: the caller.
            context: the request's context keys in lower case.
        """
        if not self.actions.match(action):
            return Mismatch("action")
        named = Match.DIRECT
        if self.principals is not None:
            named = self.principals.match(who)
            if named is Match.NONE:
                return Mismatch("principal")
        elif self.not_principals is not None and self.not_principals.excludes(who):
            return Mismatch("principal")
        if self.resources is not None and not self.resources.match(resource, context):
            return Mismatch("resource")
        for each in self.conditions:
            if not each.holds(context):
                return Mismatch("condition", each)
        return named


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document. `version` is the language version in force: 2008-10-17 when the document names none."""

    kind: PolicyKind
    version: str
    id: str | None
    statements: tuple[Statement, ...]


def read_policy(document: object, kind: PolicyKind = "identity") -> Policy:
    """Read a policy document by its grammar alone.

    Args:
        document: JSON text, or the object that such a text holds.
        kind: what the policy is for.

    Raises:
        PolicyError: MalformedPolicyDocument with IAM's text.
    """
    if kind not in KINDS:
        raise ValueError(f"no policy kind {kind!r}; the kinds are {', '.join(KINDS)}")
    if isinstance(document, str | bytes):
        document = _json(document)
    top = _object(document, _POLICY_ELEMENTS)
    version = top.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise PolicyError(SYNTAX)
    statements = top.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list | tuple) or not statements:
        raise PolicyError(SYNTAX)
    variables = version == "2012-10-17"
    return Policy(kind, version, _text(top, "Id"), tuple(_statement(each, variables) for each in statements))


def _json(text: str | bytes) -> object:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise PolicyError(SYNTAX)
        return made

    def no_constant(name: str) -> object:
        raise ValueError(name)

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=no_constant)
    except PolicyError:
        raise
    except (ValueError, RecursionError):
        raise PolicyError(NOT_JSON) from None


def _object(value: object, elements: set[str]) -> dict[str, object]:
    if not isinstance(value, dict) or not all(key in elements for key in value):
        raise PolicyError(SYNTAX)
    return cast(dict[str, object], value)


def _text(found: dict[str, object], element: str) -> str | None:
    value = found.get(element, "")
    if not isinstance(value, str):
        raise PolicyError(SYNTAX)
    return value if element in found else None


def _strings(value: object) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(isinstance(each, str) for each in values):
        raise PolicyError(SYNTAX)
    return tuple(values)


def _statement(value: object, variables: bool) -> Statement:
    found = _object(value, _STATEMENT_ELEMENTS)
    effect = found.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(SYNTAX)
    for element in ("Action", "Resource", "Principal"):
        if element in found and f"Not{element}" in found:
            raise PolicyError(SYNTAX)
    return Statement(
        _text(found, "Sid"),
        effect,
        _actions(found),
        _resources(found, variables),
        _principals(found, "Principal"),
        _principals(found, "NotPrincipal"),
        _conditions(found.get("Condition", {}), variables),
    )


def _actions(found: dict[str, object]) -> Actions:
    negated = "NotAction" in found
    values = _strings(found.get("NotAction" if negated else "Action", ()))
    if not values:
        raise PolicyError("Policy statement must contain actions.")
    made = tuple(pattern(value.lower(), Style.GLOB, False) for value in values)
    literals = frozenset(each.literal for each in made if each.literal is not None)
    wild = tuple(each for each in made if each.literal is None)
    return Actions(values, negated, literals, wild, "*" in values)


def _resources(found: dict[str, object], variables: bool) -> Resources | None:
    negated = "NotResource" in found
    element = "NotResource" if negated else "Resource"
    if element not in found:
        return None
    values = _strings(found[element])
    if not values:
        raise PolicyError("Policy statement must contain resources.")
    made = tuple(pattern(value, Style.ARN, variables) for value in values)
    return Resources(values, negated, made, "*" in values)


def _principals(found: dict[str, object], element: str) -> Principals | None:
    if element not in found:
        return None
    value = found[element]
    if value == "*":
        return principals((("AWS", "*"),))
    entries: list[tuple[str, str]] = []
    for kind, names in _object(value, _PRINCIPAL_TYPES).items():
        values = _strings(names)
        if not values or not all(values):
            raise PolicyError(SYNTAX)
        entries += [(kind, name) for name in values]
    if not entries:
        raise PolicyError(SYNTAX)
    return principals(tuple(entries))


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        try:
            return str(value)
        except ValueError:
            # Python writes no integer of more than some thousand digits; IAM has none either.
            raise PolicyError(SYNTAX) from None
    raise PolicyError(SYNTAX)


def _conditions(value: object, variables: bool) -> tuple[Condition, ...]:
    if not isinstance(value, dict):
        raise PolicyError(SYNTAX)
    made: list[Condition] = []
    for operator, keys in value.items():
        if not isinstance(operator, str) or not isinstance(keys, dict):
            raise PolicyError(SYNTAX)
        for key, given in keys.items():
            values = given if isinstance(given, list | tuple) else [given]
            if not isinstance(key, str):
                raise PolicyError(SYNTAX)
            made.append(condition(operator, key, tuple(_scalar(each) for each in values), variables))
    return tuple(made)


def union(*policies: Policy) -> Policy:
    """Return one policy with the statements of several of one kind, as IAM unites them (I009).

    For session policies: an inline document and up to ten managed ones act as one.
    """
    first = policies[0]
    return Policy(first.kind, first.version, None, tuple(each for one in policies for each in one.statements))
