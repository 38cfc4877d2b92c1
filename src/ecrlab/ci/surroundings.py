"""The environment of a run: built from nothing, with a letter of introduction in a file and no key at all."""

from __future__ import annotations

import os
from pathlib import Path

from ecrlab.environment import environment
from ecrlab.home import Home, read_json

# What a run has of the lab's environment: where things are, and nothing that says who somebody is.
_FROM_THE_LAB = (
    "PATH", "NO_PROXY", "no_proxy", "DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_BUILDKIT",
    "BUILDX_NO_DEFAULT_ATTESTATIONS", "REGISTRY", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PAGER",
    "AWS_EC2_METADATA_DISABLED",
)  # fmt: skip


def variables(home: Home, folder: Path, number: int, role: str, commit: str, ref: str) -> dict[str, str]:
    """Return the variables of run ``number``, whose folder holds its token and its empty home.

    A file of settings that the run could read is switched off: a default profile there would win over the token, or
    fail (tried with aws 1.46), and ``aws`` keeps sessions in its home's cache.
    """
    lab = environment(home, base={"PATH": os.environ.get("PATH", os.defpath)})
    found = {name: value for name in _FROM_THE_LAB if (value := lab.get(name)) is not None}
    if read_json(home.run / "engine.json").get("kind") == "none":
        found["ECRLAB_HOME"] = str(home.path)  # the stand-in's images are there
    return {
        **found,
        "HOME": str(folder / "home"),
        "DOCKER_CONFIG": str(folder / "home" / ".docker"),
        "LANG": "C.UTF-8",
        "CI": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token"),
        "AWS_ROLE_ARN": role,
        "AWS_ROLE_SESSION_NAME": f"run-{number}",
        "GIT_COMMIT": commit,
        "GIT_REF": ref,
    }
