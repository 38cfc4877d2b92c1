"""The town of the incident desk: it is built, something in it breaks, and somebody fixes it.

What an incident's functions (content/incidents/iNN.py) hold in their hands. What the administrator does through a
client or a push is marked as looking, so that building leaves no rows in the learner's X-ray; what anybody else does,
and whatever a shell runs, is recorded: it is the evidence.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ecrlab.home import ACCOUNT, NOBODY, PARTNER_ACCOUNT, PROFILES, REGION
from ecrlab.policy.sets import LOGIN as _LOGIN
from ecrlab.policy.sets import PULL as _PULL
from ecrlab.policy.sets import PUSH as _PUSH
from ecrlab_course.authoring.staging import name_again
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.toolbox.lab import Lab

PARTNER = PARTNER_ACCOUNT
"""The map company's account."""
THIRD = "111122223333"
"""A third company, which was never let in."""
VERSION = "2012-10-17"
RELEASES = (("web/booking", "1.4"), ("web/prices", "2.1"))
"""The repository and tag that the robot is about to push, by seed."""
RUNNING = (("web/booking", "1.3"), ("web/prices", "2.0"))
"""The repository and tag that Omar's server pulls, by seed."""
AWS = "arn:aws:iam::aws:policy/"
"""What the ARN of a policy that AWS manages begins with."""

Statement: TypeAlias = dict[str, Any]
Door: TypeAlias = tuple[str, str, str]
"""Who ("user/ci", "role/x", or an ARN of another account), which action, on which resource (an ARN, or "*")."""

LOGIN: Statement = {"Effect": "Allow", "Action": _LOGIN, "Resource": "*"}
"""The statement of a login."""
PULL: list[str] = list(_PULL)
PUSH: list[str] = list(_PUSH)
LOGIN_LINE = 'aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"'
"""The pipe with which everybody logs in. A job that says less puts >/dev/null behind it."""


# Policies -----------------------------------------------------------------------------------------------------------


def arn(repository: str, region: str = REGION, account: str = ACCOUNT) -> str:
    """Return a repository's ARN."""
    return f"arn:aws:ecr:{region}:{account}:repository/{repository}"


def user(name: str, account: str = ACCOUNT) -> str:
    """Return a user's ARN."""
    return f"arn:aws:iam::{account}:user/{name}"


def role(name: str, account: str = ACCOUNT) -> str:
    """Return a role's ARN."""
    return f"arn:aws:iam::{account}:role/{name}"


def root(account: str = ACCOUNT) -> str:
    """Return the ARN that stands for an account as a whole."""
    return f"arn:aws:iam::{account}:root"


def allow(actions: str | Sequence[str], *resources: str, **more: Any) -> Statement:
    """Return an Allow statement. A resource that is neither an ARN nor "*" is a repository, or a pattern of names."""
    asked = actions if isinstance(actions, str) else list(actions)
    named = [each if each.startswith(("arn:", "*")) else arn(each) for each in resources]
    return {"Effect": "Allow", "Action": asked, "Resource": named, **more}


def deny(actions: str | Sequence[str], *resources: str, **more: Any) -> Statement:
    """Return a Deny statement; resources as in `allow`."""
    return {**allow(actions, *resources, **more), "Effect": "Deny"}


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy document as text."""
    return json.dumps({"Version": VERSION, "Statement": list(statements)}, indent=2)


def trust(principal: Any, **conditions: Any) -> str:
    """Return a role's trust policy: trust({"AWS": user("ci")}, StringEquals={"sts:ExternalId": "x"})."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return document({**statement, **({"Condition": conditions} if conditions else {})})


DARA: tuple[Statement, ...] = (LOGIN, allow(sorted({*PUSH, *PULL}), "dev/*"), allow(PULL, "base/*"))
"""What `developer` may: log in, push and pull dev/*, pull base/*."""
BUILD: tuple[Statement, ...] = (LOGIN, allow(PUSH, "web/*"), allow(PULL, "base/*"))
"""What the robot `ci` may: log in, push web/*, pull base/*."""
OPERATORS: tuple[Statement, ...] = (LOGIN, allow(PULL, "web/*"))
"""What `ops` may, by the group operators: log in, pull web/*."""
SHARE: Statement = {"Sid": "maps", "Effect": "Allow", "Principal": {"AWS": root(PARTNER)}, "Action": PULL}
"""The statement of a repository's policy that lets the map company pull."""
STAR: Statement = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
"""What a fix in a hurry looks like."""

REPOSITORIES: Mapping[str, tuple[str, ...]] = {
    "web/booking": ("1.2", "1.3"),
    "web/prices": ("1.9", "2.0"),
    "base/httpd": ("1",),
    "dev/booking": ("try",),
    "webhooks": ("1",),
}
"""The town's repositories with their tags. The name of `webhooks` begins with web, and it is none of web/*."""


# What is seen -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit code and what it printed, in order."""

    code: int
    text: str

    @property
    def last(self) -> str:
        """The last line."""
        return next((line.strip() for line in reversed(self.text.splitlines()) if line.strip()), "")


@dataclass(frozen=True, init=False)
class Open:
    """What an incident's own check found still open: Open("not-by-ci", pushed="admin").

    The name is that of a part of # Open in iNN.md; the gaps of its text are filled with `gaps`.
    """

    name: str
    gaps: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __init__(self, name: str, /, **gaps: object) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "gaps", {key: str(value) for key, value in gaps.items()})


class Stock(NamedTuple):
    """What a repository holds: whether its tags can be overwritten, and each tag with its digest."""

    mutability: str
    tags: Mapping[str, str]


class Town:
    """The lab, as an incident's functions see it.

    `seed` is 0 or 1 and chooses the evidence. `notes` is kept with the ticket: what a seed writes there, `symptom`,
    `closed` and the fixes find again, also after a restart. `mark` is the X-ray's last row when the ticket was dealt.
    """

    def __init__(
        self, lab: Lab, seed: int = 0, notes: dict[str, str] | None = None, mark: int = 0, caller: str = "admin"
    ) -> None:
        if lab.folder is None:
            raise ValueError("the town needs a folder: jobs run in it")
        self.lab = lab
        self.seed = seed
        self.notes: dict[str, str] = {} if notes is None else notes
        self.mark = mark
        self.caller = caller
        """The profile that runs the ticket's command."""
        self.command = ""
        """The ticket's command; {gaps} are filled as `told` says."""

    @property
    def folder(self) -> Path:
        """The folder in which jobs run."""
        assert self.lab.folder is not None
        return self.lab.folder

    @property
    def release(self) -> tuple[str, str]:
        """The repository and tag that the robot is about to push, by seed."""
        return RELEASES[self.seed]

    @property
    def running(self) -> tuple[str, str]:
        """The repository and tag that Omar's server pulls, by seed."""
        return RUNNING[self.seed]

    def told(self, text: str) -> str:
        """Fill the gaps of a command or a text: {release} and {running} (repository:tag), and what is in `notes`."""
        known = {"release": ":".join(self.release), "running": ":".join(self.running), **self.notes}
        for name, value in known.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    # Building -------------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Empty the lab, the folder and docker's logins, and build the town; takes about half a second."""
        control = self.lab.control
        control.reset()
        self.lab.hub.reset()
        control.account(THIRD)
        for profile in (*PROFILES, NOBODY):
            (self.lab.home.docker_config(profile) / "config.json").unlink(missing_ok=True)
        for name in ("jobs", "vault", "deploy", "app"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name, tags in REPOSITORIES.items():
            self.ecr.create_repository(repositoryName=name)
            for tag in tags:
                self.push(name, tag, f"{name}:{tag}".encode(), "admin")
        for person in ("developer", "ci", "ops"):
            for held in self.iam.list_attached_user_policies(UserName=person)["AttachedPolicies"]:
                self.iam.detach_user_policy(UserName=person, PolicyArn=held["PolicyArn"])
        self.user_policy("developer", "work", *DARA)
        self.user_policy("ci", "build", *BUILD)
        self.iam.create_group(GroupName="operators")
        self.group_policy("operators", "pull-web", *OPERATORS)
        self.iam.add_user_to_group(GroupName="operators", UserName="ops")
        self.repository_policy("web/booking", SHARE)

    # Acting ---------------------------------------------------------------------------------------------------------

    def client(self, service: str, profile: str = "admin", region: str = REGION) -> Any:
        """Return a boto3 client. What admin asks leaves no row in the X-ray; what anybody else asks does."""
        lab = self.lab.looking() if profile == "admin" else self.lab
        return lab.client(service, profile, region)

    @property
    def ecr(self) -> Any:
        """ECR in us-east-1, for admin."""
        return self.client("ecr")

    @property
    def iam(self) -> Any:
        """IAM, for admin."""
        return self.client("iam")

    def sh(self, command: str, profile: str = "admin", timeout: float = 60) -> Ran:
        """Run bash as that profile in the folder; it goes on after a command that fails. docker's noise is left out."""
        code, text = self.lab.sh("set +euo pipefail\n" + command, profile, timeout)
        return Ran(code, text.strip())

    def run(self, more: str = "") -> Ran:
        """Run the ticket's command as its caller; `more` are lines before it."""
        return self.sh(f"{more}\n{self.told(self.command)}" if more else self.told(self.command), self.caller)

    def login(self, profile: str, region: str = REGION, registry: str = "") -> Ran:
        """Log docker of that profile in, as people do; `registry` is another address than the Region's own."""
        where = registry or self.registry(region)
        line = f"aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin '{where}'"
        return self.sh(line, profile)

    def logout(self, profile: str) -> None:
        """Let docker of that profile forget all its logins."""
        (self.lab.home.docker_config(profile) / "config.json").unlink(missing_ok=True)

    def registry(self, region: str = REGION, account: str = ACCOUNT) -> str:
        """Return the address of a registry, as image names begin: localhost:PORT/ACCOUNT.dkr.ecr…"""
        return str(self.lab.control.registry(account, region)["registry"])

    def push(self, repository: str, tag: str, body: bytes, profile: str = "ci", region: str = REGION) -> str:
        """Push an image of one small file over HTTP, without an engine; return its digest. Raises Refused."""
        lab = self.lab.looking() if profile == "admin" else self.lab
        return lab.push(repository, tag, body, profile, region)

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Move the lab's clock forward; what is due by then has happened afterwards."""
        self.lab.control.advance(seconds + 60 * minutes + 3600 * hours + 86400 * days)

    def settle(self) -> None:
        """Let happen what the lab does on its own and is due: copies to other Regions, scans, rules."""
        self.lab.control.advance(0)

    # Files

    def write(self, name: str, text: str, mode: int = 0o755) -> None:
        """Write a file of the folder: jobs/release.sh."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def read(self, name: str) -> str:
        """Return a file's text; "" when it is not there."""
        with suppress(OSError):
            return (self.folder / name).read_text(encoding="utf-8", errors="replace")
        return ""

    def replace(self, name: str, old: str, new: str) -> None:
        """Write a file with a text in place of another one, which has to be there; its mode stays."""
        text = self.read(name)
        if old not in text:
            raise ValueError(f"{name} has no {old!r}")
        self.write(name, text.replace(old, new), (self.folder / name).stat().st_mode & 0o777)

    def without_lines(self, name: str, *pieces: str) -> None:
        """Write a file without the lines that hold one of these pieces; its mode stays."""
        kept = [line for line in self.read(name).splitlines() if not any(piece in line for piece in pieces)]
        self.write(name, "\n".join(kept) + "\n", (self.folder / name).stat().st_mode & 0o777)

    def exists(self, name: str) -> bool:
        """Tell whether the folder has that file."""
        return (self.folder / name).exists()

    # Policies

    def user_policy(self, user: str, name: str, *statements: Mapping[str, Any]) -> None:
        """Put an inline policy of a user."""
        self.iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=document(*statements))

    def group_policy(self, group: str, name: str, *statements: Mapping[str, Any]) -> None:
        """Put an inline policy of a group."""
        self.iam.put_group_policy(GroupName=group, PolicyName=name, PolicyDocument=document(*statements))

    def role_policy(self, role: str, name: str, *statements: Mapping[str, Any]) -> None:
        """Put an inline policy of a role."""
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document(*statements))

    def make_role(self, name: str, trusted: str, *statements: Mapping[str, Any]) -> None:
        """Make a role with a trust policy (as `trust` writes it), and an inline policy `work` of these statements."""
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)
        if statements:
            self.role_policy(name, "work", *statements)

    def repository_policy(self, repository: str, *statements: Mapping[str, Any], region: str = REGION) -> None:
        """Put the repository's policy."""
        text = document(*statements)
        self.client("ecr", region=region).set_repository_policy(repositoryName=repository, policyText=text)

    def no_repository_policy(self, repository: str, region: str = REGION) -> None:
        """Remove the repository's policy, where it has one."""
        ecr = self.client("ecr", region=region)
        with suppress(ecr.exceptions.RepositoryPolicyNotFoundException):
            ecr.delete_repository_policy(repositoryName=repository)

    def shared(self, repository: str) -> list[Statement]:
        """Return what the repository's policy says in the healthy town: for web/booking, the share."""
        return [SHARE] if repository == "web/booking" else []

    def guarded(self, repository: str, *statements: Mapping[str, Any], region: str = REGION) -> None:
        """Put these statements beside what the repository's policy says in the healthy town; with none, only that."""
        wanted = [*self.shared(repository), *statements]
        if wanted:
            self.repository_policy(repository, *wanted, region=region)
        else:
            self.no_repository_policy(repository, region)

    def tag_again(self, repository: str, digest: str, tag: str) -> None:
        """Give an image that is there one more tag, by the manifest that it has."""
        name_again(self.lab.looking(), repository, tag, imageDigest=digest)

    # Looking --------------------------------------------------------------------------------------------------------

    def digest(self, repository: str, tag: str, region: str = REGION) -> str | None:
        """Return the digest that a tag points at; None when there is no such tag or repository."""
        found = self.stock(region).get(repository)
        return found.tags.get(tag) if found else None

    def stock(self, region: str = REGION, account: str = ACCOUNT) -> dict[str, Stock]:
        """Return the repositories of a Region by name; `account`: ours, or the map company's."""
        return self.stocks(account).get(region, {})

    def stocks(self, account: str = ACCOUNT) -> dict[str, dict[str, Stock]]:
        """Return the repositories of each Region that has some, by name."""
        return {
            region: {name: Stock(each["mutability"], each["tags"]) for name, each in held.items()}
            for region, held in self.lab.control.tags(account).items()
        }

    def rows(self, after: int | None = None) -> list[Row]:
        """Return the X-ray's rows since the ticket was dealt, or after a row; none of what only looked."""
        return self.lab.rows(self.mark if after is None else after)

    def pushed_by(self, profile: str, repository: str, tag: str) -> bool:
        """Tell whether that profile has put an image under this tag since the ticket was dealt."""
        end = f"{repository}/manifests/{tag}"
        return any(
            row["method"] == "PUT" and row["path"].endswith(end) and row["status"] < 300 and _is(row, profile)
            for row in self.rows()
        )

    def pulled_by(self, profile: str, repository: str) -> bool:
        """Tell whether the last manifest of the repository that was handed out since the deal went to that profile.

        An engine that has the image sends one HEAD and is content, so a HEAD counts as well.
        """
        place = f"{repository}/manifests/"
        asked = [
            row
            for row in self.rows()
            if row["method"] in ("GET", "HEAD") and place in row["path"] and row["status"] == 200
        ]
        return bool(asked) and _is(asked[-1], profile)

    def pulls(self, repository: str, *who: str) -> bool:
        """Run the ticket's command; tell whether one of these is handed a manifest by it, and layers since the deal.

        `who` is what an ARN holds: user/ops, assumed-role/on-call. An engine that has the layers asks for none again.
        """
        mark = self.lab.last()
        self.run()
        manifests, layers = f"{repository}/manifests/", f"{repository}/blobs/"
        theirs = [row for row in self.rows() if row["status"] < 400 and _is_one_of(row, who)]
        return any(row["seq"] > mark and manifests in row["path"] for row in theirs) and any(
            row["method"] == "GET" and layers in row["path"] for row in theirs
        )

    def decide(self, door: Door, **more: Any) -> dict[str, Any]:
        """Return IAM's decision about a door, with its trace; `more` is a context: context={"aws:SourceIp": …}."""
        found: dict[str, Any] = self.lab.control.decide(*door, **more)
        return found

    def is_open(self, door: Door, **more: Any) -> bool:
        """Tell whether IAM would allow it."""
        return bool(self.decide(door, **more)["allowed"])

    def is_denied(self, door: Door, **more: Any) -> bool:
        """Tell whether a Deny statement decides about the door."""
        return str(self.decide(door, **more)["verdict"]) == "ExplicitlyDenied"


def _is(row: Row, profile: str) -> bool:
    """Tell whether a row was asked for by the person of that profile."""
    return str(row.get("principal") or "").endswith(f":user/{profile}")


def _is_one_of(row: Row, who: Iterable[str]) -> bool:
    """Tell whether a row was asked for by one of these: user/ops, or a session of assumed-role/on-call."""
    return any(f":{each}/" in f"{row.get('principal') or ''}/" for each in who)


def doors(principal: str, actions: Iterable[str], *resources: str) -> list[Door]:
    """Return a door for each action and resource; resources as in `allow`."""
    named = [each if each.startswith(("arn:", "*")) else arn(each) for each in resources]
    return [(principal, action, resource) for action in actions for resource in named]


def only_says(name: str, line: str = "done") -> Callable[[Town], None]:
    """Return the wrong fix after which a job of that name does nothing but print a line."""

    def write(town: Town) -> None:
        town.write(name, f"#!/bin/bash\necho '{line}'\n")

    return write


def run_again(town: Town) -> None:
    """Run the ticket's command once more, with nothing changed: the wrong fix that every incident has."""
    town.run()
