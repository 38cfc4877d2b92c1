"""Push and pull, in the order of requests and with the lines that docker prints (facts, ecr.md 8.1)."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ecrlab.durable import sync
from ecrlab.standin import layers
from ecrlab.standin.errors import DockerError, from_daemon
from ecrlab.standin.images import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Image, Images, sha256
from ecrlab.standin.logins import Logins
from ecrlab.standin.names import Name, short
from ecrlab.standin.registry import ACCEPT, Answer, NotLoggedInError, RefusedError, Registry, UnreachableError

Say = Callable[[str], None]


# push


def push(images: Images, logins: Logins, name: Name, *, all_tags: bool, quiet: bool, say: Say) -> None:
    """Push one tag, or all tags of a repository. Raises DockerError with docker's text."""
    report: Say = (lambda line: None) if quiet else say
    report(f"The push refers to repository [{name.repository}]")
    tags = images.state()["tags"]
    if all_tags:
        wanted = [key for key in sorted(tags) if key.rpartition(":")[0] == name.repository]
    else:
        wanted = [name.key] if name.key in tags else []
    siblings = [key for key in tags if key.rpartition(":")[0] == name.repository]
    if not siblings:
        raise DockerError(f"An image does not exist locally with the tag: {name.familiar}")
    registry = Registry(name.host, logins.get(name.host))
    if not wanted:
        registry.ping()  # docker finds out only after it has greeted the registry
        raise DockerError(f"tag does not exist: {name.text}")
    registry.scope = f"repository:{name.path}:pull,push"
    with images.using_blobs():
        seen: set[str] = set()  # blobs that this command has seen in the repository
        for position, key in enumerate(wanted):
            image = images.find(tags[key])
            for diff_id in reversed(image.diff_ids):
                report(f"{short(diff_id)}: Preparing")
            try:
                if position == 0:
                    registry.ping()
                _push_image(images, registry, name, key.rpartition(":")[2], image, seen, report)
            except (RefusedError, NotLoggedInError) as error:
                raise DockerError(error.text) from error
            except UnreachableError as error:
                raise DockerError(str(error)) from error
    if quiet:
        say(name.familiar if all_tags else name.text)


def _push_image(
    images: Images, registry: Registry, name: Name, tag: str, image: Image, seen: set[str], report: Say
) -> None:
    blobs = list(zip(image.manifest["layers"], image.diff_ids, strict=True))
    for layer, diff_id in reversed(blobs):  # the uppermost first, as docker does
        digest = layer["digest"]
        done = "Layer already exists" if digest in seen else _push_layer(images, registry, name, digest)
        report(f"{short(diff_id)}: {done}")
        seen.add(digest)
        images.know(name.repository, [digest])
    config = image.manifest["config"]["digest"]
    present = registry.send("HEAD", registry.blob_url(name.path, config))
    if present.status == 404:
        _upload(images, registry, name.path, config, _start(registry, name.path))
    elif present.status != 200:
        raise present.refusal()
    content = images.read(image.manifest_digest)
    put = registry.send(
        "PUT", registry.manifest_url(name.path, tag), body=content, headers={"Content-Type": image.media_type}
    )
    if not 200 <= put.status < 300:
        raise put.refusal()
    digest = put.headers.get("docker-content-digest") or image.manifest_digest
    with images.change() as state:
        state["digests"][f"{name.repository}@{digest}"] = image.id
    report(f"{tag}: digest: {digest} size: {len(content)}")


def _push_layer(images: Images, registry: Registry, name: Name, digest: str) -> str:
    known = images.state()["known"]
    # Like docker: of the repositories of this host, one whose name is most alike, and of those the last one used.
    places = [r for r in known if digest in known[r] and r.partition("/")[0] == name.host]
    source = max(
        (r for r in reversed(places) if r != name.repository), key=lambda r: _alike(r, name.repository), default=None
    )
    # Docker asks only where it remembers the blob, here or elsewhere; any answer but yes leads to an upload.
    if places and registry.send("HEAD", registry.blob_url(name.path, digest)).status == 200:
        return "Layer already exists"
    if source is not None:
        path = source.partition("/")[2]
        answer = registry.send("POST", registry.upload_url(name.path, digest, path))
        if answer.status == 201:
            _confirm(registry, name.path, digest)
            return f"Mounted from {path}"
        if answer.status == 202:
            _upload(images, registry, name.path, digest, answer)
            return "Pushed"
    _upload(images, registry, name.path, digest, _start(registry, name.path))
    return "Pushed"


def _alike(one: str, other: str) -> int:
    """Return how many parts two names of repositories have in common at their beginning."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _start(registry: Registry, path: str) -> Answer:
    answer = registry.send("POST", registry.upload_url(path))
    if answer.status != 202:
        raise answer.refusal()
    return answer


def _upload(images: Images, registry: Registry, path: str, digest: str, started: Answer) -> None:
    """Send a blob to an upload that was started, finish it, and ask whether it is there."""
    location = _location(registry, started)
    answer = registry.send(
        "PATCH", location, body=images.path(digest), headers={"Content-Type": "application/octet-stream"}
    )
    if not 200 <= answer.status < 300:
        raise answer.refusal()
    location = _location(registry, answer) or location
    mark = "&" if "?" in location else "?"
    answer = registry.send("PUT", f"{location}{mark}digest={digest.replace(':', '%3A')}", body=b"")
    if not 200 <= answer.status < 300:
        raise answer.refusal()
    _confirm(registry, path, digest)


def _confirm(registry: Registry, path: str, digest: str) -> None:
    answer = registry.send("HEAD", registry.blob_url(path, digest))
    if answer.status == 404:
        raise RefusedError("unknown blob", "BLOB_UNKNOWN")
    if answer.status != 200:
        raise answer.refusal()


def _location(registry: Registry, answer: Answer) -> str:
    location = answer.headers.get("location", "")
    return registry.url(location) if location.startswith("/") else location


# pull


def pull(images: Images, logins: Logins, name: Name, *, platform: tuple[str, str, str], quiet: bool, say: Say) -> None:
    """Pull one image for a platform (os, architecture, variant). Raises DockerError with docker's text."""
    report: Say = (lambda line: None) if quiet else say
    registry = Registry(name.host, logins.get(name.host))
    registry.scope = f"repository:{name.path}:pull"
    with images.using_blobs():
        state = images.state()
        before = state["tags"].get(name.key) or state["digests"].get(name.key)
        digest, content = _resolve(state["digests"], registry, name, report)
        report(f"{name.text if name.digest else name.tag}: Pulling from {name.path}")
        known = state["digests"].get(f"{name.repository}@{digest}")
        try:
            id_ = known or _fetch(images, registry, name, content or b"", digest, platform, report)
        except RefusedError as error:
            raise DockerError(_pull_text(error, name)) from error
        except (UnreachableError, NotLoggedInError) as error:
            raise DockerError(getattr(error, "text", str(error))) from error
        with images.change() as state:
            if id_ not in state["images"]:
                raise from_daemon(f"another command removed {name.text} meanwhile: pull it again")
            state["digests"][f"{name.repository}@{digest}"] = id_
            if not name.digest:
                state["tags"][name.key] = id_
    report(f"Digest: {digest}")
    done = "Image is up to date" if before == id_ else "Downloaded newer image"
    report(f"Status: {done} for {name.text}")
    say(name.text)


# After these docker does not ask for the manifest by its tag once more.
_CERTAIN = ("TOOMANYREQUESTS", "UNAUTHORIZED")


def _resolve(digests: dict[str, str], registry: Registry, name: Name, report: Say) -> tuple[str, bytes | None]:
    """Return the digest that a name stands for, and the manifest where it is not here yet."""
    try:
        registry.ping()
    except UnreachableError as error:
        raise from_daemon(str(error)) from error
    head_url = registry.manifest_url(name.path, name.digest or name.tag or "")
    digest = name.digest or ""
    accept = {"Accept": ACCEPT}
    try:
        if not digest:
            head = registry.send("HEAD", head_url, headers=accept)
            digest = head.headers.get("docker-content-digest", "") if head.status == 200 else ""
            if not digest:  # an answer to HEAD has no body: docker asks again, to hear why
                answer = registry.send("GET", head_url, headers=accept)
                if answer.status != 200:
                    raise answer.refusal()
                digest = answer.headers.get("docker-content-digest") or sha256(answer.body)
        if f"{name.repository}@{digest}" in digests:
            return digest, None
        answer = registry.send("GET", registry.manifest_url(name.path, digest), headers=accept)
        if answer.status != 200:
            refusal = answer.refusal()
            if name.digest or refusal.code in _CERTAIN:
                raise refusal
            return _by_tag(registry, head_url, accept, report)
    except NotLoggedInError as error:
        raise from_daemon(f'{"Get" if name.digest else "Head"} "{head_url}": {error.text}') from error
    except RefusedError as error:
        raise from_daemon(_pull_text(error, name)) from error
    except UnreachableError as error:
        raise from_daemon(str(error)) from error
    if sha256(answer.body) != digest:
        raise from_daemon(f"manifest verification failed for digest {digest}")
    return digest, answer.body


def _by_tag(registry: Registry, url: str, accept: dict[str, str], report: Say) -> tuple[str, bytes]:
    # Docker's words when a registry answers HEAD for the tag and refuses the manifest by its digest.
    report(
        "WARNING: \u26a0\ufe0f Failed to pull manifest by the resolved digest. This registry does not\n"
        "\tappear to conform to the distribution registry specification; falling back to\n"
        "\tpull by tag.  This fallback is DEPRECATED, and will be removed in a future\n"
        f"\trelease.  Please contact admins of {registry.url('')}. \u26a0\ufe0f\n"
    )
    answer = registry.send("GET", url, headers=accept)
    if answer.status != 200:
        raise DockerError(f"error after falling back to get manifest by tag: {answer.refusal().text}")
    return sha256(answer.body), answer.body


def _pull_text(error: RefusedError, name: Name) -> str:
    """Return docker's sentence for a refused pull; it puts its own guess before what the registry said (fact N2)."""
    if not error.full:
        return error.text
    if error.code == "DENIED":
        guess = "repository does not exist or may require 'docker login'"
        return f"pull access denied for {name.familiar}, {guess}: {error.text}"
    if error.code == "MANIFEST_UNKNOWN":
        return f"manifest for {name.text} not found: {error.text}"
    if error.code == "NAME_UNKNOWN":
        return f"repository {name.familiar} not found: {error.text}"
    return error.text


def _fetch(
    images: Images,
    registry: Registry,
    name: Name,
    content: bytes,
    digest: str,
    platform: tuple[str, str, str],
    report: Say,
) -> str:
    manifest: dict[str, Any] = json.loads(content)
    kind = manifest.get("mediaType") or (OCI_INDEX if "manifests" in manifest else OCI_MANIFEST)
    if kind in (DOCKER_LIST, OCI_INDEX):
        entry = _choose(manifest["manifests"], platform)
        answer = registry.send("GET", registry.manifest_url(name.path, entry["digest"]), headers={"Accept": ACCEPT})
        if answer.status != 200:
            raise answer.refusal()
        if sha256(answer.body) != entry["digest"]:
            raise DockerError(f"manifest verification failed for digest {entry['digest']}")
        return _fetch(images, registry, name, answer.body, entry["digest"], platform, report)
    if kind not in (DOCKER_MANIFEST, OCI_MANIFEST):
        raise DockerError(f"unsupported media type {kind}")
    config_digest = manifest["config"]["digest"]
    if config_digest in images.state()["images"]:
        return str(config_digest)
    stack = manifest["layers"]
    missing = [layer for layer in stack if not images.has(layer["digest"])]
    for layer in stack:
        report(f"{short(layer['digest'])}: {'Pulling fs layer' if layer in missing else 'Already exists'}")
    try:
        config = json.loads(images.read(_download(images, registry, name, config_digest)))
        diff_ids = config["rootfs"]["diff_ids"]
    except RefusedError as error:
        raise DockerError(
            f"error pulling image configuration: download failed after attempts=1: {error.text}"
        ) from error
    except (ValueError, KeyError, TypeError):
        raise DockerError(f"unsupported media type {manifest['config'].get('mediaType', '')}") from None
    if len(diff_ids) != len(stack):
        raise DockerError("layers from manifest don't match image configuration")
    for layer in missing:
        _download(images, registry, name, layer["digest"])
        report(f"{short(layer['digest'])}: Verifying Checksum")
        report(f"{short(layer['digest'])}: Download complete")
    sizes = []
    for layer, diff_id in zip(stack, diff_ids, strict=True):
        with open(images.path(layer["digest"]), "rb") as file:
            try:
                unpacked = layers.unpacked_digest(file)
                sizes.append(layers.file_bytes(file))
            except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
                what = "archive/tar: invalid tar header" if isinstance(error, tarfile.TarError) else "unexpected EOF"
                raise DockerError(f"failed to register layer: {what}") from None
        if unpacked != diff_id:
            # What docker says here as well, once it has unpacked them (tried with 20.10, facts C024).
            raise DockerError("layers from manifest don't match image configuration")
        if layer in missing:
            report(f"{short(layer['digest'])}: Pull complete")
    id_ = images.keep(content, kind, sizes, [])
    images.know(name.repository, [layer["digest"] for layer in stack])
    return id_


def _download(images: Images, registry: Registry, name: Name, digest: str) -> str:
    if images.has(digest):
        return digest
    handle, temporary = tempfile.mkstemp(dir=images.temporary)
    seen = hashlib.sha256()
    try:
        with os.fdopen(handle, "wb") as file:
            for block in registry.download(registry.blob_url(name.path, digest), file):
                seen.update(block)
            file.flush()
            sync(file.fileno())
        if seen.hexdigest() != digest.partition(":")[2]:
            raise DockerError(f"filesystem layer verification failed for digest {digest}")
        images.adopt(Path(temporary), digest)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return digest


def _choose(entries: list[dict[str, Any]], wanted: tuple[str, str, str]) -> dict[str, Any]:
    os_, architecture, variant = wanted
    for entry in entries:
        has = entry.get("platform", {})
        same = (has.get("os"), has.get("architecture")) == (os_, architecture)
        if same and (not variant or has.get("variant", variant) == variant):
            return entry
    shown = f"{os_}/{architecture}" + (f"/{variant}" if variant else "")
    raise DockerError(f"no matching manifest for {shown} in the manifest list entries")
