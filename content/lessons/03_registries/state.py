"""Lesson 03: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import gzip
import json
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ecrlab.home import ACCOUNT
from ecrlab_course.authoring.staging import (
    digest_of,
    learner_module,
    log_in,
    log_out,
    made,
    make_repository,
    pack_layer,
)
from ecrlab_course.authoring.wire import (
    CONFIG,
    EMPTY,
    LAYER,
    Wire,
    at_ecr,
    at_hub,
    described,
    image_of,
    manifest_of,
)
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.xray_row import Row

HUB_MAP, OUR_MAP = "harbourbikes/map", "tools/map"
BOOKING, OFF, ON, LANDING = "web/booking", "web/off", "web/on", "web/landing"
NOTE, BUSYBOX, CARRIED = "tools/note", "tools/busybox", "base/busybox"
HUB_BUSYBOX, HUB_PIERS = "library/busybox", "learner/piers"
REPOSITORIES = (BOOKING, OFF, ON, LANDING, NOTE, BUSYBOX, CARRIED, OUR_MAP)
SBOM = "application/vnd.cyclonedx+json"
TAGS = ("blue", "green")
"""The tags of web/landing: what e2 reads."""

copies = learner_module(Path(__file__).parent, "copies")
asked = learner_module(Path(__file__).parent, "asked")


# Images


def packed(text: str, path: str) -> tuple[bytes, bytes, bytes]:
    """Return layer, config and manifest of an image that holds one file."""
    layer = pack_layer({path: text.encode()})
    return (layer, *image_of(layer, gzip.decompress(layer)))


def map_image(version: str, pier: str, print_run: str) -> tuple[bytes, bytes, bytes]:
    """Return a version of the map company's image; of another print run it has other bytes."""
    return packed(f"harbour map {version}\npier 4: {pier}\nprint run {print_run}\n", "map.txt")


def copy(source: Wire, target: Wire, reference: str, tag: str) -> str:
    """Carry an image from one repository to another, byte for byte; return its digest."""
    answer = source.get(f"manifests/{reference}")
    document = answer.json()
    for piece in (document["config"], *document["layers"]):
        target.put_blob(source.get(f"blobs/{piece['digest']}").content)
    target.put_manifest(answer.content, tag, answer.headers["Content-Type"]).raise_for_status()
    return digest_of(answer.content)


def parts_list(lab: LabView) -> bytes:
    """Return the bytes of sbom.json, as the lesson brings it."""
    return (Path(__file__).parent / "files" / "sbom.json").read_bytes()


def attach(
    lab: LabView,
    repository: str,
    *,
    kind: str | None = SBOM,
    content: bytes | None = None,
    subject: dict[str, Any] | None = None,
    tag: str = "",
    **more: Any,
) -> int:
    """Send a parts list that points at REPOSITORY:1, or at another subject; return the manifest's status."""
    wire = at_ecr(lab, repository)
    parts = wire.put_blob(parts_list(lab) if content is None else content, kind or SBOM)
    config = wire.put_blob(b"{}", EMPTY if kind else SBOM)
    image = wire.get("manifests/1")
    about = {"mediaType": image.headers["Content-Type"], "digest": digest_of(image.content), "size": len(image.content)}
    named = {"artifactType": kind} if kind else {}
    fields = {**named, "subject": about if subject is None else subject, **more}
    manifest = manifest_of(config, parts, **{key: value for key, value in fields.items() if value})
    return int(wire.put_manifest(manifest, tag or digest_of(manifest)).status_code)


# Building the places of the lesson


def mounting(lab: LabView, value: str) -> None:
    """Set whether ECR takes a layer that another repository of the registry has."""
    lab.client("ecr").put_account_setting(name="BLOB_MOUNTING", value=value)


def hub_host(lab: LabView) -> str:
    """Return the value of $HUB."""
    return str(lab.control.status()["hub"]["address"])


def forget(lab: LabView) -> None:
    """Let docker forget its logins at both registries, and the names of this lesson's images."""
    log_out(lab, "admin")
    names = (f"{BOOKING}:1", f"{OFF}:1", f"{ON}:1", f"{CARRIED}:carried", f"{BUSYBOX}:1")
    ours = " ".join(f'"$REGISTRY/{name}"' for name in names)
    theirs = f'"$HUB/{HUB_BUSYBOX}:latest" "$HUB/{HUB_MAP}:2.3" "$MIRROR/{HUB_MAP}:2.3"'
    lab.sh(
        f"docker rmi -f {ours} {theirs} docker.io/library/pier:4 >/dev/null 2>&1 || true\n"
        'grep -qs "$HUB" "$DOCKER_CONFIG/config.json" || exit 0\n'
        'docker logout "$HUB" >/dev/null 2>&1 || true'
    )


def folder_of(lab: LabView) -> Path:
    """Return the learner's folder of the lesson."""
    return lab.folder or Path.cwd()


def fresh(lab: LabView) -> None:
    """The Hub has new maps, and ECR has empty repositories and one with two tags.

    Nobody is logged in, at either.
    """
    lab.clock.reset()
    lab.control.hub_limits(anonymous=100, account=200)
    lab.control.hub_window()
    lab.clear(*REPOSITORIES)
    for name in (BOOKING, OFF, ON, BUSYBOX, CARRIED, LANDING):
        make_repository(lab, name)
    mounting(lab, "DISABLED")
    forget(lab)
    for name in (copies.RECORD, asked.RECORD):
        (folder_of(lab) / name).unlink(missing_ok=True)
    for tag in TAGS:
        lab.push(LANDING, tag, tag.encode())
    # New bytes each time: an engine that had them before would not ask for them.
    run = secrets.token_hex(3)
    theirs = at_hub(lab, HUB_MAP, "learner")
    theirs.put_image("2.2", *map_image("2.2", "open", run))
    promised = theirs.put_image("2.3", *map_image("2.3", "closed until Tuesday", run))
    at_hub(lab, HUB_PIERS, "learner").put_image("1", *packed("pier 4\n", "piers.txt"))
    lab.control.hub_visibility(HUB_PIERS, True)
    mail = f"From: the map company\nVersion 2.3 is ready: {HUB_MAP}\n{promised}\n"
    (folder_of(lab) / "mail.txt").write_text(mail, encoding="utf-8")


def written(lab: LabView) -> None:
    """A note lies in ECR, put there by hand, and `web/booking:1`, pushed by docker, which is logged in."""
    fresh(lab)
    make_repository(lab, NOTE)
    at_ecr(lab, NOTE).put_image("by-hand", *packed("pier 4: ring twice\n", "note.txt"))
    log_in(lab)
    made(lab, f'docker tag ecrlab/base:1 "$REGISTRY/{BOOKING}:1"; docker push -q "$REGISTRY/{BOOKING}:1" 2>&1')


def two(lab: LabView) -> None:
    """`web/booking:1` is in `web/off` and `web/on` as well, under the same digest, and ECR mounts layers."""
    written(lab)
    mounting(lab, "ENABLED")
    for name in (OFF, ON):
        copy(at_ecr(lab, BOOKING), at_ecr(lab, name), "1", "1")
    copy(at_hub(lab, HUB_BUSYBOX), at_ecr(lab, CARRIED), "latest", "carried")


def end(lab: LabView) -> None:
    """A parts list hangs on `web/booking:1`, and `tools/busybox:1` is the Hub's busybox, byte for byte."""
    two(lab)
    attach(lab, BOOKING)
    copy(at_hub(lab, HUB_BUSYBOX), at_ecr(lab, BUSYBOX), "latest", "1")


def undo(lab: LabView) -> None:
    """Switch mounting off, and let docker forget its logins."""
    mounting(lab, "DISABLED")
    forget(lab)


# What the X-ray says


def is_docker(row: Row) -> bool:
    """Tell whether docker made the request, or what stands in for it; Podman asks with the library of skopeo."""
    agent = row["user_agent"].lower()
    return (
        row["client"] in ("docker", "podman", "skopeo")
        or "docker" in agent
        or "containerd" in agent
        or "buildkit" in agent
    )


def path_of(row: Row) -> str:
    """Return what a registry was asked for: the path behind /v2/, at ECR without the account's host."""
    path = urlsplit(row["path"]).path.removeprefix("/v2/")
    return path.partition("/")[2] if path.startswith(f"{ACCOUNT}.dkr.") else path


def asked_for(rows: Iterable[Row], service: str, path: str) -> list[Row]:
    """Return the requests to a service ("hub", "mirror", "registry") whose path begins so."""
    return [row for row in rows if row["service"] == service and path_of(row).startswith(path)]


def sent(rows: Iterable[Row], repository: str) -> int:
    """Return the bytes of layers and configs that a push sent to a repository of ECR."""
    uploads = asked_for(rows, "registry", f"{repository}/blobs/uploads/")
    return sum(row["bytes_in"] for row in uploads if row["method"] in ("PATCH", "PUT", "POST") and row["status"] < 300)


LAYERS = 100_000
"""More bytes than this, and a layer was among them: the configs of this lesson have less."""


# Guesses and predictions


def from_mirror(lab: LabView) -> str | None:
    """How docker's two pulls from the mirror ended: "b" by tag yes, by digest no; None before there were two."""
    for run in reversed(lab.transcripts):
        rows = [row for row in asked_for(lab.rows(), "mirror", f"{HUB_MAP}/manifests/") if is_docker(row)]
        rows = [row for row in rows if run.before < row["seq"] <= run.after]
        by_tag = any(":" not in path_of(row) for row in rows)
        by_digest = any("sha256:" in path_of(row) for row in rows)
        if by_tag and by_digest:
            return "b" if run.code else "a"
        if by_tag and run.code:
            return "c"
    return None


def travelled(lab: LabView) -> str | None:
    """Which of the two pushes of e6 sent layers; None until both arrived and one sent or mounted something."""
    rows = lab.rows()
    arrived = [row for row in rows if row["method"] == "PUT" and row["status"] < 300 and row["service"] == "registry"]
    if not all(asked_for(arrived, "registry", f"{name}/manifests/") for name in (OFF, ON)):
        return None
    mounted = any(asked_for([row], "registry", f"{ON}/blobs/uploads/") and row["status"] == 201 for row in rows)
    first, second = sent(rows, OFF) > LAYERS, sent(rows, ON) > LAYERS
    if not (first or second or mounted):
        return None
    return {(False, False): "a", (True, False): "b", (True, True): "c"}.get((first, second))


def carried(lab: LabView) -> str | None:
    """Whether docker's pull, tag and push kept the digest; None until the image is there."""
    pushed = [row for row in asked_for(lab.rows(), "registry", f"{CARRIED}/manifests/") if row["method"] == "PUT"]
    if not pushed or pushed[-1]["status"] >= 300:
        return None
    ours = at_ecr(lab, CARRIED, looking=True).digest("carried")
    return "a" if ours == at_hub(lab, HUB_BUSYBOX, looking=True).digest("latest") else "b"


def docker_pushes(lab: LabView, *names: str) -> None:
    """Push web/booking:1 under these further names with docker."""
    for name in names:
        made(
            lab,
            f'docker tag "$REGISTRY/{BOOKING}:1" "$REGISTRY/{name}:1"; docker push -q "$REGISTRY/{name}:1" 2>&1',
        )


def record(lab: LabView, name: str) -> dict[str, Any]:
    """Return what a script of the lesson noted: its `number`, and the numbers of `earlier` runs; {}: it never ran."""
    path = folder_of(lab) / name
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


CHECKPOINTS = {"fresh": fresh, "written": written, "two": two, "end": end}

__all__ = ["CONFIG", "EMPTY", "LAYER", "described", "manifest_of"]
