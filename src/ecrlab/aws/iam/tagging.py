"""The operations that tag users, roles and policies."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.iam.holders import KINDS, holder_named, word_of
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.policies import own_policy
from ecrlab.aws.iam.tags import merged_tags, shown_tags
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation


def _tagged(call: Call) -> tuple[str, Document]:
    if "PolicyArn" in call.params:
        return "policies", own_policy(call)
    word = word_of(call)
    return KINDS[word], holder_named(call, word)


@operation("iam", "TagUser", "TagRole", "TagPolicy")
def tag(call: Call) -> None:
    kind, document = _tagged(call)
    document["tags"] = merged_tags(document["tags"], call.params["Tags"])
    call.cloud.identities.put(kind, call.account, document)


@operation("iam", "UntagUser", "UntagRole", "UntagPolicy")
def untag(call: Call) -> None:
    kind, document = _tagged(call)
    document["tags"] = {key: value for key, value in document["tags"].items() if key not in call.params["TagKeys"]}
    call.cloud.identities.put(kind, call.account, document)


@operation("iam", "ListUserTags", "ListRoleTags", "ListPolicyTags")
def list_tags(call: Call) -> dict[str, Any]:
    return paged(call, shown_tags(_tagged(call)[1]), "Tags")
