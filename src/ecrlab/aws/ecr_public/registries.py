"""The account's public registry."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.ecr_public.registry import address, change_registry, registry
from ecrlab.aws.ecr_public.request import public_operation
from ecrlab.aws.operations import Call


@public_operation("DescribeRegistries", simplified="A custom alias cannot be asked for: only the default one.")
def describe_registries(call: Call) -> dict[str, Any]:
    name, where = registry(call.cloud, call.account).get("alias"), address(call.cloud)
    aliases = []
    if name is not None:
        aliases.append({"name": name, "status": "ACTIVE", "primaryRegistryAlias": True, "defaultRegistryAlias": True})
    return {
        "registries": [
            {
                "registryId": call.account,
                "registryArn": f"arn:aws:ecr-public::{call.account}:registry/{call.account}",
                "registryUri": f"{where}/{name}" if name else where,
                "verified": False,
                "aliases": aliases,
            }
        ]
    }


@public_operation("GetRegistryCatalogData", "PutRegistryCatalogData")
def registry_catalog_data(call: Call) -> dict[str, Any]:
    if call.operation == "PutRegistryCatalogData":
        change_registry(call.cloud, call.account, displayName=call.params.get("displayName", ""))
    return {"registryCatalogData": {"displayName": registry(call.cloud, call.account).get("displayName", "")}}
