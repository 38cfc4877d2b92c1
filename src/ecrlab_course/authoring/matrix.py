"""How the doors of a matrix stand now, and what each person reaches: one question to IAM for all of them.

    here = Here(lab, MATRIX)
    stands = here.stands()

Nothing is changed, and the X-ray has no row of it: the evaluation is asked, and no request is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from ecrlab_course.authoring.rights import as_list
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.matrix import HALF, OPEN, SHUT, Door, Matrix, Person, Stand

ASSUME = "sts:AssumeRole"
_CALLERS_CHOICE = ("sts:externalid", "sts:rolesessionname", "sts:sourceidentity")
"""Keys of a trust policy that whoever asks fills in: a right design may want them (facts I041)."""


class Here:
    """The account's users and roles, who reaches them, and how the doors of a matrix stand."""

    def __init__(self, lab: LabView, matrix: Matrix) -> None:
        self._lab = lab
        self.matrix = matrix
        self.trusts = dict(_roles(lab))
        """Each role of the account, without AWS's own, by its name: its ARN and trust policy."""
        pages = lab.client("iam").get_paginator("list_users").paginate()
        self.users = [str(user["UserName"]) for page in pages for user in page["Users"]]
        """The users of the account."""
        self.there = [each for each in matrix.people if self._is_there(each)]
        self.reached = self._reached()

    def _is_there(self, person: Person) -> bool:
        kind, _, name = person.who.partition("/")
        return {"role": name in self.trusts, "user": name in self.users}.get(kind, True)

    def _question(self, who: str, action: str, resource: str) -> dict[str, Any]:
        question: dict[str, Any] = {"principal": who, "action": action, "resource": resource}
        if action == ASSUME:
            trust = self.trusts.get(resource.rpartition("/")[2], ("", {}))[1]
            question["context"] = keys_of_trust(trust)
        return question

    def ask(self, asked: Sequence[tuple[str, str, str]]) -> list[Mapping[str, Any]]:
        """Put these questions (principal, action, resource); return the decisions, explained, in order."""
        questions = [self._question(*each) for each in asked]
        found: list[Mapping[str, Any]] = []
        for start in range(0, len(questions), 2000):
            found += self._lab.control.decide_all(questions[start : start + 2000], explained=True)
        return found

    def _reached(self) -> dict[str, tuple[str, ...]]:
        """Return for each person, by name, the roles ("role/NAME") that identity and trust policies let it assume.

        A role that is assumed may assume the next.
        """
        people = [one for one in self.there if not one.is_role]
        steps = self._steps([one.who for one in people])
        found: dict[str, tuple[str, ...]] = {one.name: () for one in self.there}
        found |= {one.name: steps[one.who] for one in people}
        while new := sorted({role for roles in found.values() for role in roles} - set(steps)):
            steps |= self._steps(new)
        for name, roles in found.items():
            reached = list(roles)
            for role in reached:
                reached += [each for each in steps[role] if each not in reached]
            found[name] = tuple(reached)
        return found

    def _steps(self, askers: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return for each principal the roles that it may assume itself."""
        pairs = [(who, name) for who in askers for name in self.trusts if who != f"role/{name}"]
        answers = self.ask([(who, ASSUME, self.trusts[name][0]) for who, name in pairs])
        may = [pair for pair, answer in zip(pairs, answers, strict=True) if answer["allowed"]]
        return {who: tuple(f"role/{name}" for one, name in may if one == who) for who in askers}

    def _askers(self, person: Person) -> list[str]:
        if person not in self.there:
            return []
        return [person.who, *(() if person.alone else self.reached[person.name])]

    def stands(self, *names: str) -> list[Stand]:
        """Return how the doors stand (of these people; default: all), in the matrix's order."""
        matrix = self.matrix.of(*names) if names else self.matrix
        people = {person.name: self._askers(person) for person in matrix.people}
        asked: dict[tuple[str, str, str], Mapping[str, Any]] = {
            (who, action, self._resource(door)): {}
            for door in matrix.doors
            if not self._misses_role(door)
            for who in people[door.person]
            for action in door.actions
        }
        for question, answer in zip(asked, self.ask(list(asked)), strict=True):
            asked[question] = answer
        return [self._stand(door, people[door.person], asked) for door in matrix.doors]

    def _resource(self, door: Door) -> str:
        """Return what a door is about; a role by the ARN that it has, with whatever path."""
        name = door.resource.rpartition("/")[2]
        return self.trusts[name][0] if door.actions == (ASSUME,) and name in self.trusts else door.resource

    def _misses_role(self, door: Door) -> bool:
        return door.actions == (ASSUME,) and door.resource.rpartition("/")[2] not in self.trusts

    def _stand(self, door: Door, askers: list[str], asked: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> Stand:
        """Return how one door stands: for whoever of a person's principals gets furthest."""
        if not askers or self._misses_role(door):
            return Stand(door, SHUT, "")
        telling = door.telling or door.actions
        best = Stand(door, SHUT, askers[0])
        for number, who in enumerate(askers):
            answers = {action: asked[who, action, self._resource(door)] for action in door.actions}
            yes = [action for action in door.actions if answers[action]["allowed"]]
            state = OPEN if len(yes) == len(answers) else HALF if set(yes) & set(telling) else SHUT
            refused = [action for action in door.actions if action not in yes]
            opens = next((action for action in telling if action in yes), "")
            shown = refused[0] if refused and (door.wanted or not opens) else opens
            stand = Stand(door, state, who, answers[shown])
            if number == 0 or _furthest(stand) > _furthest(best):
                best = stand
        return best


def _furthest(stand: Stand) -> int:
    return (SHUT, HALF, OPEN).index(stand.state)


def _roles(lab: LabView) -> Iterator[tuple[str, tuple[str, Mapping[str, Any]]]]:
    for page in lab.client("iam").get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if not role["Path"].startswith("/aws-service-role/"):
                trust = role["AssumeRolePolicyDocument"]
                document = trust if isinstance(trust, Mapping) else json.loads(unquote(trust))
                yield role["RoleName"], (role["Arn"], document)


def keys_of_trust(trust: Mapping[str, Any]) -> dict[str, str]:
    """Return condition keys that fit a trust policy, of those that whoever asks fills in: an external id, a name.

    A trust that wants one lets in whoever knows it, and an ordinary request has none: asked so, a right design would
    look shut.
    """
    found: dict[str, str] = {}
    for statement in as_list(trust.get("Statement")):
        if statement.get("Effect") != "Allow":
            continue
        for operator, wanted in (statement.get("Condition") or {}).items():
            if not operator.lower().startswith("string") or "not" in operator.lower():
                continue
            for key, values in wanted.items():
                if key.lower() in _CALLERS_CHOICE and as_list(values):
                    found.setdefault(key, str(as_list(values)[0]).replace("*", "1").replace("?", "1"))
    return found
