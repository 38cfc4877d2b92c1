"""What checkpoints and attempts of several lessons are built from: repositories, logins, names, steps of a shell.

These functions act, and their requests are recorded like a learner's. What only looks is in evidence.py.
"""

from __future__ import annotations

import base64
import importlib.util
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from ecrlab.home import ACCOUNT, REGION
from ecrlab_course.documents.lab_view import LabView

PEOPLE = ("developer", "ci", "ops", "auditor")
"""The profiles of Harbour's people and its robot; admin, which is you, is not among them."""


def made(lab: LabView, command: str, profile: str = "admin") -> str:
    """Run a step that has to work; return what it printed, without blanks around. Raises RuntimeError with that."""
    code, output = lab.sh(command, profile)
    if code:
        raise RuntimeError(f"{command.strip().splitlines()[0]}: {output.strip()}")
    return str(output).strip()


def make_repository(lab: LabView, name: str, region: str = REGION) -> None:
    """Create the repository unless it is there."""
    ecr = lab.client("ecr", region=region)
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName=name)


def address(lab: LabView, region: str = REGION) -> str:
    """Return the address of the account's registry in the Region, as docker wants it: localhost:PORT/ACCOUNT.dkr…"""
    return str(lab.registry if region == REGION else lab.control.registry(ACCOUNT, region)["registry"])


def password(lab: LabView, profile: str = "admin", region: str = REGION) -> str:
    """Return what `aws ecr get-login-password` prints for that profile."""
    data = lab.client("ecr", profile, region).get_authorization_token()["authorizationData"][0]
    return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]


def log_in(lab: LabView, profile: str = "admin", region: str = REGION) -> None:
    """Give docker of that profile a fresh login for the account's registry in the Region; raises RuntimeError."""
    registry, secret = address(lab, region), password(lab, profile, region)
    made(lab, f"docker login --username AWS --password-stdin '{registry}' <<< '{secret}' 2>&1", profile)


def log_out(lab: LabView, *profiles: str, region: str = REGION) -> None:
    """Let docker forget these profiles' logins for the account's registry in the Region, where it has any."""
    registry = address(lab, region)
    host = registry.partition("/")[0]
    for profile in profiles:
        lab.sh(
            f'grep -qs \'{host}"\' "$DOCKER_CONFIG/config.json" || exit 0\n'
            f"docker logout '{registry}' >/dev/null 2>&1 || true",
            profile,
        )


def name_again(lab: LabView, repository: str, tag: str, **image_id: str) -> None:
    """Give an image in ECR one more tag, by PutImage with the manifest that it has (imageTag=… or imageDigest=…)."""
    ecr = lab.client("ecr")
    one = ecr.batch_get_image(repositoryName=repository, imageIds=[image_id])["images"][0]
    ecr.put_image(
        repositoryName=repository,
        imageManifest=one["imageManifest"],
        imageManifestMediaType=one["imageManifestMediaType"],
        imageTag=tag,
    )


def learner_module(folder: Path, name: str) -> ModuleType:
    """Return files/NAME.py of a lesson's folder as a module: one file, for the learner and for the judge."""
    spec = importlib.util.spec_from_file_location(f"files_{folder.name}_{name}", folder / "files" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
