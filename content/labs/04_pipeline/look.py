"""What the milestones of lab 04 look at: runs, what they pushed, what ran, and who may come in. Nothing is changed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ecrlab.ci.repositories import git_environment
from ecrlab.policy import Policies, PolicyError, Request, evaluate, read_policy
from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.rights import as_list
from ecrlab_course.documents.xray_row import Row

from .town import CLUSTER, HOST, MAIN, NAME, SERVICE, SOURCE

WEB_IDENTITY = "AssumeRoleWithWebIdentity"
AUDIENCE = "sts.amazonaws.com"
STRANGERS = {
    "the tag v1.4": f"repo:{SOURCE}:ref:refs/tags/v1.4",
    "the branch teal": f"repo:{SOURCE}:ref:refs/heads/teal",
    "the branch main-2": f"repo:{SOURCE}:ref:refs/heads/main-2",
    "a pull request": f"repo:{SOURCE}:pull_request",
    "the environment production": f"repo:{SOURCE}:environment:production",
    "another of our repositories": "repo:harbour-bikes/booking-fork:ref:refs/heads/main",
    "a stranger's repository": "repo:stranger/booking:ref:refs/heads/main",
    "an organization with a longer name": "repo:harbour-bikes-fans/booking:ref:refs/heads/main",
    "a letter without a subject": None,
}
"""Nine letters that a good trust policy turns away, by what they are called, with their subject."""


@dataclass(frozen=True)
class Run:
    """A run of the pipeline since the milestone was begun, with all that the X-ray has from its begin to its end."""

    number: int
    ref: str
    commit: str
    subject: str
    code: int | None
    over: bool
    again: bool
    began: float
    """Lab time, epoch seconds."""
    seconds: float
    output: str
    rows: tuple[Row, ...]

    @property
    def of_main(self) -> bool:
        """Whether it is a run of the branch main."""
        return self.ref == "refs/heads/main"

    @property
    def good(self) -> bool:
        """Whether it ended with 0."""
        return self.over and self.code == 0

    @property
    def ended(self) -> float:
        """When it ended: lab time, epoch seconds."""
        return self.began + self.seconds

    @property
    def session(self) -> bool:
        """Whether it came in by its letter, and did something in that session."""
        return any(row["operation"] == WEB_IDENTITY and row["status"] == 200 for row in self.rows) and any(
            str(row["principal"]).endswith(f"/run-{self.number}") for row in self.rows
        )

    @property
    def delivered(self) -> bool:
        """Whether it came in by its letter, and the service did what it asked for."""
        told = [row for row in self.rows if row["operation"] in ("UpdateService", "CreateService")]
        return self.session and any(self._is_mine(row) and row["status"] < 400 for row in told)

    @property
    def refused(self) -> Row | None:
        """The last request of the run that IAM or STS refused; what comes from others in that time is left out."""
        mine = [row for row in self.rows if self._is_mine(row) and row["status"] >= 400 and row["error"]]
        denied = [row for row in mine if row["decision"] == "denied" or row["operation"] == WEB_IDENTITY]
        return denied[-1] if denied else None

    def _is_mine(self, row: Row) -> bool:
        name = f"run-{self.number}"
        shows = row.get("shows") or {}
        return shows.get("session_name") == name or str(row["principal"] or "").endswith(f"/{name}")

    @property
    def users(self) -> list[str]:
        """The users whose keys signed its requests.

        You may work beside it: where it brought its letter, what admin asked at the time is not taken for its.
        """
        found = {
            str(row["principal"]).rpartition(":user/")[2] for row in self.rows if ":user/" in str(row["principal"])
        }
        return sorted(found - {"admin"} if any(map(self._is_mine, self.rows)) else found)


class Look:
    """The lab as the milestones see it; each part is read once."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.mark = int(getattr(lab, "mark", 0))

    # ------------------------------------------------------------------------------------------------------------ runs

    @cached_property
    def runs(self) -> list[Run]:
        """The runs since the mark, the oldest first."""
        found: list[Run] = []
        for run in self.lab.control.ci_runs():
            first, last = run["rows"]
            if run["repository"] != SOURCE or first < self.mark:
                continue
            rows = tuple(row for row in self._rows if row["seq"] > first and (last is None or row["seq"] <= last))
            found.append(
                Run(
                    number=run["number"],
                    ref=run["ref"],
                    commit=run["commit"],
                    subject=run["subject"],
                    code=run["code"],
                    over=run["state"] not in ("waiting", "running"),
                    again=any(run["commit"] == other.commit for other in found),
                    began=float(run["begun"] or run["made"]),
                    seconds=float(run["seconds"] or 0),
                    output=str(self.lab.control.ci_output(run["number"])["text"]),
                    rows=rows,
                )
            )
        return found

    @cached_property
    def _rows(self) -> list[Row]:
        return self.lab.rows(self.mark)

    @property
    def rows(self) -> list[Row]:
        """The rows of the X-ray since the mark."""
        return self._rows

    @property
    def of_main(self) -> list[Run]:
        """The runs of main that are over."""
        return [run for run in self.runs if run.of_main and run.over]

    def file(self, commit: str, name: str) -> str:
        """Return a file of a commit of the booking page's repository; "" when it has none of this name."""
        return self.git("cat-file", "blob", f"{commit}:{name}")

    def git(self, *arguments: str) -> str:
        """Return what git prints in the booking page's repository; "" where it fails, or there is no repository."""
        there = self.lab.control.ci()["repositories"]
        path = next((str(each["path"]) for each in there if each["name"] == SOURCE), "")
        if not path:
            return ""
        environ = git_environment(Path(path))
        done = subprocess.run(["git", *arguments], cwd=path, env=environ, capture_output=True, timeout=30, check=False)
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

    # ---------------------------------------------------------------------------------------------------------- images

    @cached_property
    def images(self) -> dict[str, str]:
        """The digest of each tag of the repository."""
        return {tag: each["imageDigest"] for each in self._details for tag in each.get("imageTags", ())}

    @cached_property
    def digests(self) -> set[str]:
        """All digests of the repository."""
        return {each["imageDigest"] for each in self._details}

    @cached_property
    def _details(self) -> list[Mapping[str, Any]]:
        ecr = self.lab.client("ecr")
        try:
            pages = list(ecr.get_paginator("describe_images").paginate(repositoryName=NAME))
        except ecr.exceptions.RepositoryNotFoundException:
            return []
        return [each for page in pages for each in page["imageDetails"]]

    def tag_of(self, commit: str) -> str:
        """Return the tag of ECR that names a commit: seven of its characters or more are in it; "" when none does."""
        return next((tag for tag in sorted(self.images) if commit[:7] in tag), "")

    @cached_property
    def repository(self) -> Mapping[str, Any]:
        """The repository's settings; {} when there is none."""
        ecr = self.lab.client("ecr")
        try:
            found: Mapping[str, Any] = ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]
        except ecr.exceptions.RepositoryNotFoundException:
            return {}
        return found

    def can_move(self, tag: str) -> bool:
        """Tell whether a push may put another image under a tag that is there (facts E051, E052)."""
        kind = self.repository.get("imageTagMutability", "MUTABLE")
        filters = self.repository.get("imageTagMutabilityExclusionFilters") or ()
        excluded = any(fnmatchcase(tag, each["filter"]) for each in filters)
        return bool(kind.startswith("IMMUTABLE") == excluded)

    # ----------------------------------------------------------------------------------------------------- what it runs

    @cached_property
    def deployments(self) -> list[Mapping[str, Any]]:
        """The service's deployments, the oldest first, each with `digests`, what it resolved its images to."""
        ecs = self.lab.client("ecs")
        try:
            found = ecs.list_service_deployments(cluster=CLUSTER, service=SERVICE, maxResults=100)["serviceDeployments"]
        except (ecs.exceptions.ServiceNotFoundException, ecs.exceptions.ClusterNotFoundException):
            return []
        arns = [each["targetServiceRevisionArn"] for each in found]
        images: dict[str, list[str]] = {}
        for start in range(0, len(arns), 20):
            answer = ecs.describe_service_revisions(serviceRevisionArns=arns[start : start + 20])
            for each in answer["serviceRevisions"]:
                named = each.get("containerImages") or ()
                images[each["serviceRevisionArn"]] = [one["imageDigest"] for one in named if one.get("imageDigest")]
        made = [{**each, "digests": images.get(each["targetServiceRevisionArn"], [])} for each in found]
        return sorted(made, key=lambda each: each["createdAt"])

    @cached_property
    def tasks(self) -> list[Mapping[str, Any]]:
        """All tasks of the cluster, those that stopped within the hour among them, by when they were made."""
        ecs = self.lab.client("ecs")
        names = []
        try:
            for state in ("RUNNING", "STOPPED"):
                for page in ecs.get_paginator("list_tasks").paginate(cluster=CLUSTER, desiredStatus=state):
                    names += page["taskArns"]
        except ecs.exceptions.ClusterNotFoundException:
            return []
        found = []
        for start in range(0, len(names), 100):
            found += ecs.describe_tasks(cluster=CLUSTER, tasks=names[start : start + 100])["tasks"]
        return sorted(found, key=lambda each: each["createdAt"])

    @cached_property
    def service(self) -> Mapping[str, Any]:
        """The service as ECS describes it; {} when it is not there."""
        ecs = self.lab.client("ecs")
        try:
            found = ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
        except ecs.exceptions.ClusterNotFoundException:
            return {}
        return found[0] if found and found[0]["status"] == "ACTIVE" else {}

    @property
    def running(self) -> list[Mapping[str, Any]]:
        """The service's tasks that run."""
        return [
            each for each in self.tasks if each["lastStatus"] == "RUNNING" and each.get("group") == f"service:{SERVICE}"
        ]

    @property
    def running_digests(self) -> set[str]:
        """The digests of what runs."""
        return digests_of(self.running)

    @cached_property
    def ever_ran(self) -> dict[str, datetime]:
        """Each digest that ran, be it for a moment, and since when: of tasks, and of deployments that fetched it."""
        found: dict[str, datetime] = {}
        for each in self.deployments:
            for digest in each["digests"]:
                found.setdefault(digest, each["createdAt"])
        for task in self.tasks:
            if task.get("startedAt"):
                for digest in digests_of([task]):
                    found.setdefault(digest, task["startedAt"])
        return found

    def recipe(self, arn: str) -> Mapping[str, Any]:
        """Return a task definition."""
        found: Mapping[str, Any] = self.lab.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        return found

    # --------------------------------------------------------------------------------------------------------- identity

    @cached_property
    def trusts(self) -> dict[str, Mapping[str, Any]]:
        """The trust policy of each role that names the git server's provider."""
        found = {}
        for page in self.lab.client("iam").get_paginator("list_roles").paginate():
            for role in page["Roles"]:
                trust = role["AssumeRolePolicyDocument"]
                made = trust if isinstance(trust, Mapping) else json.loads(unquote(trust))
                if any(_names_provider(each) for each in as_list(made.get("Statement"))):
                    found[str(role["RoleName"])] = made
        return found

    def comes_in(self, trust: Mapping[str, Any], subject: str | None) -> bool:
        """Tell whether a letter with this subject, addressed to STS, is let in by a trust policy."""
        account = self.lab.account
        provider = f"arn:aws:iam::{account}:oidc-provider/{HOST}"
        context: dict[str, Any] = {f"{HOST}:aud": AUDIENCE, "aws:FederatedProvider": provider}
        if subject is not None:
            context[f"{HOST}:sub"] = subject
        try:
            policy = read_policy(trust, "trust")
        except PolicyError:
            return False
        asked = Request(
            action=f"sts:{WEB_IDENTITY}",
            resource=f"arn:aws:iam::{account}:role/x",
            principal=provider,
            context=context,
            resource_account=account,
        )
        return evaluate(asked, Policies(resource=policy)).allowed

    def strangers(self, role: str) -> list[str]:
        """Return the letters, other than main's, that a role lets in, by what they are called."""
        trust = self.trusts.get(role, {})
        return [name for name, subject in STRANGERS.items() if self.comes_in(trust, subject)]

    def lets_main_in(self, role: str) -> bool:
        """Tell whether a role lets in a letter of main."""
        return self.comes_in(self.trusts.get(role, {}), MAIN)


def _names_provider(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = as_list(principal.get("Federated")) if isinstance(principal, Mapping) else []
    return any(HOST in str(each) for each in named)


def digests_of(tasks: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the digests of these tasks' images."""
    return {one["imageDigest"] for task in tasks for one in task["containers"] if one.get("imageDigest")}
