"""Inline policies: those that a user, a group or a role has of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ecrlab.aws.iam.documents import checked_policy, length
from ecrlab.aws.iam.errors import limit_exceeded, no_such_entity
from ecrlab.aws.iam.holders import KINDS, holder_named, word_of
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.quotas import INLINE_LIMIT
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation


def checked_inline(call: Call) -> Document:
    """Return the user, group or role of a Put…Policy as it would be; raise ApiError when it is refused."""
    word = word_of(call)
    holder, name, text = holder_named(call, word), call.params["PolicyName"], call.params["PolicyDocument"]
    checked_policy(text, "identity")
    inline = {**holder["inline"], name: text}
    limit = INLINE_LIMIT[KINDS[word]]
    if sum(map(length, inline.values())) > limit:
        raise limit_exceeded(f"Maximum policy size of {limit} bytes exceeded for {word.lower()} {holder['name']}")
    return {**holder, "inline": inline}


@operation("iam", "PutUserPolicy", "PutGroupPolicy", "PutRolePolicy")
def put_inline_policy(call: Call) -> None:
    call.cloud.identities.put(KINDS[word_of(call)], call.account, checked_inline(call))


@operation("iam", "GetUserPolicy", "GetGroupPolicy", "GetRolePolicy")
def get_inline_policy(call: Call) -> dict[str, Any]:
    word = word_of(call)
    holder, name = holder_named(call, word), call.params["PolicyName"]
    if name not in holder["inline"]:
        raise no_such_entity(f"The {word.lower()} policy with name {name} cannot be found.")
    return {f"{word}Name": holder["name"], "PolicyName": name, "PolicyDocument": quote(holder["inline"][name], safe="")}


@operation("iam", "DeleteUserPolicy", "DeleteGroupPolicy", "DeleteRolePolicy")
def delete_inline_policy(call: Call) -> None:
    word = word_of(call)
    holder, name = holder_named(call, word), call.params["PolicyName"]
    if name not in holder["inline"]:
        raise no_such_entity(f"The {word.lower()} policy with name {name} cannot be found.")
    inline = {other: text for other, text in holder["inline"].items() if other != name}
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "inline": inline})


@operation("iam", "ListUserPolicies", "ListGroupPolicies", "ListRolePolicies")
def list_inline_policies(call: Call) -> dict[str, Any]:
    return paged(call, sorted(holder_named(call, word_of(call))["inline"]), "PolicyNames")
