"""Catalog data: what the Public Gallery shows of a repository."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ecrlab.aws.ecr.request import change, invalid
from ecrlab.aws.ecr_public.registry import LOGOS, PLACE
from ecrlab.aws.ecr_public.request import public_operation, repository_of, without_none
from ecrlab.aws.operations import Call
from ecrlab.store import Repository

# What the Gallery knows of other images is not in its list (botocore: Architecture, OperatingSystem).
ARCHITECTURES = ("ARM", "ARM 64", "x86", "x86-64")
SYSTEMS = ("Linux", "Windows")


def checked_catalog(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return catalog data as it is kept. Raises ApiError: an architecture or system that the Gallery does not have."""
    for member, allowed in (("architectures", ARCHITECTURES), ("operatingSystems", SYSTEMS)):
        for value in given.get(member) or ():
            if value not in allowed:
                raise invalid(member, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    kept = {name: value for name, value in given.items() if name != "logoImageBlob"}
    if given.get("logoImageBlob"):
        kept["logo"] = base64.b64encode(given["logoImageBlob"]).decode()
    return kept


def catalog_shown(call: Call, repository: Repository) -> dict[str, Any]:
    kept = repository.attributes["catalog"]
    shown = {name: value for name, value in kept.items() if name != "logo"}
    if "logo" in kept:
        where = f"{repository.registry.partition('/')[0]}/{repository.name}"
        shown["logoUrl"] = f"http://{call.cloud.address(*PLACE)}{LOGOS}{where}"
    return {**shown, "marketplaceCertified": False}


@public_operation("PutRepositoryCatalogData", simplified="Kept and given back; there is no Gallery that shows it.")
def put_repository_catalog_data(call: Call) -> dict[str, Any]:
    catalog = checked_catalog(call.params["catalogData"])
    with call.cloud.store.transaction():
        repository = repository_of(call)
        # What is left out stays as it was.
        kept = {**repository.attributes["catalog"], **without_none(catalog)}
        repository = change(call, repository, catalog=kept)
    return {"catalogData": catalog_shown(call, repository)}


@public_operation("GetRepositoryCatalogData")
def get_repository_catalog_data(call: Call) -> dict[str, Any]:
    return {"catalogData": catalog_shown(call, repository_of(call))}
