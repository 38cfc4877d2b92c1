"""The account of the drills: apart from the lessons', emptied before each drill."""

from __future__ import annotations

import configparser
import io
import json
import os
import shlex
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from ecrlab.environment import apply, environment
from ecrlab.home import REGION, Home, read_json, write_private
from ecrlab_course.documents.client_record import Login, Transcript
from ecrlab_course.toolbox import shell
from ecrlab_course.toolbox.image import image, push_image
from ecrlab_course.toolbox.lab import Lab, read_logins

ACCOUNT = "777788889999"
OTHER = "777700001111"
"""A second account, where a drill needs one. The lessons use neither."""
VERSION = "2012-10-17"
Question = tuple[str, str, str]


def arn(repository: str, region: str = REGION, account: str = ACCOUNT) -> str:
    """Return a repository's ARN."""
    return f"arn:aws:ecr:{region}:{account}:repository/{repository}"


def allow(actions: str | Sequence[str], resources: str | Sequence[str] = "*") -> dict[str, Any]:
    """Return an Allow statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def policy(*statements: Mapping[str, Any]) -> str:
    """Return a policy document as text."""
    return json.dumps({"Version": VERSION, "Statement": list(statements)})


class Prepared(Protocol):
    """What the account asks of a drill (`drill.Drill`)."""

    @property
    def id(self) -> str:
        """The drill's id, d04."""

    @property
    def prepare(self) -> Callable[[DrillLab], object]:
        """What builds the drill's state in an empty account."""


_RUNS: dict[Path, deque[Transcript]] = {}
"""The runs of bash in each home's drills' account: every object that stands for the account has the same."""


class DrillLab(Lab):
    """The drills' account as a drill's functions see it; `seed` says which state was prepared.

    Profiles are `admin`, `other` (an administrator of the second account) and the people that the drill makes; their
    keys stand in HOME/drills/aws, never among the lessons' profiles.
    """

    account = ACCOUNT

    def __init__(self, home: Home, seed: str = "", quiet: bool = False) -> None:
        super().__init__(home, home.path / "drills" / "work", quiet)
        self.seed = seed
        self._runs = _RUNS.setdefault(home.path, self._runs)

    @cached_property
    def _looking(self) -> Lab:
        return DrillLab(self.home, self.seed, quiet=True)

    @property
    def registry(self) -> str:
        """The address of the account's registry in us-east-1."""
        return self.registry_of()

    def registry_of(self, region: str = REGION, account: str = ACCOUNT) -> str:
        """Return the address of a registry, as image names begin."""
        return str(self.control.registry(account, region)["registry"])

    @property
    def _aws(self) -> Path:
        return self.home.path / "drills" / "aws"

    def _keys(self, profile: str) -> tuple[str, str]:
        parser = configparser.RawConfigParser()
        parser.read(self._aws / "credentials")
        if not parser.has_section(profile):
            names = ", ".join(parser.sections()) or "none: prepare a drill first"
            raise ValueError(f"The drills' account has no profile {profile!r}. The profiles are: {names}.")
        return parser.get(profile, "aws_access_key_id"), parser.get(profile, "aws_secret_access_key")

    # Building --------------------------------------------------------------------------------------------------------

    def prepare(self, drill: Prepared) -> None:
        """Empty both accounts and the folder, and build the state; tags of `admin` then say whose it is."""
        self.wipe()
        drill.prepare(self)
        tags = [{"Key": "drill", "Value": drill.id}, {"Key": "seed", "Value": self.seed or "-"}]
        self.client("iam").tag_user(UserName="admin", Tags=tags)
        self._runs.clear()

    def holds(self, drill: Prepared) -> bool:
        """Tell whether the account holds this drill's state, this seed's; a reset of the lab takes it away."""
        try:
            tags = self.looking().client("iam").list_user_tags(UserName="admin")["Tags"]
        except (ClientError, ValueError):
            return False
        found = {tag["Key"]: tag["Value"] for tag in tags}
        return (found.get("drill"), found.get("seed")) == (drill.id, self.seed or "-")

    def wipe(self) -> None:
        """Empty both accounts and the folder of files."""
        assert self.folder is not None
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self.folder.iterdir():  # The folder itself stays: a shell may stand in it.
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for name in ("aws", "docker"):
            shutil.rmtree(self.home.path / "drills" / name, ignore_errors=True)
        for profile, account in (("admin", ACCOUNT), ("other", OTHER)):
            self.control.reset(everything=True, account=account)
            key = self.control.account(account)
            self.remember(profile, key["access_key_id"], key["secret_access_key"])

    def remember(self, profile: str, key: str, secret: str) -> None:
        """Write a profile with this access key into the drills' AWS files."""
        for name, section, values in (
            ("credentials", profile, {"aws_access_key_id": key, "aws_secret_access_key": secret}),
            ("config", f"profile {profile}", {"region": REGION}),
        ):
            parser = configparser.RawConfigParser()
            parser.read(self._aws / name)
            parser[section] = values
            text = io.StringIO()
            parser.write(text)
            write_private(self._aws / name, text.getvalue())

    def person(self, name: str, *statements: Mapping[str, Any], account: str = ACCOUNT) -> str:
        """Make a user with a profile, and with statements an inline policy `work` of them; return the ARN."""
        iam = self.client("iam", "admin" if account == ACCOUNT else "other")
        made = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.remember(name, key["AccessKeyId"], key["SecretAccessKey"])
        return str(made)

    def role_profile(self, name: str, source: str, role: str, session: str) -> None:
        """Add a profile of the aws command: a session of the role (its ARN), begun with the keys of `source`."""
        parser = configparser.RawConfigParser()
        parser.read(self._aws / "config")
        section = {"region": REGION, "role_arn": role, "source_profile": source, "role_session_name": session}
        parser[f"profile {name}"] = section
        text = io.StringIO()
        parser.write(text)
        write_private(self._aws / "config", text.getvalue())

    def repository(self, name: str, region: str = REGION, **more: Any) -> None:
        """Make a repository."""
        self.client("ecr", region=region).create_repository(repositoryName=name, **more)

    def write(self, name: str, text: str) -> None:
        """Put a file into the drill's folder."""
        assert self.folder is not None
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def push(
        self, repository: str, tag: str, content: bytes = b"hello", profile: str = "admin", region: str = REGION
    ) -> str:
        """Push an image of one small layer over HTTP, as docker does, and return its digest. Raises Refused."""
        data = self.client("ecr", profile, region).get_authorization_token()["authorizationData"][0]
        port = int(self.control.registry(ACCOUNT, region)["port"])
        name = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{repository}"
        return push_image(port, name, tag, image(content), data["authorizationToken"])

    # Looking ---------------------------------------------------------------------------------------------------------

    def images(self, repository: str, region: str = REGION) -> dict[str, tuple[str, ...]]:
        """Return the repository's images: digest to tags; empty when there is no such repository."""
        ecr = self.client("ecr", region=region)
        try:
            pages = list(ecr.get_paginator("describe_images").paginate(repositoryName=repository))
        except ecr.exceptions.RepositoryNotFoundException:
            return {}
        found = [item for page in pages for item in page["imageDetails"]]
        return {item["imageDigest"]: tuple(sorted(item.get("imageTags", ()))) for item in found}

    def digest(self, repository: str, tag: str, region: str = REGION) -> str | None:
        """Return the digest that a tag points at, or None."""
        return next((digest for digest, tags in self.images(repository, region).items() if tag in tags), None)

    def repositories(self, region: str = REGION) -> dict[str, dict[str, Any]]:
        """Return the repositories of a Region by name."""
        pages = self.client("ecr", region=region).get_paginator("describe_repositories").paginate()
        return {item["repositoryName"]: item for page in pages for item in page["repositories"]}

    def may(self, *questions: Question) -> list[bool]:
        """Return for each (principal, action, resource) whether IAM would allow it; nothing is requested.

        A principal is "user/ci" or "role/x" of the drills' account, or has another account in front.
        """
        return [bool(each["allowed"]) for each in self.decisions(questions)]

    def decisions(self, questions: Iterable[Question]) -> list[dict[str, Any]]:
        """Return the decisions in short."""
        asked = [(who if ":" in who else f"{ACCOUNT}:{who}", action, what) for who, action, what in questions]
        return self.control.decide_all(asked)

    def refused(self, principal: str, actions: Iterable[str], resource: str) -> list[str]:
        """Return those of the actions that IAM would refuse."""
        asked = list(actions)
        answers = self.may(*((principal, action, resource) for action in asked))
        return [action for action, allowed in zip(asked, answers, strict=True) if not allowed]

    def allowed(self, principal: str, actions: Iterable[str], resource: str) -> list[str]:
        """Return those of the actions that IAM would allow."""
        asked = list(actions)
        closed = self.refused(principal, asked, resource)
        return [action for action in asked if action not in closed]

    # Working ---------------------------------------------------------------------------------------------------------

    def variables(self, profile: str = "admin") -> dict[str, str | None]:
        """Return the variables under which aws, docker and boto3 work in this account as that profile."""
        self._keys(profile)
        docker = self._docker(profile)
        docker.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {
            **environment(self.home, "admin", os.environ),
            "AWS_CONFIG_FILE": str(self._aws / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self._aws / "credentials"),
            "AWS_PROFILE": profile,
            "DOCKER_CONFIG": str(docker),
            "REGISTRY": self.registry,
            "REGISTRY_API": "http://" + self.registry.replace("/", "/v2/", 1),
            "REGISTRY_EU": self.registry_of("eu-west-1"),
        }

    def _docker(self, profile: str) -> Path:
        return self.home.path / "drills" / "docker" / profile

    def logins(self, profile: str = "admin") -> list[Login]:
        """Return the logins in that profile's docker configuration; nothing when there is none."""
        return read_logins(read_json(self._docker(profile) / "config.json"))

    def exports(self, profile: str = "admin") -> str:
        """Return the variables as lines for `eval` in a POSIX shell; the last one changes into the drill's folder."""
        lines = [
            f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
            for name, value in sorted(self.variables(profile).items())
        ]
        return "\n".join([*lines, f"cd {shlex.quote(str(self.folder))}"])

    def sh(
        self, command: str, profile: str = "admin", timeout: float = 60, write: Callable[[str], None] | None = None
    ) -> tuple[int, str]:
        """Run bash as that profile in the drill's folder; return exit code and ordered output."""
        environ = apply(self.variables(profile), os.environ)
        return self.recorded(command, profile, lambda: shell.run(command, environ, self.folder, write, timeout))
