"""The registry of an account in one Region, and the account's settings in it."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.ecr.request import (
    invalid,
)
from ecrlab.aws.operations import Call, operation


@operation("ecr", "DescribeRegistry")
def describe_registry(call: Call) -> dict[str, Any]:
    configuration = call.cloud.registry_settings(call.account, call.region).get("replication") or {"rules": []}
    return {"registryId": call.account, "replicationConfiguration": configuration}


SETTINGS = {
    "BLOB_MOUNTING": ("DISABLED", ("ENABLED", "DISABLED")),
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE", ("AWS_NATIVE",)),
    "REGISTRY_POLICY_SCOPE": ("V2", ("V2",)),
}


@operation("ecr", "GetAccountSetting", "PutAccountSetting")
def account_setting(call: Call) -> dict[str, Any]:
    name = call.params["name"]
    if name not in SETTINGS:
        raise invalid("name", f"Member must satisfy enum value set: [{', '.join(SETTINGS)}]")
    default, allowed = SETTINGS[name]
    if call.operation == "PutAccountSetting":
        if call.params["value"] not in allowed:
            raise invalid("value", f"Member must satisfy enum value set: [{', '.join(allowed)}]")
        call.cloud.change_registry(call.account, call.region, **{name: call.params["value"]})
    return {"name": name, "value": call.cloud.registry_settings(call.account, call.region).get(name, default)}
