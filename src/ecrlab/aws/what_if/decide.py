"""Questions to IAM from outside a request: may this principal do that, now or as if other policies stood there."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import Any

from ecrlab.aws.authorization.ask import Held, asks_registry, in_force
from ecrlab.aws.authorization.explain import opened, reason
from ecrlab.aws.authorization.keys import condition_keys
from ecrlab.aws.authorization.rules import RULES
from ecrlab.aws.authorization.suggest import where as place_of_policy
from ecrlab.aws.authorization.suggest import with_statement
from ecrlab.aws.authorization.targets import Target, public_target, repository_target
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.context import RequestContext
from ecrlab.aws.ecr_public.registry import key as public_key
from ecrlab.aws.identity import bearers
from ecrlab.aws.identity.identities import Document, Principal, parsed
from ecrlab.aws.identity.web_identity import Bearer
from ecrlab.aws.seed import ADMINISTRATOR, PEOPLE
from ecrlab.home import ACCOUNT, REGION
from ecrlab.policy import (
    Attached,
    Decision,
    Policies,
    Policy,
    PolicyError,
    PolicyKind,
    PolicyType,
    Request,
    evaluate,
    explain,
    read_policy,
    union,
)
from ecrlab.policy.pattern import variables

MOST = 2000
"""The most questions in one call."""
KEPT = 50_000
"""How many answers of `allowed` are kept."""
MOMENT = ("aws:currenttime", "aws:epochtime")
"""The condition keys that are another at each question."""
STRANGER = "111122223333"
"""An account that nobody in the course belongs to; `opens` asks for it when a policy names principals."""

# Permissions that no API operation carries the name of (facts iam.md 10).
_PERMISSIONS_ONLY = {
    "ecr:BatchImportUpstreamImage": "repository",
    "ecr:ReplicateImage": "repository",
    "iam:PassRole": "role",
    bearers.ACTION: "role to assume",
    "sts:TagSession": "role to assume",
    "sts:SetSourceIdentity": "role to assume",
    "sts:GetServiceBearerToken": "*",
}
_ADDRESS = re.compile(r"(?:[^/]+/)?(\d{12})\.dkr[.-]ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?:[:@].*)?")
_ENTITY = re.compile(r"(user|role|group|policy)/(.+)")


class Unanswerable(ValueError):  # noqa: N818 (an answer, not a failure)
    """A question that cannot be put; the text says what was seen and what there is.

    ``missing`` is "principal", "action" or "resource" when that was not found.
    """

    def __init__(self, message: str, missing: str = "") -> None:
        super().__init__(message)
        self.missing = missing


@cache
def actions() -> dict[str, str]:
    """Return every action of the lab's services, as IAM writes it, with the kind of thing it is asked about."""
    known = {action: rule.target for rule in RULES.values() for action in rule.actions}
    return dict(sorted((_PERMISSIONS_ONLY | known).items()))


@cache
def _by_lower() -> dict[str, str]:
    return {action.lower(): action for action in actions()}


def action_named(text: str) -> str:
    """Return the action that ``text`` names, with or without its service, in whatever case.

    Raises Unanswerable with the nearest names when there is none.
    """
    if text in actions():
        return text
    wanted = text.strip().lower()
    candidates = [wanted] if ":" in wanted else [f"{service}:{wanted}" for service in ("ecr", "iam", "sts")]
    for candidate in candidates:
        if candidate in _by_lower():
            return _by_lower()[candidate]
    if "*" in wanted or "?" in wanted:
        raise Unanswerable(f"A request has one action; {text!r} is a pattern. Ask for one, such as ecr:PutImage.")
    services = sorted({action.partition(":")[0] for action in actions()})
    service = candidates[0].partition(":")[0]
    if service not in services:
        raise Unanswerable(f"The lab has no service {service!r}. It has {', '.join(services)}.", "action")
    near = near_actions(candidates[0])
    like = f" Near to it: {', '.join(near)}." if near else ""
    raise Unanswerable(f"There is no action {text!r}.{like} All of them: ecrlab can --actions", "action")


def near_actions(text: str) -> list[str]:
    """Return up to four actions whose names look like ``text``, nearest first."""
    wanted = text.lower()
    service = wanted.partition(":")[0] + ":"
    names = [name for name in _by_lower() if name.startswith(service)] or list(_by_lower())
    return [_by_lower()[name] for name in difflib.get_close_matches(wanted, names, n=4, cutoff=0.6)]


# ----------------------------------------------------------------------------------------------------------- principals


def principal_named(cloud: Cloud, text: str) -> Principal:
    """Return the principal that ``text`` names, with no request of its own.

    ``text`` is a profile ("ops"), "user/ci", "role/deployer" (a session of that role), "root", each also with an
    account in front ("444455556666:user/partner"), or an ARN; or an identity token, for its bearer. Raises Unanswerable
    with the names there are, or with what STS says of the token.
    """
    if not isinstance(text, str) or not text.strip():
        raise Unanswerable("A principal is a text: a profile, user/NAME, role/NAME, or an ARN.")
    if bearers.is_token(text):
        return _bearer(cloud, text).principal()
    account, rest = _account_and_name(text.strip())
    what, slash, name = rest.partition("/")
    if not slash and what == "root":
        return _root(account)
    if what in ("user", "role", "assumed-role") and slash:
        found = _entity(cloud, account, what, name)
    else:
        found = _entity(cloud, account, "user", rest) or _entity(cloud, account, "role", rest)
        if what == "group":
            raise Unanswerable(f"{text} is a group. A group makes no requests: ask for one of its users.")
    if found is None:
        raise Unanswerable(f"There is no principal {text!r}. {_who_there_is(cloud, account)}", "principal")
    return found


def _bearer(cloud: Cloud, text: str) -> Bearer:
    try:
        return bearers.bearer(cloud, text, ACCOUNT)
    except bearers.TokenRefused as refused:
        raise Unanswerable(str(refused)) from None


def _account_and_name(text: str) -> tuple[str, str]:
    parts = text.split(":", 5)
    if parts[0] == "arn":
        if len(parts) < 6 or parts[2] not in ("iam", "sts"):
            raise Unanswerable(f"{text!r} is not the ARN of a principal, such as arn:aws:iam::{ACCOUNT}:user/ci.")
        return parts[4], parts[5]
    if re.match(r"\d{12}:", text):
        return text[:12], text[13:]
    person = next((person for person in PEOPLE if text in (person.profile, f"user/{person.profile}")), None)
    return (person.account if person else ACCOUNT), text


def _root(account: str) -> Principal:
    arn = f"arn:aws:iam::{account}:root"
    context: dict[str, str | tuple[str, ...]] = {
        "aws:PrincipalArn": arn,
        "aws:PrincipalAccount": account,
        "aws:PrincipalType": "Account",
        "aws:userid": account,
    }
    return Principal("root", account, arn, account, "root", account, "", None, context)


def _entity(cloud: Cloud, account: str, what: str, name: str) -> Principal | None:
    identities = cloud.identities
    if what == "user":
        return identities.user_principal(account, name.rpartition("/")[2], "")
    # An ARN of a session is assumed-role/ROLE/SESSION; a role's own may hold a path before its name.
    role_name, session_name = name.rpartition("/")[2], "ecrlab"
    if what == "assumed-role":
        role_name, _, given = name.partition("/")
        session_name = given or session_name
    role = identities.get("roles", account, role_name)
    if role is None:
        return None
    now = cloud.clock.time()
    live = [
        session
        for _, session in identities.sessions.items()
        if session["kind"] == "role"
        and (session["role_id"], session["session_name"]) == (role["id"], session_name)
        and session["expires"] > now
    ]
    session = max(live, key=lambda each: each["issued"], default=None) or {
        "id": "",
        "kind": "role",
        "account": account,
        "name": role["name"],
        "role_id": role["id"],
        "session_name": session_name,
        "tags": {},
        "policies": [],
        "issued_text": "",
    }
    return identities.session_principal(session)


def _names(cloud: Cloud, kind: str) -> Iterator[tuple[str, Document]]:
    for key, document in cloud.store.table(f"iam.{kind}").items():
        yield key.partition("/")[0], document


def _who_there_is(cloud: Cloud, account: str) -> str:
    words = []
    for kind in ("users", "roles"):
        names = [document["name"] for where, document in _names(cloud, kind) if where == account]
        if names:
            words.append(f"{kind}: {_some(names)}")
    others = sorted({where for where, _ in _names(cloud, "users")} - {account})
    text = f"Account {account} has {'; '.join(words)}." if words else f"Account {account} has no users and no roles."
    return text + (f" Other accounts: {_some(others)}." if others else "")


def _some(names: Iterable[str], most: int = 12) -> str:
    shown = list(names)
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


# ------------------------------------------------------------------------------------------------------------ resources


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
        there = f"It has {_some(names)}." if names else "It has none yet."
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
    names = [document["name"] for where, document in _names(cloud, plural) if where == account]
    return f"Account {account} has {plural} {_some(names)}." if names else f"Account {account} has no {plural}."


# ---------------------------------------------------------------------------------------------------------- as if saved


@dataclass(frozen=True)
class Edit:
    """A document put in place of one that is saved, or beside those, for the time of a question.

    ``kind`` is what holds it: "user", "group" or "role" (its inline policy ``name``), "managed" (``holder`` is an
    ARN), "boundary" ("user/ops" or "role/x"), "trust" (a role) or "repository". ``policy`` None: taken away.
    """

    kind: str
    holder: str
    name: str
    policy: Policy | None


_EDIT_KINDS: dict[str, PolicyKind] = {
    "user": "identity",
    "group": "identity",
    "role": "identity",
    "managed": "identity",
    "boundary": "boundary",
    "trust": "trust",
    "repository": "resource",
}


def edit_of(given: object) -> Edit:
    """Read one edit: {"user": "ops", "policy": "pull", "document": …}, {"repository": "my-web-app", "document": …}.

    Raises Unanswerable; a document that IAM would refuse is named with IAM's text.
    """
    wanted = " or ".join(f'{{"{kind}": …}}' for kind in _EDIT_KINDS)
    if not isinstance(given, Mapping) or "document" not in given:
        raise Unanswerable(f'An edit is an object such as {wanted}, with the new "document".')
    kinds = [kind for kind in _EDIT_KINDS if isinstance(given.get(kind), str)]
    if len(kinds) != 1:
        raise Unanswerable(f"An edit names one place: {wanted}.")
    kind = kinds[0]
    name = given.get("policy", "")
    if kind in ("user", "group", "role") and not (isinstance(name, str) and name):
        raise Unanswerable(f'The edit of {kind} {given[kind]!r} needs the inline policy\'s name in "policy".')
    document = given["document"]
    policy = None if document is None else document_of(document, _EDIT_KINDS[kind], f"{kind} {given[kind]}")
    return Edit(kind, given[kind], str(name), policy)


def document_of(document: object, kind: PolicyKind, where: str) -> Policy:
    """Read a hypothetical document as IAM would when it is put; raises Unanswerable with IAM's text."""
    text = document if isinstance(document, str) else json.dumps(document)
    try:
        return parsed(text, kind)
    except PolicyError as error:
        raise Unanswerable(f"The policy for {where} is not a policy: {error.code}: {error.message}") from None


def _edited(cloud: Cloud, principal: Principal, target: Target, policies: Policies, edits: Iterable[Edit]) -> Policies:
    for edit in edits:
        policies = _apply(cloud, principal, target, policies, edit)
    return policies


def _apply(cloud: Cloud, principal: Principal, target: Target, policies: Policies, edit: Edit) -> Policies:
    own = "role" if principal.kind == "session" else "user"
    if edit.kind == "repository":
        arn = edit.holder
        if not arn.startswith("arn:"):
            arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{edit.holder.removeprefix('repository/')}"
        return replace(policies, resource=edit.policy) if target.arn == arn else policies
    if edit.kind == "trust":
        held = target.arn.rpartition("/")[2] == edit.holder.rpartition("/")[2] and ":role/" in target.arn
        return replace(policies, resource=edit.policy) if held and policies.resource is not None else policies
    if edit.kind == "managed":
        identity = tuple(
            replace(each, policy=edit.policy) if each.arn == edit.holder and edit.policy is not None else each
            for each in policies.identity
        )
        boundary = policies.boundary
        if boundary is not None and boundary.arn == edit.holder and edit.policy is not None:
            boundary = replace(boundary, policy=edit.policy)
        return replace(policies, identity=identity, boundary=boundary)
    if edit.kind == "boundary":
        if edit.holder not in (principal.name, f"{own}/{principal.name}"):
            return policies
        edge = Attached(edit.policy, None, "boundary", "permissions boundary") if edit.policy is not None else None
        return replace(policies, boundary=edge)
    if not _holds(cloud, principal, own, edit):
        return policies
    source = f"{edit.kind} {edit.holder}"
    kept = [each for each in policies.identity if (each.source, each.name, each.arn) != (source, edit.name, None)]
    if edit.policy is not None:
        kept.append(Attached(edit.policy, None, edit.name, source))
    return replace(policies, identity=tuple(kept))


def _holds(cloud: Cloud, principal: Principal, own: str, edit: Edit) -> bool:
    if edit.kind == "group":
        user = cloud.identities.get("users", principal.account, principal.name) if own == "user" else None
        return user is not None and edit.holder in user["groups"]
    return principal.kind != "root" and (edit.kind, edit.holder) == (own, principal.name)


def _replaced(policies: Policies, given: object) -> Policies:
    """Replace whole layers: {"identity": document or list, "resource": …, "boundary": …, "session": …}; null: none."""
    layers: tuple[PolicyKind, ...] = ("identity", "resource", "boundary", "session")
    if not isinstance(given, Mapping) or not set(given) <= set(layers):
        raise Unanswerable(f"policies is an object with any of {', '.join(layers)}.")
    for layer in layers:
        if layer not in given:
            continue
        kind: PolicyKind = layer
        if layer == "resource" and policies.resource is not None and policies.resource.kind == "trust":
            kind = "trust"
        documents = given[layer] if isinstance(given[layer], list) else [given[layer]]
        read = [document_of(each, kind, layer) for each in documents if each is not None]
        if layer == "identity":
            policies = replace(policies, identity=tuple(Attached(each, None, "as given", "") for each in read))
        elif layer == "boundary":
            edge = Attached(union(*read), None, "as given", "permissions boundary") if read else None
            policies = replace(policies, boundary=edge)
        elif layer == "session":
            policies = replace(policies, session=union(*read) if read else None)
        else:
            policies = replace(policies, resource=union(*read) if read else None)
    return policies


# ------------------------------------------------------------------------------------------------------------ questions


@dataclass(frozen=True)
class Asking:
    """A question that was made out: who, about what, with which policies."""

    principal: Principal
    request: Request
    policies: Policies
    notes: list[str]

    def decide(self) -> Decision:
        return evaluate(self.request, self.policies)


class Reading:
    """What one call's questions are about, each thing read once: a matrix asks for the same few again and again.

    All of a call is decided by what stood there when its first question needed it.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.principal = cache(partial(principal_named, cloud))
        self._registry = cache(cloud.registry_policy)
        self._targets: dict[tuple[str, str, str], tuple[Target, str, list[str]]] = {}
        self._held: dict[str, Held] = {}
        self._askers: dict[str, object | None] = {}
        self._things: dict[tuple[str, str, str, bool], object | None] = {}

    def target(self, action: str, text: str | None, principal: Principal) -> tuple[Target, str, list[str]]:
        """Return what `target_named` returns."""
        key = _same_target(action, text, principal)
        if key not in self._targets:
            self._targets[key] = target_named(self.cloud, action, text, principal)
        return self._targets[key]

    def held(self, name: str) -> Held:
        """Return the policies that the principal of that name holds."""
        if name not in self._held:
            self._held[name] = self.cloud.identities.policies_of(self.principal(name))
        return self._held[name]

    def policies(self, name: str, action: str, target: Target, region: str) -> Policies:
        """Return the policies in force when the principal of that name asks."""
        registry = self._registry(target.account, region) if asks_registry(action, target) else None
        return in_force(self.held(name), target, registry)

    def hangs_on(self, name: str, action: str, text: str) -> tuple[object, str, object] | None:
        """Return a name for all that the answer to a question hangs on: as long as that is alike, it is the same.

        None where the answer may change with the time alone.
        """
        principal = self.principal(name)
        if name not in self._askers:
            identity, boundary, session = self.held(name)
            policies = (*(each.policy for each in identity), boundary.policy if boundary else None, session)
            self._askers[name] = _one(
                policies, principal.kind, principal.arn, principal.account, frozenset(principal.context.items())
            )
        key = (*_same_target(action, text, principal), action.startswith("ecr:"))
        if key not in self._things:
            target, region, _ = self.target(action, text, principal)
            registry = self._registry(target.account, region) if asks_registry(action, target) else None
            tags = frozenset(target.tags.items())
            self._things[key] = _one((target.policy, registry), target.arn, target.account, region, tags)
        who, what = self._askers[name], self._things[key]
        return None if who is None or what is None else (who, action, what)


def _same_target(action: str, text: str | None, principal: Principal) -> tuple[str, str, str]:
    """Return what names a target: an ARN of a repository stands for itself, whatever is asked about it."""
    if text and text.startswith("arn:aws:ecr:") and actions()[action] not in ("*", "none"):
        return "", text, ""
    return action, text or "*", principal.account


def _one(policies: tuple[Policy | None, ...], *facts: Hashable) -> object | None:
    """Return one object for equal policies and facts; None where a policy speaks of the time."""
    if any(policy is not None and _speaks_of_time(policy) for policy in policies):
        return None
    return _interned(policies, *facts)


@lru_cache(maxsize=2048)
def _interned(*_facts: Hashable) -> object:
    return object()


@lru_cache(maxsize=4096)
def _speaks_of_time(policy: Policy) -> bool:
    for statement in policy.statements:
        texts = [*(statement.resources.values if statement.resources else ())]
        for condition in statement.conditions:
            if condition.key.lower() in MOMENT:
                return True
            texts += condition.values
        if any(key.lower() in MOMENT for text in texts for key in variables(text)):
            return True
    return False


def asking(read: Reading, given: object, edits: Iterable[Edit] = ()) -> Asking:
    """Make out one question: {"principal", "action", "resource", "context"?, "policies"?}; raises Unanswerable."""
    if not isinstance(given, Mapping):
        raise Unanswerable('A question is an object with "principal", "action" and "resource".')
    for name in ("principal", "action"):
        if not isinstance(given.get(name), str):
            raise Unanswerable(f"A question needs {name!r}, a text.")
    if not isinstance(given.get("resource", ""), str):
        raise Unanswerable("'resource' is a text: a repository's name, an ARN, or *.")
    principal = read.principal(given["principal"])
    action = action_named(given["action"])
    if principal.kind == "web identity" and action != bearers.ACTION:
        raise Unanswerable(f"A token is good for one request, {bearers.ACTION}. What comes of it, ask for the role.")
    target, region, notes = read.target(action, given.get("resource"), principal)
    circumstances = RequestContext(region, read.cloud.clock.time(), "127.0.0.1", "ecrlab")
    told = condition_keys(principal.context, action, target, circumstances)
    policies = read.policies(given["principal"], action, target, region)
    policies = _edited(read.cloud, principal, target, policies, edits)
    if "policies" in given:
        policies = _replaced(policies, given["policies"])
    context = {**told, **_context(given.get("context"))}
    context = {key: value for key, value in context.items() if value not in ("", ())}
    request = Request(principal.arn, action, target.arn, target.account, context)
    return Asking(principal, request, policies, notes)


def _context(given: object) -> dict[str, str | tuple[str, ...]]:
    """The keys of a question; null takes one away."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(":" in str(key) for key in given):
        raise Unanswerable('context is an object of condition keys, such as {"aws:SourceIp": "192.0.2.1"}.')
    read: dict[str, str | tuple[str, ...]] = {}
    for key, value in given.items():
        if value is None:
            read[str(key)] = ""
        elif isinstance(value, list):
            read[str(key)] = tuple(str(each) for each in value)
        else:
            read[str(key)] = str(value).lower() if isinstance(value, bool) else str(value)
    return read


def brief(asked: Asking, decision: Decision) -> dict[str, Any]:
    """Return the decision in short: what a matrix shows of it."""
    return {
        "principal": asked.request.principal,
        "action": asked.request.action,
        "resource": asked.request.resource,
        "allowed": decision.allowed,
        "decision": "allowed" if decision.allowed else "denied",
        "verdict": decision.verdict,
        "policy_type": decision.policy_type,
        "reason": reason(decision),
        "notes": asked.notes,
    }


def full(asked: Asking, decision: Decision) -> dict[str, Any]:
    """Return the decision opened: `brief`, the explanation and all of `ecrlab.aws.authorization.explain.opened`."""
    return {**brief(asked, decision), "explanation": explain(decision), **opened(decision, asked.policies)}


def decide(cloud: Cloud, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the control interface's POST decide.

    ``body`` is one question, answered by `full`; or {"questions": [question, …]}, answered by {"decisions": [`brief`,
    …]} in the same order, with "explained" each with its explanation. With "edits" all of it is decided as if these
    documents were saved. One question may bring a
    "statement": the answer's "proposal" says whether it would do and what else it would open (`proposal`).

    Raises Unanswerable for what cannot be made out, and PolicyError never.
    """
    given = body.get("edits", [])
    if not isinstance(given, list):
        raise Unanswerable("edits is a list.")
    edits = [edit_of(each) for each in given]
    questions, read = body.get("questions"), Reading(cloud)
    if questions is None:
        asked = asking(read, body, edits)
        answer = full(asked, asked.decide())
        if "statement" in body:
            answer["proposal"] = proposal(cloud, asked, body["statement"])
        return answer
    if not isinstance(questions, list) or len(questions) > MOST:
        raise Unanswerable(f"questions is a list of at most {MOST}.")
    answers = []
    for each in questions:
        asked = asking(read, each, edits)
        decision = asked.decide()
        answer = brief(asked, decision)
        answers.append({**answer, "explanation": explain(decision)} if body.get("explained") is True else answer)
    return {"decisions": answers}


_answers: dict[tuple[object, str, object], bool] = {}
"""What was answered, by all that it hangs on (`Reading.hangs_on`)."""


def allowed(cloud: Cloud, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the control interface's POST allowed: {"questions": [[principal, action, resource], …]}.

    The answer is {"allowed": [the places of those that IAM would allow, from 0]}. As `decide`, and quick where the same
    was asked before and nothing has changed that speaks of it: a matrix is asked again after each change.

    Raises Unanswerable for what cannot be made out.
    """
    questions, read = body.get("questions"), Reading(cloud)
    if not isinstance(questions, list) or len(questions) > MOST:
        raise Unanswerable(f"questions is a list of at most {MOST}.")
    found = []
    for place, each in enumerate(questions):
        if not isinstance(each, list) or len(each) != 3 or not all(isinstance(part, str) for part in each):
            raise Unanswerable("A question is a list of three texts: principal, action, resource.")
        name, action, what = each[0], action_named(each[1]), each[2]
        known = read.hangs_on(name, action, what)
        answer = None if known is None else _answers.get(known)
        if answer is None:
            answer = asking(read, {"principal": name, "action": action, "resource": what}).decide().allowed
            if known is not None:
                if len(_answers) >= KEPT:
                    _answers.clear()
                _answers[known] = answer
        if answer:
            found.append(place)
    return {"allowed": found}


def who(cloud: Cloud, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the control interface's POST who: {"principal"}; the ARN and the policies that speak about it.

    Of a bearer of an identity token: the claims, and of each role of the account what its trust policy says.
    """
    if bearers.is_token(str(body.get("principal", ""))):
        return _who_bears(cloud, str(body["principal"]))
    principal = principal_named(cloud, body.get("principal", ""))
    identity, boundary, session = cloud.identities.policies_of(principal)
    user = cloud.identities.get("users", principal.account, principal.name) if principal.kind == "user" else None
    return {
        "arn": principal.arn,
        "account": principal.account,
        "kind": {"user": "IAM user", "session": "session of an IAM role", "root": "root user"}[principal.kind],
        "groups": user["groups"] if user else [],
        "policies": [{"name": each.name, "arn": each.arn, "source": each.source} for each in identity],
        "boundary": boundary.name if boundary else None,
        "session_policy": session is not None,
    }


def _who_bears(cloud: Cloud, text: str) -> dict[str, Any]:
    bearer, read = _bearer(cloud, text), Reading(cloud)
    roles = []
    for account, role in _names(cloud, "roles"):
        if account == ACCOUNT:
            asked = asking(read, {"principal": text, "action": bearers.ACTION, "resource": role["arn"]})
            decision = asked.decide()
            roles.append({"role": role["name"], "allowed": decision.allowed, "why": explain(decision)})
    return {
        "arn": bearer.provider,
        "account": ACCOUNT,
        "kind": "bearer of an identity token",
        "claims": bearer.claims,
        "roles": sorted(roles, key=lambda each: (not each["allowed"], each["role"])),
    }


# ------------------------------------------------------------------------------------------------------ what else opens


def proposal(cloud: Cloud, asked: Asking, statement: object) -> dict[str, Any]:
    """Try a statement that somebody would add for a denial: would it do, and what else would it open?

    It is put where the denial says something is missing (an identity policy when nothing is). Returns enough, where,
    opens ({"principal", "action", "resource"} that become allowed beside what was asked; the first 200), count, and
    warning ("" when it opens nothing else). Asked about: every action of the lab on every repository of the registry
    and on one that does not exist; for a repository policy, the same action for everybody and for a third account.
    """
    decision = asked.decide()
    kind = decision.policy_type if not decision.allowed and decision.policy_type is not None else "identity-based"
    try:
        after = with_statement(asked.policies, kind, statement)
    except PolicyError as error:
        raise Unanswerable(f"The statement is none: {error.code}: {error.message}") from None
    enough = evaluate(asked.request, after).allowed
    found = list(_opened_by(cloud, asked, after))
    if kind in ("resource-based", "role trust"):
        found += _opened_to(cloud, asked, kind, statement)
    return {
        "enough": enough,
        "where": place_of_policy(asked.request, asked.policies, kind),
        "opens": found[:200],
        "count": len(found),
        "warning": _opens_words(found),
    }


def _opened_by(cloud: Cloud, asked: Asking, after: Policies) -> Iterator[dict[str, str]]:
    request = asked.request
    account, region = ACCOUNT, REGION
    if request.resource.startswith("arn:aws:ecr:"):
        region, account = request.resource.split(":")[3:5]
    names = [found.name for found in cloud.store.repositories(f"{account}/{region}", limit=100)]
    stem = f"arn:aws:ecr:{region}:{account}:repository/"
    for action, target in actions().items():
        if target in ("repository", "repositories", "arn") and action.startswith("ecr:"):
            resources = [stem + name for name in (*names, "a-repository-of-tomorrow")]
        elif target == "none":
            continue
        elif target.startswith(("*", "public ", "ecs ")):
            resources = ["*"]
        else:
            resources = [f"arn:aws:iam::{request.resource_account}:{target.split()[0]}/any"]
        for resource in resources:
            if (action, resource) == (request.action, request.resource):
                continue
            same = resource == request.resource
            trial = replace(request, action=action, resource=resource)
            # Another repository's own policy is not this one's.
            before = asked.policies if same else replace(asked.policies, resource=None)
            then = after if same else replace(after, resource=None)
            if not evaluate(trial, before).allowed and evaluate(trial, then).allowed:
                yield {"principal": request.principal, "action": action, "resource": resource}


def _opened_to(cloud: Cloud, asked: Asking, kind: PolicyType, statement: object) -> Iterator[dict[str, str]]:
    """Who else a repository policy's statement lets do the same."""
    request = asked.request
    others = [
        found
        for account, user in _names(cloud, "users")
        if (found := cloud.identities.user_principal(account, user["name"], "")) is not None
        and found.arn != request.principal
    ]
    everything = cloud.identities.text_of(ADMINISTRATOR)
    assert everything is not None
    for other in [*others, _user_of_tomorrow()]:
        identity, boundary, session = cloud.identities.policies_of(other)
        if other.account == STRANGER:
            identity = (Attached(read_policy(everything), ADMINISTRATOR, "AdministratorAccess", "user anybody"),)
        policies = replace(asked.policies, identity=identity, boundary=boundary, session=session)
        context = {key: value for key, value in request.context.items() if not key.startswith("aws:Principal")}
        trial = replace(request, principal=other.arn, context={**context, **other.context})
        after = with_statement(policies, kind, statement)
        if not evaluate(trial, policies).allowed and evaluate(trial, after).allowed:
            yield {"principal": other.arn, "action": request.action, "resource": request.resource}


def _user_of_tomorrow() -> Principal:
    arn = f"arn:aws:iam::{STRANGER}:user/anybody"
    context: dict[str, str | tuple[str, ...]] = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": STRANGER}
    return Principal("user", STRANGER, arn, "AIDAANYBODY", "anybody", "AIDAANYBODY", "", None, context)


def _opens_words(found: list[dict[str, str]]) -> str:
    if not found:
        return ""

    def short(each: dict[str, str]) -> str:
        return each["resource"].split(":", 5)[-1].removeprefix("repository/")

    writing = [each for each in found if re.search(r":(Batch)?(Delete|Put|Set|Upload|Attach|Create)", each["action"])]
    shown = (writing or found)[:3]
    principals = {each["principal"] for each in found}
    examples = "; ".join(f"{each['action']} on {short(each)}" for each in shown)
    words = f"It opens {len(found)} more than was asked for: {examples}{'; …' if len(found) > len(shown) else '.'}"
    if len(principals) > 1 or any(STRANGER in principal for principal in principals):
        words += f" It also opens it to {_some(sorted(each.split(':', 4)[-1] for each in principals), 4)}."
    return words
