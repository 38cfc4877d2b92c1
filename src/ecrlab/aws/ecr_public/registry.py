"""Public registries: one an account, each known by an alias (facts E003, E023)."""

from __future__ import annotations

import secrets
import string
from typing import Any

from ecrlab.aws.cloud import Cloud

#: The host of ECR Public at AWS; here it stands in the path.
HOST = "public.ecr.aws"
#: Whose port it is: one for the registries of all accounts.
PLACE = ("ecr-public", "")
#: Where logos are, behind it account and repository name.
LOGOS = "/_logos/"
_TABLE, _ALIASES = "ecr-public.registries", "ecr-public.aliases"
_LETTERS = string.ascii_lowercase + string.digits


def key(account: str) -> str:
    """Return the store's name of an account's public registry, beside those of its Regions."""
    return f"{account}/public"


def address(cloud: Cloud) -> str:
    """Return ``localhost:PORT/public.ecr.aws``, the beginning of every image name there."""
    return f"{cloud.address(*PLACE)}/{HOST}"


def registry(cloud: Cloud, account: str) -> dict[str, Any]:
    """Return what is kept of an account's registry: ``alias`` (from the first repository on) and ``displayName``."""
    return cloud.store.table(_TABLE).get(account) or {}


def change_registry(cloud: Cloud, account: str, **changes: Any) -> None:
    """Change what is kept of an account's registry."""
    cloud.store.table(_TABLE).put(account, {**registry(cloud, account), **changes})


def alias(cloud: Cloud, account: str) -> str:
    """Return the registry's default alias, which it is given with its first repository; call it in a transaction."""
    found = registry(cloud, account).get("alias")
    if found is not None:
        return str(found)
    aliases = cloud.store.table(_ALIASES)
    while True:
        # A letter, then letters and digits, as AWS's default aliases are.
        new = secrets.choice(string.ascii_lowercase) + "".join(secrets.choice(_LETTERS) for _ in range(7))
        if aliases.get(new) is None:
            break
    aliases.put(new, {"account": account})
    change_registry(cloud, account, alias=new)
    return new


def account_of_alias(cloud: Cloud, name: str) -> str | None:
    """Return whose registry has this alias, or None."""
    found = cloud.store.table(_ALIASES).get(name)
    return None if found is None else str(found["account"])
