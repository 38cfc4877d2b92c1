"""Policies put in place of those that are saved, for the time of a question."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ecrlab.aws.authorization.targets import Target
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.identity.identities import Principal, parsed
from ecrlab.aws.what_if.errors import Unanswerable
from ecrlab.home import ACCOUNT, REGION
from ecrlab.policy import Attached, Policies, Policy, PolicyError, PolicyKind, union


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


def edited(cloud: Cloud, principal: Principal, target: Target, policies: Policies, edits: Iterable[Edit]) -> Policies:
    """Return the policies of a question as they would be with all edits saved."""
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


def replaced(policies: Policies, given: object) -> Policies:
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
