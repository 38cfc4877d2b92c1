"""What exercises about policies share: names of managed policies, and reading and naming what a policy holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

PULL_ONLY = "AmazonEC2ContainerRegistryPullOnly"
POWER_USER = "AmazonEC2ContainerRegistryPowerUser"
FULL_ACCESS = "AmazonEC2ContainerRegistryFullAccess"
ADMINISTRATOR = "AdministratorAccess"


def as_list(value: Any) -> list[Any]:
    """Return what a policy may write as one or as a list: always a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def as_words(names: Sequence[str]) -> str:
    """Return names as code, with commas between (markdown); "" for none."""
    return ", ".join(f"`{name}`" for name in names)


def in_code(text: str) -> str:
    """Return a sentence of IAM's trace with its ARNs, actions and condition keys as code (markdown).

    Without the marks the stars of two patterns would be taken for emphasis.
    """
    return re.sub(
        r"(?<![`\w])(?:arn:[\w.*?:/@+=$\{\}-]*[\w*?/\}]|[a-z][a-z0-9-]*:[A-Z*][\w*?/]*)(?!`)", r"`\g<0>`", text
    )
