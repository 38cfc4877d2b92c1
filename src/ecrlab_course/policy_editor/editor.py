"""The policy editor without a screen: a text, its place in the lab, and the matrix of what it would allow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.client import LabError, decision_text
from ecrlab.home import ACCOUNT, REGION
from ecrlab.policy import PolicyKind
from ecrlab.policy.places import Problem, line_column, notes, problem
from ecrlab.policy.sets import DOCKER_PUSH, LOGIN, PULL
from ecrlab_course.messages import say
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views.display import Shown, escape

TASKS: dict[str, tuple[str, ...]] = {
    "login": (LOGIN,),
    "pull": PULL,
    "push": DOCKER_PUSH,
    "list": ("ecr:ListImages", "ecr:DescribeImages"),
    "delete": ("ecr:BatchDeleteImage",),
    "create": ("ecr:CreateRepository",),
}
"""What a learner does, and the actions that it asks for; each may stand in `actions` beside actions of IAM."""

ALLOWED, NOBODY, FORBIDDEN, PARTLY = "allowed", "not allowed", "forbidden", "in part"
ICONS = {ALLOWED: "✓", NOBODY: "✗", FORBIDDEN: "⊘", PARTLY: "◐"}

LONGEST = 131_072
"""Characters of the longest text that IAM's operations take (the model of their policy documents)."""

EMPTY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "ecr:DescribeImages",
            "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/my-web-app",
        }
    ],
}


class EditorError(ValueError):
    """The editor cannot do what was asked; the text says what was seen and what was expected."""


@dataclass(frozen=True)
class Target:
    """Where the policy is saved: an inline policy of a user, group or role, a repository's policy, or a trust policy.

    `key` is "user", "group", "role", "repository" or "trust"; `name` the inline policy's.
    """

    key: str
    holder: str
    name: str = ""

    @property
    def kind(self) -> PolicyKind:
        kinds: dict[str, PolicyKind] = {"repository": "resource", "trust": "trust"}
        return kinds.get(self.key, "identity")

    def __str__(self) -> str:
        if self.key == "repository":
            return say("policy-editor.place_repository", holder=self.holder)
        if self.key == "trust":
            return say("policy-editor.place_trust", holder=self.holder)
        return say(f"policy-editor.place_{self.key}", name=self.name, holder=self.holder)

    def edit(self, document: str) -> dict[str, str]:
        """Return the document as an edit of the control interface."""
        made = {self.key: self.holder, "document": document}
        return {**made, "policy": self.name} if self.name else made


def target_of(given: Mapping[str, Any]) -> Target:
    """Read {"user": "ops", "policy": "pull"}, {"repository": "my-web-app"} and the like; raises EditorError."""
    keys = [key for key in ("user", "group", "role", "repository", "trust") if isinstance(given.get(key), str)]
    if len(keys) != 1 or not set(given) <= {keys[0], "policy"}:
        raise EditorError(
            'A place for the policy is {"user": "ops", "policy": "pull"} (or group, or role), '
            f'{{"repository": "my-web-app"}} or {{"trust": "deployer"}}; it got {dict(given)!r}.'
        )
    name = str(given.get("policy", ""))
    if keys[0] in ("user", "group", "role") and not name:
        raise EditorError(f'The policy of {keys[0]} {given[keys[0]]} needs a name: {{…, "policy": "pull"}}.')
    return Target(keys[0], str(given[keys[0]]), name)


@dataclass(frozen=True)
class Column:
    """One thing that somebody may want to do: a task or an action, on a resource ("*" when it is about none)."""

    label: str
    actions: tuple[str, ...]
    resource: str


@dataclass(frozen=True)
class Cell:
    """What one principal may do of one column: the decisions in short, one for each action."""

    principal: str
    column: Column
    answers: tuple[Mapping[str, Any], ...]

    @property
    def state(self) -> str:
        allowed = [bool(answer["allowed"]) for answer in self.answers]
        if all(allowed):
            return ALLOWED
        if any(allowed):
            return PARTLY
        forbidden = any(answer["verdict"] == "ExplicitlyDenied" for answer in self.answers)
        return FORBIDDEN if forbidden else NOBODY

    @property
    def state_words(self) -> str:
        return say(f"policy-editor.state_{self.state.replace(' ', '_')}")

    @property
    def words(self) -> str:
        return f"{ICONS[self.state]} {self.state_words}"

    @property
    def deciding(self) -> Mapping[str, Any]:
        """The first that is denied, else the first."""
        return next((answer for answer in self.answers if not answer["allowed"]), self.answers[0])


@dataclass(frozen=True)
class Matrix:
    """Who could do what, as the policy would make it. Shown by itself it is a table, a column for each principal."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str

    def state(self, principal: str, column: str) -> str:
        """Return "allowed", "not allowed", "forbidden" or "in part"; raises KeyError with what there is."""
        return self.cell(principal, column).state

    def cell(self, principal: str, column: str) -> Cell:
        """Return one cell by the principal's name and the column's label, such as "push my-web-app"."""
        for row in self.rows:
            for cell in row:
                if (cell.principal, cell.column.label) == (principal, column):
                    return cell
        people, labels = [row[0].principal for row in self.rows], [each.label for each in self.columns]
        raise KeyError(
            f"The matrix has no cell {principal!r}, {column!r}. It has the rows {', '.join(people)} "
            f"and the columns {', '.join(labels)}."
        )

    def shown(self) -> Shown:
        """Return the table as text and as HTML."""
        head = [say("policy-editor.what"), *[row[0].principal for row in self.rows]]
        lines = [head]
        for index, column in enumerate(self.columns):
            lines.append([column.label, *[row[index].words for row in self.rows]])
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        table = [
            "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        heads = "".join(f'<th scope="col">{escape(word)}</th>' for word in head)
        body = "".join(
            f'<tr><th scope="row">{escape(line[0])}</th>'
            + "".join(f"<td>{escape(word)}</td>" for word in line[1:])
            + "</tr>"
            for line in lines[1:]
        )
        return Shown(
            "\n".join([self.caption, *table]),
            f'<table class="ecr-table"><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>",
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.shown()._repr_mimebundle_()

    def __repr__(self) -> str:
        return self.shown().text


class Editor:
    """A policy text and what it would allow if it were saved; no widgets.

    `document` is a document (an object or its JSON text), the path of a file, or a place as `target_of` reads it.
    `target` is the place to save at, and as whose policy the matrix reads the text; without one (and without a place
    as `document`) the matrix shows what each principal could do with this policy alone, and a file is saved as a file.
    """

    def __init__(
        self,
        lab: Lab,
        document: object,
        principals: Sequence[str] = (),
        actions: Sequence[str] = (),
        resources: Sequence[str] = (),
        target: Mapping[str, Any] | None = None,
    ) -> None:
        self.lab = lab
        self.path: Path | None = None
        self.target: Target | None = target_of(target) if target is not None else None
        self.first = self._read(document)
        self._text = self.first
        self.principals = tuple(principals) or self._somebody()
        self.columns = self._columns(tuple(actions) or ("login", "pull", "push"), tuple(resources))
        self._matrix: Matrix | None = None
        self._valid = ""

    # Reading ---------------------------------------------------------------------------------------------------------

    def _read(self, document: object) -> str:
        if isinstance(document, Mapping) and "Statement" not in document:
            self.target = target_of(document)
            return self._saved() or json.dumps(self._starter(), indent=2)
        if isinstance(document, Mapping):
            return json.dumps(document, indent=2)
        if isinstance(document, str) and document.lstrip().startswith("{"):
            return document
        if isinstance(document, str | Path):
            self.path = Path(document)
            if not self.path.is_file():
                raise EditorError(
                    f"There is no file {document}. The editor takes a file, a document, or a place such as "
                    '{"user": "ops", "policy": "pull"}.'
                )
            return self.path.read_text(encoding="utf-8")
        raise EditorError(f"The editor takes a document, a file, or a place; it got {type(document).__name__}.")

    def _starter(self) -> dict[str, Any]:
        assert self.target is not None
        if self.target.kind == "identity":
            return EMPTY
        statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/auditor"}}
        statement["Action"] = list(TASKS["pull"]) if self.target.kind == "resource" else "sts:AssumeRole"
        return {"Version": "2012-10-17", "Statement": [statement]}

    def _saved(self) -> str | None:
        """The text at the target as it stands in the lab, laid out; None when there is none."""
        place = self.target
        assert place is not None
        looking = self.lab.looking(self.lab.mark)
        found: Any
        try:
            if place.key == "repository":
                found = looking.client("ecr").get_repository_policy(repositoryName=place.holder)["policyText"]
            elif place.key == "trust":
                found = looking.client("iam").get_role(RoleName=place.holder)["Role"]["AssumeRolePolicyDocument"]
            else:
                get = getattr(looking.client("iam"), f"get_{place.key}_policy")
                name = {f"{place.key.title()}Name": place.holder}
                found = get(**name, PolicyName=place.name)["PolicyDocument"]
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] == "RepositoryPolicyNotFoundException" or (
                said["Code"] == "NoSuchEntity" and place.name in said["Message"].split()
            ):
                return None
            raise
        document = json.loads(found) if isinstance(found, str) else found
        return json.dumps(document, indent=2)

    def _somebody(self) -> tuple[str, ...]:
        if self.target is not None and self.target.key == "user":
            return (self.target.holder,)
        return ("developer", "ci", "ops", "auditor", "partner")

    def _columns(self, actions: tuple[str, ...], resources: tuple[str, ...]) -> tuple[Column, ...]:
        if not resources:
            place = self.target
            if place is not None and place.key in ("repository", "trust"):
                resources = (place.holder,)
            else:
                found = self.lab.looking(self.lab.mark).client("ecr").describe_repositories()["repositories"]
                resources = tuple(str(each["repositoryName"]) for each in found[:4])
        columns = []
        known = self._known
        by_lower = {action.lower(): action for action in known}
        for wanted in actions:
            verb, _, only = wanted.partition(" ")
            asked = TASKS.get(verb)
            if asked is None:
                action = by_lower.get(verb.lower()) or by_lower.get(f"ecr:{verb}".lower())
                if action is None:
                    raise EditorError(
                        f"There is no action {verb!r}. It is one of IAM's, such as ecr:PutImage, or one of the tasks "
                        f"{', '.join(TASKS)}."
                    )
                asked = (action,)
            if all(known[action] == "*" for action in asked):
                columns.append(Column(verb, asked, "*"))
                continue
            for resource in (only,) if only else resources or ("*",):
                name = resource.split(":", 5)[-1].removeprefix("repository/")
                columns.append(Column(f"{verb} {name}", asked, self._resource(resource, asked)))
        return tuple(columns)

    def _resource(self, name: str, asked: tuple[str, ...]) -> str:
        """A repository is asked about by its ARN, so that one that is not made yet can stand in a matrix."""
        if name.startswith("arn:") or name == "*" or not asked[0].startswith("ecr:"):
            return name
        return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"

    # Looking ---------------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> PolicyKind:
        return self.target.kind if self.target is not None else "identity"

    @property
    def text(self) -> str:
        """The policy's text. Setting it is typing it: the matrix follows."""
        return self._text

    @text.setter
    def text(self, value: str) -> None:
        self._text = value

    @property
    def problem(self) -> Problem | None:
        """What saving the text would be refused with, with line and word; None when it would be accepted.

        The lab makes the checks of the operation that saves, for this place. Raises LabError when it does not answer.
        """
        text = self._text
        if len(text) > LONGEST:
            said = say("policy-editor.too_long", limit=f"{LONGEST:,}", number=f"{len(text):,}")
            return Problem(said, 1, 1, "")
        place = self.target.edit(text) if self.target is not None else {"document": text}
        refused = self.lab.control.rehearse(**place)
        if refused is None:
            return None
        said, code = refused["message"].replace(text, "…"), refused["code"]
        if code == "LimitExceeded" or "Member must have length" in said:
            size = {"number": f"{len(text):,}", "counted": f"{len(''.join(text.split())):,}"}
            return Problem(said, 1, 1, "", say("policy-editor.size", **size))
        stranger = re.search(r"(?!^\ufeff)[^\t\n\r\x20-\xff]", text)
        if stranger is not None and "regular expression pattern" in said:
            line, column = line_column(text, stranger.start())
            hint = say("policy-editor.stranger", code=f"U+{ord(stranger[0]):04X}")
            return Problem(said, line, column, stranger[0] if stranger[0].isprintable() else "", hint)
        found = problem(text, self.kind)
        if found is None or code not in ("MalformedPolicyDocument", "InvalidParameterException", "ValidationError"):
            return Problem(said, 1, 1, "")
        return replace(found, message=said)

    @cached_property
    def _known(self) -> dict[str, str]:
        """Every action of the lab's services, with the kind of thing it is asked about."""
        return self.lab.control.actions()

    @property
    def notes(self) -> list[Problem]:
        """What IAM accepts although it means nothing; nothing of a text that is refused."""
        return [] if self.problem is not None else notes(self._text, self._known, self.kind)

    @property
    def stale(self) -> bool:
        """Whether the matrix is that of an earlier text, because IAM would refuse this one."""
        return self._matrix is not None and self._valid != self._text

    def matrix(self) -> Matrix:
        """Return who could do what if the text were saved; for a text that IAM refuses, that of the last good one.

        Asked in one call, never saved. Raises EditorError when no good text was there yet.
        """
        wrong = self.problem
        if wrong is None:
            questions = [
                (principal, action, column.resource)
                for principal in self.principals
                for column in self.columns
                for action in column.actions
            ]
            answers = iter(self.lab.control.decide_all(questions, **self._as_if()))
            rows = tuple(
                tuple(Cell(principal, column, tuple(next(answers) for _ in column.actions)) for column in self.columns)
                for principal in self.principals
            )
            self._matrix, self._valid = Matrix(self.columns, rows, self._caption()), self._text
        elif self._matrix is None:
            raise EditorError(say("policy-editor.no_matrix_yet", why=wrong))
        assert self._matrix is not None
        return self._matrix

    def _as_if(self) -> dict[str, Any]:
        if self.target is not None:
            return {"edits": [self.target.edit(self._text)]}
        return {"policies": {"identity": [self._text]}}

    def _caption(self) -> str:
        if self.target is not None:
            return say("policy-editor.caption", place=self.target)
        return say("policy-editor.caption_alone")

    def decisions(self, principal: str, column: str) -> list[dict[str, Any]]:
        """Return the decisions behind a cell, opened, one for each action."""
        cell = self.matrix().cell(principal, column)
        more = {"policies": {"identity": [self._valid]}}
        if self.target is not None:
            more = {"edits": [self.target.edit(self._valid)]}  # type: ignore[dict-item]
        return [
            self.lab.control.decide(principal, action, cell.column.resource, **more) for action in cell.column.actions
        ]

    def explain(self, principal: str, column: str, details: bool = False, suggest: bool = False) -> str:
        """Return why a cell is as it is, as text: the first decision that is denied, or the first.

        With `suggest` also what would turn a denial.
        """
        cell = self.matrix().cell(principal, column)
        opened = self.decisions(principal, column)
        lines = [f"{principal}, {column}: {cell.words}"]
        if len(opened) > 1:
            lines += [f"  {'✓' if each['allowed'] else '✗'} {each['action']}: {each['reason']}" for each in opened]
        deciding = next((each for each in opened if not each["allowed"]), opened[0])
        instead = "" if suggest else say("policy-editor.ask", who=repr(principal), what=repr(column))
        return "\n".join([*lines, decision_text.text(deciding, details, instead)])

    # Writing ---------------------------------------------------------------------------------------------------------

    def save(self) -> str:
        """Put the text where it belongs and return a sentence; IAM's own refusal comes as EditorError."""
        wrong = self.problem
        place = self.target
        if place is None:
            if self.path is None:
                raise EditorError(say("policy-editor.nowhere"))
            self.path.write_text(self._text, encoding="utf-8")
            saved = say("policy-editor.saved_file", path=self.path)
            return f"{saved} {say('policy-editor.would_refuse', why=wrong)}" if wrong else saved
        if wrong is not None:
            raise EditorError(say("policy-editor.not_saved", why=wrong))
        try:
            if place.key == "repository":
                self.lab.client("ecr").set_repository_policy(repositoryName=place.holder, policyText=self._text)
            elif place.key == "trust":
                self.lab.client("iam").update_assume_role_policy(RoleName=place.holder, PolicyDocument=self._text)
            else:
                put = getattr(self.lab.client("iam"), f"put_{place.key}_policy")
                put(**{f"{place.key.title()}Name": place.holder}, PolicyName=place.name, PolicyDocument=self._text)
        except ClientError as error:
            said = error.response["Error"]
            raise EditorError(say("policy-editor.save_failed", code=said["Code"], message=said["Message"])) from None
        return say("policy-editor.saved", place=place)

    def reset(self) -> str:
        """Put the text back to what it was when the editor was opened; nothing is saved."""
        self._text = self.first
        return say("policy-editor.was_reset")

    # Showing ---------------------------------------------------------------------------------------------------------

    @property
    def heading(self) -> str:
        if self.target is not None:
            return say("policy-editor.heading_of", place=self.target)
        return say("policy-editor.heading", what=self.path or say("policy-editor.document"))

    def form(self) -> str:
        """Return the editor as plain text: the policy, what is wrong with it, the matrix, and how to go on."""
        lines = [self.heading, "", *self._text.splitlines(), ""]
        try:
            wrong = self.problem
            lines.append(
                f"✗ {say('policy-editor.would_refuse', why=wrong)}" if wrong else f"✓ {say('policy-editor.accepted')}"
            )
            lines += [f"○ {note}" for note in self.notes]
            lines += ["", *repr(self.matrix()).splitlines()]
        except EditorError:
            lines += ["", say("policy-editor.no_matrix")]
        except LabError as error:
            lines += ["", say("policy-editor.no_matrix_why", why=error)]
        lines += ["", say("policy-editor.commands")]
        return "\n".join(lines)
