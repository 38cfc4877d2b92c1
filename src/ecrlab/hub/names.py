"""Names at the hub: NAMESPACE/REPOSITORY, and what may be a namespace."""

from __future__ import annotations

import re

#: The store's name of this registry.
REGISTRY = "hub"
#: The namespace of a name without one (H001, H004).
LIBRARY = "library"
#: The namespace of the image by which limits are looked at without spending a pull (H019).
PREVIEW = "ratelimitpreview"

# Paths of the HTTP API begin with these words, in the place where a namespace stands in a registry path.
RESERVED = frozenset({LIBRARY, PREVIEW, "access-tokens", "auth", "namespaces", "orgs", "repositories", "users"})

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_FULL = re.compile(rf"{_PART}(?:/{_PART})+")
_ACCOUNT = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:[_-]+[a-z0-9]+)*")


def full(name: str) -> str:
    """Return the name with its namespace: ``busybox`` is ``library/busybox`` (H001)."""
    return name if "/" in name else f"{LIBRARY}/{name}"


def is_full(name: str) -> bool:
    """Tell whether a name with its namespace could stand in a registry path (OCI distribution 1.1)."""
    return len(name) <= 512 and _FULL.fullmatch(name) is not None


def is_account(name: object) -> bool:
    """Tell whether a user or an organisation may be called so: 2 to 30 lower-case letters, digits, - and _."""
    return isinstance(name, str) and 2 <= len(name) <= 30 and _ACCOUNT.fullmatch(name) is not None


def is_repository(name: object) -> bool:
    """Tell whether a new repository may be called so, without its namespace (H003)."""
    return isinstance(name, str) and 2 <= len(name) <= 255 and _REPOSITORY.fullmatch(name) is not None
