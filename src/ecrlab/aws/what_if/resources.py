"""What is asked about, made out from a text: a repository's name or address, an ARN, an entity of IAM."""

from __future__ import annotations

import difflib
import re

from ecrlab.aws.authorization.targets import Target, public_target, repository_target
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.ecr_public.registry import key as public_key
from ecrlab.aws.identity.identities import Principal, parsed
from ecrlab.aws.what_if.actions import actions
from ecrlab.aws.what_if.callers import documents
from ecrlab.aws.what_if.errors import Unanswerable, some
from ecrlab.home import ACCOUNT, REGION

_ADDRESS = re.compile(r"(?:[^/]+/)?(\d{12})\.dkr[.-]ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?:[:@].*)?")
_ENTITY = re.compile(r"(user|role|group|policy)/(.+)")


def target_named(cloud: Cloud, action: str, text: str | None, principal: Principal) -> tuple[Target, str, list[str]]:
    """Return what the action is asked about, its Region, and notes on how ``text`` was read.

    ``text`` is a repository's name, "user/NAME" and the like for IAM, an ARN, or "*" (for a repository action: all
    repositories). A short name must exist; an ARN is taken as it is. Raises Unanswerable with the names there are.
    """
    kind = actions()[action]
    text = (text or "*").strip()
    if kind in ("*", "none"):
        notes = [] if text == "*" else [f"{action} is asked about no single resource: its Resource is always *."]
        return Target("*", principal.account, {}), REGION, notes
    if text.startswith("arn:"):
        return _by_arn(cloud, kind, text)
    if action.startswith("ecs:"):
        if text == "*":
            return Target("*", principal.account, {}), REGION, []
        raise Unanswerable(f"{action} is asked about an ARN of Amazon ECS, or *; {text!r} is neither.", "resource")
    if kind in ("repository", "repositories", "arn") and not action.startswith("ecr-public:"):
        return _by_repository(cloud, action, text)
    if kind == "oidc provider":
        name = text.removeprefix("oidc-provider/")
        found = cloud.identities.get("oidc_providers", ACCOUNT, name)
        if found is None and name != "*":
            there = _entities(cloud, "oidc_providers", ACCOUNT).replace("oidc_providers", "OpenID Connect providers")
            raise Unanswerable(f"There is no OpenID Connect provider {name!r}. {there}", "resource")
        tags = found["tags"] if found else {}
        return Target(f"arn:aws:iam::{ACCOUNT}:oidc-provider/{name}", ACCOUNT, tags), REGION, []
    if kind in ("user", "group", "role", "policy", "role to assume", "policy source"):
        return _by_entity(cloud, kind, text)
    account = principal.account
    if kind == "public registry":
        return Target(f"arn:aws:ecr-public::{account}:registry/{account}", account, {}), REGION, []
    return _by_public_repository(cloud, account, text.removeprefix("repository/"))


def _by_arn(cloud: Cloud, kind: str, arn: str) -> tuple[Target, str, list[str]]:
    parts = arn.split(":", 5)
    if len(parts) < 6:
        raise Unanswerable(f"{arn!r} is not a whole ARN: it has {len(parts)} of 6 parts.")
    service, region, account, rest = parts[2:]
    if service == "ecr" and rest.startswith("repository/"):
        name = rest.removeprefix("repository/")
        missing = name != "*" and cloud.store.repository(f"{account}/{region}", name) is None
        notes = [f"There is no repository {name} at present; asked as if there were."] if missing else []
        return repository_target(cloud, account, region, name), region, notes
    if service == "ecr-public" and rest.startswith("repository/"):
        return _by_public_repository(cloud, account, rest.removeprefix("repository/"))
    if kind == "role to assume" and rest.startswith("role/"):
        role = cloud.identities.get("roles", account, arn.rpartition("/")[2])
        if role is None or role["arn"] != arn:
            raise Unanswerable(f"There is no role {arn}. {_entities(cloud, 'roles', account)}", "resource")
        return Target(arn, account, role["tags"], parsed(role["trust"], "trust")), REGION, []
    return Target(arn, account or ACCOUNT, {}), region or REGION, []


def _by_public_repository(cloud: Cloud, account: str, name: str) -> tuple[Target, str, list[str]]:
    missing = name != "*" and cloud.store.repository(public_key(account), name) is None
    notes = [f"There is no public repository {name} at present; asked as if there were."] if missing else []
    return public_target(cloud, account, name), REGION, notes


def _by_repository(cloud: Cloud, action: str, text: str) -> tuple[Target, str, list[str]]:
    account, region, name = ACCOUNT, REGION, text.removeprefix("repository/")
    notes = []
    address = _ADDRESS.fullmatch(text)
    if address is not None:
        account, region, name = address[1], address[2], address[3]
        notes.append(f"{text} is an address for docker. IAM calls it arn:aws:ecr:{region}:{account}:repository/{name}.")
    registry = f"{account}/{region}"
    if name != "*" and action != "ecr:CreateRepository" and cloud.store.repository(registry, name) is None:
        names = [found.name for found in cloud.store.repositories(registry, limit=200)]
        there = f"It has {some(names)}." if names else "It has none yet."
        like = difflib.get_close_matches(name, names, n=1)
        near = f" Did you mean {like[0]}?" if like else ""
        raise Unanswerable(
            f"There is no repository {name!r} in the registry of {account} in {region}. {there}{near} "
            f"To ask as if there were one, give its ARN: arn:aws:ecr:{region}:{account}:repository/{name}",
            "resource",
        )
    return repository_target(cloud, account, region, name), region, notes


def _by_entity(cloud: Cloud, kind: str, text: str) -> tuple[Target, str, list[str]]:
    wanted = {"role to assume": "role", "policy source": "user"}.get(kind, kind)
    found = _ENTITY.fullmatch(text)
    what, name = (found[1], found[2]) if found else (wanted, text)
    plural = "policies" if what == "policy" else f"{what}s"
    if name == "*":
        return Target(f"arn:aws:iam::{ACCOUNT}:{what}/*", ACCOUNT, {}), REGION, []
    document = cloud.identities.get(plural, ACCOUNT, name.rpartition("/")[2])
    if document is None and what == "policy":
        document = cloud.identities.managed(f"arn:aws:iam::aws:policy/{name}")
    if document is None:
        raise Unanswerable(f"There is no {what} {name!r}. {_entities(cloud, plural, ACCOUNT)}", "resource")
    trust = parsed(document["trust"], "trust") if kind == "role to assume" and what == "role" else None
    return Target(document["arn"], ACCOUNT, document.get("tags", {}), trust), REGION, []


def _entities(cloud: Cloud, plural: str, account: str) -> str:
    names = [document["name"] for where, document in documents(cloud, plural) if where == account]
    return f"Account {account} has {plural} {some(names)}." if names else f"Account {account} has no {plural}."
