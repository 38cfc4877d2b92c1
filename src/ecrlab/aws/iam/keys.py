"""Access keys of IAM users."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.iam.errors import limit_exceeded, no_such_entity
from ecrlab.aws.iam.holders import holder_named
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.quotas import KEYS_PER_USER
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError


def _key(call: Call, user: Document) -> Document:
    key_id = call.params["AccessKeyId"]
    key = call.cloud.identities.keys.get(key_id)
    if key is None or (key["account"], key["user"]) != (call.account, user["name"]):
        raise no_such_entity(f"The Access Key with id {key_id} cannot be found.")
    return key


@operation("iam", "CreateAccessKey")
def create_access_key(call: Call) -> dict[str, Any]:
    identities, user = call.cloud.identities, holder_named(call, "User")
    if len(identities.keys_of(call.account, user["name"])) >= KEYS_PER_USER:
        raise limit_exceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER}")
    key = identities.new_key(call.account, user["name"], call.now)
    return {
        "AccessKey": {
            "UserName": user["name"],
            "AccessKeyId": key["id"],
            "Status": key["status"],
            "SecretAccessKey": key["secret"],
            "CreateDate": key["created"],
        }
    }


@operation("iam", "ListAccessKeys")
def list_access_keys(call: Call) -> dict[str, Any]:
    user = holder_named(call, "User")
    keys = [
        {"UserName": user["name"], "AccessKeyId": key["id"], "Status": key["status"], "CreateDate": key["created"]}
        for key in call.cloud.identities.keys_of(call.account, user["name"])
    ]
    return paged(call, keys, "AccessKeyMetadata")


@operation("iam", "UpdateAccessKey")
def update_access_key(call: Call) -> None:
    key = _key(call, holder_named(call, "User"))
    call.cloud.identities.keys.put(key["id"], {**key, "status": call.params["Status"]})


@operation("iam", "DeleteAccessKey")
def delete_access_key(call: Call) -> None:
    call.cloud.identities.keys.delete(_key(call, holder_named(call, "User"))["id"])


@operation("iam", "GetAccessKeyLastUsed")
def get_access_key_last_used(call: Call) -> dict[str, Any]:
    key = call.cloud.identities.keys.get(call.params["AccessKeyId"])
    if key is None or key["account"] != call.account:
        raise ApiError("AccessDenied", f"The Access Key with id {call.params['AccessKeyId']} cannot be found.", 403)
    used = call.cloud.last_used.get(key["id"])
    last = (
        {"LastUsedDate": used[0], "ServiceName": used[1], "Region": used[2]}
        if used
        else {"ServiceName": "N/A", "Region": "N/A"}
    )
    return {"UserName": key["user"], "AccessKeyLastUsed": last}
