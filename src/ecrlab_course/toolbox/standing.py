"""What stands in the lab, as far as a learner can change it: whether a checkpoint stands again, what others changed."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError
from ecrlab.client.duration import ahead
from ecrlab.home import PROFILES, REGION
from ecrlab_course.documents.client_record import Login
from ecrlab_course.messages import say
from ecrlab_course.toolbox.lab import Lab

REGIONS = (REGION, "eu-west-1")
"""The Regions that the course works in."""
Fingerprint = dict[tuple[str, str], str]
"""(kind, name) to what it holds, as text. Kinds: those of [left] in content/messages.toml."""


def fingerprint(lab: Lab) -> Fingerprint:
    """Return what the learner's account holds in the lab, and docker's logins; it leaves no trace in the X-ray.

    Of an image: its digest and tags, not when it was pushed. Of a login: whose it is and of which Region.
    """
    view = lab.looking(lab.mark)
    found: Fingerprint = {}
    off = list(lab.control.status()["regions_off"])
    if off:
        found["regions", ""] = _text(off)
    for region in REGIONS:
        if region not in off:
            found.update(_registry(view, region))
        found.update(_settings(view, region, asked=region not in off))
    found.update(_identities(view))
    found.update(_delivery(view))
    for profile, logins in _logins(view):
        found["login", profile] = _text(sorted((login.host, login.user, login.region) for login in logins))
    offset = _offset(lab)
    if round(offset):
        found["clock", ""] = str(round(offset))
    return found


def outline(lab: Lab, users: Sequence[str]) -> dict[str, Any]:
    """Return the outline of it that the progress file keeps, by few requests, because it is taken after every cell.

    The repositories, what these users may do, docker's logins, and the clock's minutes ahead. It leaves no trace in the
    X-ray. Empty when the lab does not answer, or its Region is off.
    """
    with suppress(LabError, ClientError, BotoCoreError, OSError):
        view = lab.looking(lab.mark)
        found: dict[str, Any] = {
            "repositories": sorted(item["repositoryName"] for item in _repositories(view.client("ecr"))),
            "logins": sorted(f"{profile}, {login.host}" for profile, logins in _logins(view) for login in logins),
            "clock": round(_offset(lab) / 60),
        }
        if users:
            held = {
                user["UserName"]: _held(user) for page in _accounts(view, "User") for user in page["UserDetailList"]
            }
            found["permissions"] = {
                name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in held.items() if name in users
            }
        return found
    return {}


def _repositories(ecr: Any) -> Iterator[dict[str, Any]]:
    for page in ecr.get_paginator("describe_repositories").paginate():
        yield from page["repositories"]


def _logins(view: Lab) -> Iterator[tuple[str, list[Login]]]:
    for profile in PROFILES:
        held = view.logins(profile)
        if held:
            yield profile, held


def _offset(lab: Lab) -> float:
    """Return how many seconds the lab's clock is ahead of real time."""
    return float(lab.control.status()["clock"]["offset_seconds"])


def _accounts(view: Lab, *kinds: str) -> Any:
    return view.client("iam").get_paginator("get_account_authorization_details").paginate(Filter=kinds)


def _registry(view: Lab, region: str) -> Iterator[tuple[tuple[str, str], str]]:
    ecr = view.client("ecr", region=region)
    for item in _repositories(ecr):
        name = item["repositoryName"]
        where = name if region == REGION else f"{name} ({region})"
        pages = ecr.get_paginator("describe_images").paginate(repositoryName=name)
        try:
            details = [each for answer in pages for each in answer["imageDetails"]]
        except ClientError as error:  # a policy that shuts out whoever set it
            if not error.response["Error"]["Code"].startswith("AccessDenied"):
                raise
            yield ("images", where), "shut"
            continue
        held = sorted([each["imageDigest"], *sorted(each.get("imageTags", []))] for each in details)
        yield ("images", where), _text([item["imageTagMutability"], held])
        try:
            policy = ecr.get_repository_policy(repositoryName=name)["policyText"]
        except ClientError:  # it has none
            continue
        yield ("policy", where), _text(json.loads(policy))


def _settings(view: Lab, region: str, asked: bool) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what is set for the registry as a whole, where something is; the quotas alone where it cannot be asked."""
    held: dict[str, Any] = {
        each["name"]: each["value"] for each in view.control.quotas(region=region)["quotas"] if each["set"]
    }
    if asked:
        ecr = view.client("ecr", region=region)
        rules = ecr.describe_registry()["replicationConfiguration"]["rules"]
        caches = [
            each["ecrRepositoryPrefix"] for each in ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
        ]
        with suppress(ClientError):  # it has none
            held["policy"] = json.loads(ecr.get_registry_policy()["policyText"])
        held |= {name: value for name, value in (("rules", rules), ("caches", sorted(caches))) if value}
    if held:
        yield ("settings", region), _text(held)


def _identities(view: Lab) -> Iterator[tuple[tuple[str, str], str]]:
    for page in _accounts(view, "User", "Group", "Role"):
        for user in page["UserDetailList"]:
            yield ("rights", user["UserName"]), _held(user)
        for group in page["GroupDetailList"]:
            yield ("group", group["GroupName"]), _text(_policies(group, "Group"))
        for role in page["RoleDetailList"]:
            yield ("role", role["RoleName"]), _text([_policies(role, "Role"), role["AssumeRolePolicyDocument"]])


def _delivery(view: Lab) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield identity providers, what the git server ran, and of ECS what is meant to run, wherever it runs."""
    iam = view.client("iam")
    for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        clients = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=each["Arn"])["ClientIDList"]
        yield ("provider", each["Arn"].partition("/")[2]), _text(sorted(clients))
    ran: dict[str, list[Any]] = {}
    for run in view.control.ci_runs():
        ran.setdefault(run["repository"], []).append([run["ref"], run["state"], run["code"]])
    for name, runs in ran.items():
        yield ("runs", name), _text(runs)
    held = view.control.ecs()
    for kind in ("cluster", "family"):
        for name, value in held[kind].items():
            yield (kind, name), _text(value)


def _held(user: dict[str, Any]) -> str:
    """Return what a user may do, as text: policies, groups and boundary."""
    edge = user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    return _text([_policies(user, "User"), sorted(user["GroupList"]), edge])


def _policies(held: dict[str, Any], kind: str) -> list[Any]:
    attached = sorted(item["PolicyArn"] for item in held["AttachedManagedPolicies"])
    inline = {item["PolicyName"]: item["PolicyDocument"] for item in held.get(f"{kind}PolicyList") or ()}
    return [attached, inline]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def differences(before: Fingerprint, now: Fingerprint) -> list[tuple[str, str]]:
    """Return the things, by kind and name, that are not as they were."""
    return sorted(key for key in {*before, *now} if before.get(key) != now.get(key))


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return, in words, what of an outline is gone or different now. What was added does not count."""
    found = []
    gone = [name for name in before.get("repositories", ()) if name not in now["repositories"]]
    if gone:
        found.append(say("place.repositories_gone", names=", ".join(gone)))
    held = now.get("permissions", {})
    users = [name for name, was in before.get("permissions", {}).items() if held.get(name) != was]
    if users:
        found.append(say("place.rights_differ", users=", ".join(users)))
    logins = [name for name in before.get("logins", ()) if name not in now["logins"]]
    if logins:
        found.append(say("place.login_gone", names="; ".join(logins)))
    if abs(int(before.get("clock", 0)) - int(now["clock"])) > 1:
        found.append(say("place.clock_differs", now=_clock(now["clock"]), before=_clock(before.get("clock", 0))))
    return found


def _clock(minutes: int) -> str:
    return say("place.clock_ahead", ahead=ahead(minutes * 60)) if minutes else say("place.clock_real")


def same_tags(before: Fingerprint, now: Fingerprint, key: tuple[str, str]) -> bool:
    """Tell whether both hold images of the same tags under this key, whatever their digests."""
    if key[0] != "images" or key not in before or key not in now:
        return False
    old, new = ([sorted(image[1:]) for image in json.loads(each[key])[1]] for each in (before, now))
    return sorted(old) == sorted(new)


def put_back(lab: Lab, before: Fingerprint) -> Fingerprint:
    """Let docker forget the logins that were not there before, set the clock as it was; return what the lab holds then.

    Both belong to no exercise, so none undoes them by itself.
    """
    now = fingerprint(lab)
    left = differences(before, now)
    for kind, profile in left:
        if kind == "login":
            old, new = ({host for host, *_ in json.loads(each.get((kind, profile), "[]"))} for each in (before, now))
            for host in sorted(new - old):
                lab.sh(f"docker logout '{host}' >/dev/null 2>&1 || true", profile)
    if ("clock", "") in left:
        lab.clock.reset()
        if ("clock", "") in before:
            lab.clock.advance(seconds=float(before["clock", ""]))
    return fingerprint(lab) if {"login", "clock"} & {kind for kind, _ in left} else now


def local_names(lab: Lab) -> frozenset[str]:
    """Return the names at the lab's registries that docker has for images on this computer."""
    ports = {str(each["port"]) for each in lab.control.status()["registries"]}
    _, here = lab.looking(lab.mark).sh("docker image ls --format '{{.Repository}}:{{.Tag}}' 2>/dev/null || true")
    return frozenset(name for name in here.split() if _is_of_lab(name, ports))


def forget_names(lab: Lab, kept: frozenset[str]) -> None:
    """Let docker forget the names at the lab's registries that are not among those kept; other names stay."""
    new = sorted(local_names(lab) - kept)
    if new:
        lab.sh("docker rmi -f " + " ".join(map(shlex.quote, new)) + " >/dev/null 2>&1 || true")


def _is_of_lab(name: str, ports: set[str]) -> bool:
    host, _, rest = name.partition("/")
    return host.rpartition(":")[2] in ports and ".dkr" in rest.partition("/")[0] and "<none>" not in name
