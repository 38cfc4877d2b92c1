"""What somebody was asked to make possible, as a declaration: everything beyond it is surplus.

Two lines of an exercise say it:

    WANTED = Wanted("ops", (Grant(PULL, arn(APP)), Grant("ecr:GetAuthorizationToken")), passes=Grant(CHECK, arn(APP)))
    found = beyond(lab, WANTED)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Texts = str | Iterable[str]


def _texts(given: Texts) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


@dataclass(frozen=True, init=False)
class Grant:
    """These actions on these resources, for some principals: one sentence of a wish.

    ``actions`` and ``resources`` are written as in a policy, with wildcards. ``who`` names principals as the control
    interface does ("ops", "role/deployer", "444455556666:user/partner"), an account's number (everybody in it) or a
    service ("ecs-tasks.amazonaws.com"); empty: those whom the `Wanted` is about. ``condition`` is a policy's
    Condition element: only requests that it fits are wanted.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    who: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]] = field(hash=False)

    def __init__(
        self,
        actions: Texts,
        resources: Texts = "*",
        who: Texts = (),
        condition: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        for name, texts in (("actions", _texts(actions)), ("resources", _texts(resources)), ("who", _texts(who))):
            object.__setattr__(self, name, texts)
        object.__setattr__(self, "condition", condition or {})


@dataclass(frozen=True, init=False)
class Wanted:
    """What principals were to be able to do; `ecrlab.aws.surplus` finds what they can do beyond it.

    ``who`` are the principals looked at, from everywhere they may get rights; empty: only ``doors`` are looked at. A
    role that they may assume is looked at when it is named beside them.
    ``may`` was asked for. ``passes`` was not, and passes without a remark. ``doors`` are resources whose own policies
    are looked at alone, for anybody they let in: repositories' ARNs and "role/NAME"; None: the repositories that
    ``may`` names. ``within`` are accounts; what touches the resources of others is left out; empty: nothing is.
    """

    who: tuple[str, ...]
    may: tuple[Grant, ...]
    passes: tuple[Grant, ...]
    doors: tuple[str, ...] | None
    within: tuple[str, ...]

    def __init__(
        self,
        who: Texts,
        may: Grant | Sequence[Grant],
        passes: Grant | Sequence[Grant] = (),
        doors: Texts | None = None,
        within: Texts = (),
    ) -> None:
        object.__setattr__(self, "who", _texts(who))
        object.__setattr__(self, "may", (may,) if isinstance(may, Grant) else tuple(may))
        object.__setattr__(self, "passes", (passes,) if isinstance(passes, Grant) else tuple(passes))
        object.__setattr__(self, "doors", None if doors is None else _texts(doors))
        object.__setattr__(self, "within", _texts(within))

    def to_json(self) -> dict[str, Any]:
        """Return the declaration as the control interface takes it."""

        def line(grant: Grant) -> dict[str, Any]:
            made = {"actions": list(grant.actions), "resources": list(grant.resources), "who": list(grant.who)}
            return {**made, "condition": dict(grant.condition)}

        return {
            "who": list(self.who),
            "may": [line(each) for each in self.may],
            "passes": [line(each) for each in self.passes],
            "doors": None if self.doors is None else list(self.doors),
            "within": list(self.within),
        }


def wanted_from(given: object) -> Wanted:
    """Read a declaration as `Wanted.to_json` writes it; lists may be single texts, and parts may be left out.

    Raises:
        ValueError: what was seen and what was expected.
    """
    if not isinstance(given, Mapping) or "may" not in given or not set(given) <= set(_MEMBERS):
        raise ValueError(f"wanted is an object with may, and any of {', '.join(_MEMBERS)}.")
    doors = given.get("doors")
    return Wanted(
        _list(given, "who"),
        _grants(given, "may"),
        _grants(given, "passes"),
        None if doors is None else _list(given, "doors"),
        _list(given, "within"),
    )


_MEMBERS = ("who", "may", "passes", "doors", "within")


def _list(given: Mapping[str, Any], name: str, default: Texts = ()) -> tuple[str, ...]:
    value = given.get(name, default)
    if not isinstance(value, str | list | tuple) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name} is a text or a list of texts, not {value!r:.80}.")
    return _texts(value)


def _grants(given: Mapping[str, Any], name: str) -> tuple[Grant, ...]:
    value = given.get(name, [])
    lines = [value] if isinstance(value, Mapping) else value
    if not isinstance(lines, list | tuple) or not all(isinstance(each, Mapping) for each in lines):
        raise ValueError(f'{name} is a list of {{"actions": …, "resources": …}}, not {value!r:.80}.')
    made = []
    for each in lines:
        condition = each.get("condition", {})
        if not set(each) <= {"actions", "resources", "who", "condition"} or not each.get("actions"):
            raise ValueError(
                f"An entry of {name} has actions, and may have resources, who, condition; not {each!r:.80}."
            )
        if not isinstance(condition, Mapping):
            raise ValueError(f"condition is an object as in a policy, not {condition!r:.80}.")
        made.append(Grant(_list(each, "actions"), _list(each, "resources", "*"), _list(each, "who"), condition))
    return tuple(made)
