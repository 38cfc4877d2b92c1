"""What checkpoints and attempts of several lessons are built from: repositories, logins, names, steps of a shell.

These functions act, and their requests are recorded like a learner's. What only looks is in evidence.py.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import io
import json
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import boto3

from ecrlab.home import ACCOUNT, REGION
from ecrlab_course.documents.lab_view import LabView

DOCKER = "application/vnd.docker."
LAYER = DOCKER + "image.rootfs.diff.tar.gzip"
MANIFEST = DOCKER + "distribution.manifest.v2+json"
INDEX = DOCKER + "distribution.manifest.list.v2+json"
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


def ask_registry(
    lab: LabView,
    name: str,
    reference: str,
    profile: str = "admin",
    method: str = "GET",
    what: str = "manifests",
    region: str = REGION,
) -> int:
    """Ask the account's registry for a manifest, or one of the `blobs`, over HTTP with that profile's login.

    Every client of a registry asks like that; it needs no engine. Return the status.
    """
    data = lab.client("ecr", profile, region).get_authorization_token()["authorizationData"][0]
    kinds = (MANIFEST, INDEX, *(f"application/vnd.oci.image.{each}.v1+json" for each in ("manifest", "index")))
    headers = {"Accept": ", ".join(kinds), "Authorization": f"Basic {data['authorizationToken']}"}
    host, _, path = address(lab, region).partition("/")
    asked = urllib.request.Request(f"http://{host}/v2/{path}/{name}/{what}/{reference}", headers=headers, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def as_session(lab: LabView, role: str, profile: str, session: str = "build-42") -> LabView:
    """Return the lab with clients of a role's session, which that profile begins; what else it does is the lab's."""
    keys = lab.client("sts", profile).assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
    made = boto3.session.Session(  # type: ignore[no-untyped-call]
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )

    class Worn:
        """The lab, in a role's coat."""

        def client(self, service: str, profile: str = "", region: str = REGION) -> Any:
            like = lab.client(service, region=region)
            return made.client(service, region, endpoint_url=like.meta.endpoint_url, config=like.meta.config)  # type: ignore[no-untyped-call]

        def __getattr__(self, name: str) -> Any:
            return getattr(lab, name)

    return cast("LabView", Worn())


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


# Images of files, put together without an engine


def put_image(
    lab: LabView,
    repository: str,
    tag: str,
    *layers: Mapping[str, bytes],
    architecture: str = "amd64",
    region: str = REGION,
    profile: str = "admin",
    more: Mapping[str, Any] | None = None,
) -> str:
    """Put an image of these layers (file name to content) through the API, as SDKs do; return its digest.

    An empty tag makes an image without one. A file `.wh.NAME` in a layer is a whiteout: it deletes NAME of the layers
    below (fact C018). `more` is what the config says beside that: `config`, `history`, `created`.
    """
    ecr = lab.client("ecr", profile, region)
    blobs, body, manifest = image_of(*layers, architecture=architecture, more=more)
    for blob in (*blobs, body):
        _upload(ecr, repository, blob)
    return _put_manifest(ecr, repository, tag, manifest)


def image_of(
    *layers: Mapping[str, bytes], architecture: str = "amd64", more: Mapping[str, Any] | None = None
) -> tuple[list[bytes], bytes, dict[str, Any]]:
    """Return layers, config and manifest of the image that `put_image` puts."""
    blobs = [pack_layer(files) for files in layers]
    config = {
        "architecture": architecture,
        "config": {},
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(blob)) for blob in blobs]},
        **(more or {}),
    }
    body = json.dumps(config, sort_keys=True).encode()
    described = {"mediaType": DOCKER + "container.image.v1+json", "size": len(body), "digest": digest_of(body)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described,
        "layers": [{"mediaType": LAYER, "size": len(blob), "digest": digest_of(blob)} for blob in blobs],
    }
    return blobs, body, manifest


def digest_of_image(*layers: Mapping[str, bytes], architecture: str = "amd64") -> str:
    """Return the digest that `put_image` gives to an image of these layers."""
    return digest_of(_written(image_of(*layers, architecture=architecture)[2]))


def put_index(lab: LabView, repository: str, tag: str, *children: tuple[str, str], region: str = REGION) -> str:
    """Put an index of images (architecture, digest) that are there; return its digest."""
    ecr = lab.client("ecr", region=region)
    entries = []
    for architecture, digest in children:
        found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])["images"][0]
        entries.append(
            {
                "mediaType": MANIFEST,
                "size": len(found["imageManifest"].encode()),
                "digest": digest,
                "platform": {"architecture": architecture, "os": "linux"},
            }
        )
    return _put_manifest(ecr, repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})


def put_text(
    lab: LabView, repository: str, tag: str, text: str, *blobs: bytes, region: str = REGION, profile: str = "admin"
) -> str:
    """Send these blobs, then put a manifest or index as it is written, byte for byte; return its digest."""
    ecr = lab.client("ecr", profile, region)
    for blob in blobs:
        _upload(ecr, repository, blob)
    named = {"imageTag": tag} if tag else {}
    kind = json.loads(text)["mediaType"]
    with suppress(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(repositoryName=repository, imageManifest=text, imageManifestMediaType=kind, **named)
    return digest_of(text.encode())


def _upload(ecr: Any, repository: str, blob: bytes) -> None:
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
    )
    with suppress(ecr.exceptions.LayerAlreadyExistsException):
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest_of(blob)])


def _put_manifest(ecr: Any, repository: str, tag: str, manifest: Mapping[str, Any]) -> str:
    text = _written(manifest)
    named = {"imageTag": tag} if tag else {}
    kind = manifest["mediaType"]
    ecr.put_image(repositoryName=repository, imageManifest=text.decode(), imageManifestMediaType=kind, **named)
    return digest_of(text)


def _written(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as docker writes it (the order of the keys, three spaces).

    docker pushes it back with the same digest.
    """
    return json.dumps(manifest, indent=3).encode()


def pack_layer(files: Mapping[str, bytes]) -> bytes:
    """Return a gzipped tar of these files: the same bytes for the same files."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def digest_of(data: bytes) -> str:
    """Return the digest of these bytes, as registries write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
