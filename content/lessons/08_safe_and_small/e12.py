"""08-e12: a cache with a template and the least permissions. What a learner reads is in e12.md."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ecrlab.policy.sets import PULL
from ecrlab_course.authoring import Lab, Sentence, call, pull, requests
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.evidence import repositories
from ecrlab_course.authoring.staging import log_in, made, make_repository

from .state import ACCOUNT, CACHED, UNTAGGED_AFTER_A_WEEK, cache_rule, give, no_cache_rules

GOALS = (call("ecr:CreatePullThroughCacheRule"), pull(CACHED, by="ops"))
ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/"
WANTED = Wanted(
    "ops",
    Grant("ecr:CreateRepository", f"{ARN}hub/*"),
    passes=Grant((*PULL, "ecr:BatchImportUpstreamImage", "ecr:GetAuthorizationToken")),
    doors=(f"{ARN}{CACHED}",),
)
"""Of the repository and of its registry, whose policies may let others in, too."""
OPS = f"arn:aws:iam::{ACCOUNT}:user/ops"


class Seen:
    """The rule, the template, the repository, Omar's pull, and what else Omar may make."""

    def __init__(self, lab: Lab) -> None:
        ecr = lab.client("ecr")
        rules = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
        prefixes = [str(rule["ecrRepositoryPrefix"]) for rule in rules]
        self.rule = any(f"{CACHED}/".startswith(f"{each}/") or each == "ROOT" for each in prefixes)
        self.there = CACHED in repositories(lab)
        self.mutability, self.policy = "", ""
        if self.there:
            found = ecr.describe_repositories(repositoryNames=[CACHED])["repositories"][0]
            self.mutability = str(found["imageTagMutability"])
            with suppress(ecr.exceptions.LifecyclePolicyNotFoundException):
                self.policy = str(ecr.get_lifecycle_policy(repositoryName=CACHED)["lifecyclePolicyText"])
        self.week = sweeps_after_a_week(self.policy)
        self._templates(ecr.describe_repository_creation_templates()["repositoryCreationTemplates"])
        self._rows(lab)
        self.may = bool(lab.control.decide(OPS, "ecr:CreateRepository", f"{ARN}{CACHED}")["allowed"])
        found = beyond(lab, WANTED if self.there else replace(WANTED, doors=()))
        self.wider, self.wide = found.wider, found.text
        self.unclear, self.unsure = found.verdict == "cannot tell", found.why
        self.written = written(lab)
        self.off = not lab.control.hub()["on"]

    def _templates(self, found: list[dict[str, Any]]) -> None:
        near = [one for one in found if one["prefix"] == "ROOT" or f"{CACHED}/".startswith(f"{one['prefix']}/")]
        right = [one for one in near if "PULL_THROUGH_CACHE" in one["appliedFor"]]
        self.root = bool(right) and all(one["prefix"] == "ROOT" for one in right)
        self.template, self.brings = bool(right), any("lifecyclePolicy" in one for one in right)
        self.applied = ", ".join(f"`{each}`" for one in near for each in one["appliedFor"])

    def _rows(self, lab: Lab) -> None:
        rows = requests(lab)
        mine = [row for row in rows if row.service == "registry" and "/manifests/" in row.path and row.user == "ops"]
        pulls = [row for row in mine if row.method in ("GET", "HEAD") and f"/{CACHED}/manifests/" in row.path]
        self.pulled = any(row.ok for row in pulls)
        self.tried = bool(mine)
        self.no_right = bool(pulls) and not pulls[-1].ok and pulls[-1].denied and "CreateRepository" in pulls[-1].action
        self.without_library = bool(mine) and not mine[-1].ok and "/hub/busybox/" in mine[-1].path
        self.fetched = any(row.service == "hub" and "/library/busybox/" in row.path and row.ok for row in rows)
        self.pushed = any(row.puts(CACHED) for row in rows if row.service == "registry")
        made_by_call = {row.operation for row in rows if row.ok and str(row.row["resource"]).endswith(f"/{CACHED}")}
        self.created = "CreateRepository" in made_by_call
        self.by_hand = bool(made_by_call & {"PutLifecyclePolicy", "DeleteLifecyclePolicy"})
        self.changed = any(row.service in ("ecr", "iam") and row.ok for row in rows)
        last = mine[-1] if mine else None
        self.last_row = f"`{last.action or 'not asked'}`, {last.row['decision']}, {last.status}" if last else ""
        worked = Sentence("pulled") if self.pulled else Sentence("refused-row")
        self.first = worked if self.tried else Sentence("never-tried")


def sweeps_after_a_week(text: str) -> bool:
    """Tell whether a lifecycle policy deletes untagged images after seven days, and does nothing else."""
    rules = json.loads(text)["rules"] if text else []
    return len(rules) == 1 and (
        rules[0]["selection"]["tagStatus"] == "untagged"
        and rules[0]["selection"]["countType"] == "sinceImagePushed"
        and rules[0]["selection"]["countNumber"] == 7
        and rules[0]["action"]["type"] == "expire"
    )


def written(lab: Lab) -> str:
    """Return the resource on which ops' own policies allow CreateRepository; "" where none does."""
    iam = lab.client("iam")
    for name in iam.list_user_policies(UserName="ops")["PolicyNames"]:
        statements = iam.get_user_policy(UserName="ops", PolicyName=name)["PolicyDocument"]["Statement"]
        for one in statements if isinstance(statements, list) else [statements]:
            if "CreateRepository" in json.dumps(one.get("Action", "")):
                resource = one.get("Resource", "")
                return str(resource if isinstance(resource, str) else ", ".join(resource))
    return ""


def judge(seen: Seen) -> str:
    """Return the verdict's name in e12.md."""
    if not seen.rule:
        return "by-hand" if seen.pulled or seen.pushed else "no-rule" if seen.changed or seen.tried else "untouched"
    if seen.pulled and seen.pushed and not seen.fetched:
        return "by-hand"
    if not seen.there or not seen.pulled:
        return short_of_it(seen)
    if seen.created:
        return "made-by-hand"
    if seen.by_hand:
        return "policy-by-hand"
    if not seen.week:
        return without_policy(seen)
    if "IMMUTABLE" in seen.mutability and seen.mutability != "MUTABLE":
        return "immutable"
    if seen.wider:
        return "too-wide"
    if seen.unclear:
        return "cannot-tell"
    return "wide-template" if seen.root else "passed"


def short_of_it(seen: Seen) -> str:
    """Return why Omar's pull has not worked yet."""
    if seen.off:
        return "hub-off"
    if seen.without_library:
        return "library-left-out"
    if seen.no_right and not seen.may:
        return "right-on-prefix" if seen.written else "no-right"
    return "not-pulled"


def without_policy(seen: Seen) -> str:
    """Return why the new repository has not the policy that was wished."""
    if seen.policy:
        return "other-policy"
    if seen.template:
        return "after-the-pull" if seen.brings else "template-without"
    return "push-template" if seen.applied else "no-template"


# Tries


def template(
    lab: Lab, prefix: str = "hub", applied: str = "PULL_THROUGH_CACHE", mutability: str = "MUTABLE", days: int = 7
) -> None:
    """Write the creation template; days 0: without a lifecycle policy."""
    policy = json.dumps(UNTAGGED_AFTER_A_WEEK).replace('"countNumber": 7', f'"countNumber": {days}')
    more = {"lifecyclePolicy": policy} if days else {}
    lab.client("ecr").create_repository_creation_template(
        prefix=prefix, appliedFor=[applied], imageTagMutability=mutability, **more
    )


def let(lab: Lab, resource: str = "hub/*", action: str = "ecr:CreateRepository") -> None:
    """Let Omar have repositories made."""
    named = resource if resource == "*" else f"{ARN}{resource}"
    give(lab, "ops", {"Effect": "Allow", "Action": action, "Resource": named}, name="cache")


def omar_pulls(lab: Lab, name: str = CACHED, profile: str = "ops") -> None:
    """Log in and pull as Omar, whether or not that works."""
    log_in(lab, profile)
    lab.sh(f'docker rmi -f "$REGISTRY/{name}" >/dev/null 2>&1; docker pull -q "$REGISTRY/{name}" 2>&1', profile)


def push_it(lab: Lab) -> None:
    """Put an image there by hand."""
    lab.push(CACHED, "latest", b"carried by hand")


def registry_policy(lab: Lab, who: object = OPS) -> None:
    """Let Omar have repositories made by the registry's policy."""
    text = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow", "Principal": {"AWS": who}, "Action": "ecr:CreateRepository", "Resource": f"{ARN}hub/*",
        },
    }  # fmt: skip
    lab.client("ecr").put_registry_policy(policyText=json.dumps(text))


def put_policy(lab: Lab) -> None:
    """Put the lifecycle policy on the repository that is there."""
    text = json.dumps(UNTAGGED_AFTER_A_WEEK)
    lab.client("ecr").put_lifecycle_policy(repositoryName=CACHED, lifecyclePolicyText=text)


def admin_first(lab: Lab) -> None:
    """Pull it once as admin."""
    omar_pulls(lab, profile="admin")


TRIES = {
    "passed": {
        "rule, template, one permission": (cache_rule, template, let, omar_pulls),
        "admin pulls first": (cache_rule, template, admin_first, omar_pulls),
        "by the registry's policy": (cache_rule, lambda lab: template(lab, "hub/library"), registry_policy, omar_pulls),
    },
    "wide-template": [(cache_rule, lambda lab: template(lab, "ROOT"), let, omar_pulls)],
    "no-rule": [(template, let, omar_pulls)],
    "no-right": [(cache_rule, template, omar_pulls)],
    "right-on-prefix": [(cache_rule, template, lambda lab: let(lab, "hub"), omar_pulls)],
    "too-wide": {
        "on everything": (cache_rule, template, lambda lab: let(lab, "*"), omar_pulls),
        "the registry open to everybody": (cache_rule, template, lambda lab: registry_policy(lab, "*"), omar_pulls),
        "everything on the cache": (cache_rule, template, lambda lab: let(lab, action="ecr:*"), omar_pulls),
    },
    "cannot-tell": [
        (cache_rule, template, lambda lab: let(lab, "${aws:ResourceTag/team}/*"), registry_policy, omar_pulls)
    ],
    "library-left-out": [(cache_rule, template, let, lambda lab: omar_pulls(lab, "hub/busybox"))],
    "no-template": [(cache_rule, let, omar_pulls)],
    "push-template": [(cache_rule, lambda lab: template(lab, applied="CREATE_ON_PUSH"), let, omar_pulls)],
    "template-without": [(cache_rule, lambda lab: template(lab, days=0), let, omar_pulls)],
    "policy-by-hand": [(cache_rule, let, omar_pulls, put_policy)],
    "after-the-pull": [(cache_rule, let, omar_pulls, template)],
    "other-policy": [(cache_rule, lambda lab: template(lab, days=70), let, omar_pulls)],
    "immutable": [(cache_rule, lambda lab: template(lab, mutability="IMMUTABLE"), let, omar_pulls)],
    "by-hand": [(lambda lab: make_repository(lab, CACHED), push_it, omar_pulls)],
    "made-by-hand": [(cache_rule, template, lambda lab: make_repository(lab, CACHED), omar_pulls)],
    "not-pulled": [(cache_rule, template, let)],
    "hub-off": [(cache_rule, template, let, lambda lab: lab.control.hub_switch(on=False), omar_pulls)],
}


def reset(lab: Lab) -> None:
    """Remove rules, templates and what was cached, and give Omar the permissions that he had."""
    ecr = lab.client("ecr")
    no_cache_rules(lab)
    with suppress(ecr.exceptions.RegistryPolicyNotFoundException):
        ecr.delete_registry_policy()
    lab.clear(*(name for name in repositories(lab) if name == "hub" or name.startswith("hub/")))
    lab.user("ops")
    lab.control.hub_switch(on=True)
    lab.control.hub_limits(account=200)
    made(lab, f'docker rmi -f "$REGISTRY/{CACHED}" "$REGISTRY/hub/busybox" >/dev/null 2>&1 || true')
    log_in(lab, "ops")
