"""02-e1: an image by hand, compressed. What a learner reads is in e1.md."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.engine.hello_program import PROCESSORS, hello_program
from ecrlab_course.authoring import Lab, Sentence, as_words, call, requests
from ecrlab_course.authoring.evidence import images, repositories, tags
from ecrlab_course.authoring.image_bytes import Part, Whole, as_table, content_of, members, whole
from ecrlab_course.authoring.staging import make_repository, name_again

from .state import PROGRAM, TINY, pieces

MINE = "mine"
MADE = {"1", "2", "broken"}
"""The tags that the page's own cells give."""
GOALS = (call("ecr:PutImage", on=TINY, by=""),)
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class Seen:
    """The image `mine`, followed from its manifest to its files; and what was tried where there is none."""

    def __init__(self, lab: Lab) -> None:
        self.repository = TINY in repositories(lab)
        names = tags(lab, TINY)
        self.letters = next((tag for tag in names if tag.lower() == MINE != tag), "")
        self.digest = names.get(MINE, "")
        self.twin = next((tag for tag, digest in names.items() if digest == self.digest and tag in ("1", "2")), "")
        self.tried(lab)
        found = images(lab, TINY)
        self.elsewhere = self.strangers = self.shelf = ""
        if not self.digest:
            others = [name for name in repositories(lab) if name != TINY]
            self.elsewhere = next((name for name in others if MINE in tags(lab, name)), "")
            self.shelf = next((name for name in others if MINE in name.split("/") and images(lab, name)), "")
            listed = [one.get("imageTags") or ["no tag"] for one in found]
            self.strangers = as_words([each[0] for each in listed if not set(each) & MADE])
        kind = next((str(one.get("imageManifestMediaType")) for one in found if one["imageDigest"] == self.digest), "")
        self.index = "index" in kind or "manifest.list" in kind
        self.claimed = self.real = self.piece = self.kind = self.begins = ""
        self.names = self.rights = self.command = self.layers = self.ids = ""
        self.wrong = ""
        if self.digest and not self.index:
            self.wrong = self.first_wrong(whole(lab, TINY, self.digest))
        self.first_seen = Sentence("there") if self.digest else Sentence("refused" if self.said else "nothing")

    def tried(self, lab: Lab) -> None:
        """See who put `mine`, or why the last list was refused."""
        rows = requests(lab)
        puts = [row for row in rows if row.operation == "PutImage" or row.puts(TINY)]
        self.sender = puts[-1].row["client"] if puts else "a program"
        self.docker = any(row.puts(TINY) and row.path.endswith(f"/{MINE}") for row in puts) and self.sender == "docker"
        refused = puts[-1].row if puts and not puts[-1].ok and not puts[-1].denied else None
        self.error = str(refused["error"] or "") if refused else ""
        self.said = str((refused["said"] or refused["error"]) if refused else "")
        sent = sum(1 for row in rows if row.operation == "CompleteLayerUpload" and row.ok)
        before = puts[-2].seq if len(puts) > 1 else 0
        arrived = [row for row in rows if row.operation == "CompleteLayerUpload" and before < row.seq]
        self.both_went = len(arrived) > 1 and all(row.ok or "AlreadyExists" in str(row.row["error"]) for row in arrived)
        self.blobs = "" if puts or not sent else "One piece" if sent == 1 else f"{sent} pieces"

    def first_wrong(self, image: Whole) -> str:
        """Return the first thing that is wrong, from the manifest to the files; "" when nothing is."""
        self.layers = "one layer" if len(image.layers) == 1 else f"{len(image.layers)} layers"
        self.ids = f"{len(image.diff_ids)} layers" if len(image.diff_ids) != 1 else "one layer"
        steps: tuple[Callable[[Whole], str], ...] = (
            self.sizes, self.packing, self.hashes, self.files, self.number, self.start
        )  # fmt: skip
        return next((wrong for step in steps if (wrong := step(image))), "")

    def sizes(self, image: Whole) -> str:
        """Compare what the manifest says of sizes with the bytes."""
        config = image.manifest["config"]["size"], len(image.raw_config), "the config"
        for claimed, real, piece in (config, *((part.size, len(part.data), "a layer") for part in image.layers)):
            if claimed != real:
                self.claimed, self.real, self.piece = str(claimed), str(real), piece
                return "size-wrong"
        return ""

    def packing(self, image: Whole) -> str:
        """Compare what the manifest calls a layer with how its bytes begin."""
        for part in image.layers:
            self.kind, self.begins = part.kind.rpartition("/")[2], begin_of(part.data)
            labelled = part.kind.endswith(("gzip", "zstd"))
            if not part.data.startswith((GZIP, ZSTD)):
                return "label-says-gzip" if labelled else "not-compressed"
            if not labelled:
                return "label-says-plain"
        return ""

    def hashes(self, image: Whole) -> str:
        """Compare what the config says of the layers with what they unpack to."""
        if len(image.diff_ids) != len(image.layers):
            return "counts-differ"
        for said, part in zip(image.diff_ids, image.layers, strict=True):
            real = digest_of(part.tar)
            if said != real:
                self.claimed, self.real = said[:15] + "…", real[:15] + "…"
                return "packed-in-config" if said == part.digest else "other-diff-id"
        return ""

    def files(self, image: Whole) -> str:
        """Look at the files, and whether the program is for the processor that the config names."""
        inside = {path: (part, entry) for part in image.layers for path, entry in members(part.tar).items()}
        if not all(is_tar(part) for part in image.layers):
            return "not-a-layer"
        self.names = as_words(sorted(inside)[:6]) or "nothing"
        if PROGRAM not in inside:
            return "no-program"
        part, entry = inside[PROGRAM]
        content = content_of(part.tar, PROGRAM)
        known = {hello_program(each): each for each in PROCESSORS}
        if content not in known:
            self.claimed, self.real = str(len(content)), str(len(pieces.HELLO))
            return "other-program"
        if not entry.mode & 0o111:
            self.rights = f"{entry.mode:03o}"
            return "not-executable"
        if not any(entry.isfile() for path, (_, entry) in inside.items() if path != PROGRAM):
            return "no-own-file"
        self.claimed, self.real = str(image.config.get("architecture") or ""), known[content]
        if not self.claimed or not image.config.get("os"):
            return "no-processor"
        return "" if self.claimed == self.real else "other-processor"

    def number(self, image: Whole) -> str:
        """Look whether it is one layer, as asked."""
        return "" if len(image.layers) == 1 else "more-layers"

    def start(self, image: Whole) -> str:
        """Look at what the config starts."""
        said = as_table(image.config.get("config"))
        words = [word for key in ("Entrypoint", "Cmd") if isinstance(said.get(key), list) for word in said[key]]
        if not words:
            return "no-command"
        self.command = " ".join(str(word) for word in words)
        return "" if str(words[0]) in ("/hello", "./hello", "//hello") else "other-command"


def is_tar(part: Part) -> bool:
    """Tell whether a layer is a tar file, an empty one too."""
    return bool(part.tar) and (bool(members(part.tar)) or not part.tar.strip(b"\0"))


def begin_of(data: bytes) -> str:
    """Return how bytes begin: readable, or in hex."""
    head = data[:5]
    return head.decode() if head.isascii() and head.decode().isprintable() else head[:2].hex()


def digest_of(data: bytes) -> str:
    """Return a digest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def judge(seen: Seen) -> str:
    """Return the verdict's name in e1.md."""
    if not seen.repository:
        return "tiny-gone"
    if not seen.digest:
        return not_there(seen)
    if seen.docker:
        return "by-docker"
    if seen.index:
        return "an-index"
    if seen.twin:
        return "same-image"
    return wrong_of(seen) if seen.wrong else "passed"


def not_there(seen: Seen) -> str:
    """Return why nothing is called `mine`."""
    if seen.letters:
        return "other-letters-in-it"
    if seen.error in ("LayersNotFoundException", "MANIFEST_BLOB_UNKNOWN"):
        return "other-bytes" if seen.both_went else "list-first"
    if seen.error in ("ImageDigestDoesNotMatchException", "DIGEST_INVALID"):
        return "other-digest"
    if seen.error.startswith("InvalidParameter"):
        return "not-a-page"
    if seen.elsewhere:
        return "elsewhere"
    if seen.shelf:
        return "a-shelf"
    if seen.strangers:
        return "other-name"
    return "no-list" if seen.blobs else "untouched"


def wrong_of(seen: Seen) -> str:
    """Return the verdict of what is wrong inside the image."""
    if seen.wrong == "size-wrong":
        return "size-wrong"
    if seen.wrong in ("not-compressed", "label-says-gzip", "label-says-plain"):
        return packing_of(seen)
    if seen.wrong in ("counts-differ", "packed-in-config", "other-diff-id"):
        return hash_of(seen)
    if seen.wrong in ("no-processor", "other-processor"):
        return "no-processor" if seen.wrong == "no-processor" else "other-processor"
    if seen.wrong in ("no-command", "other-command"):
        return "no-command" if seen.wrong == "no-command" else "other-command"
    return file_of(seen)


def packing_of(seen: Seen) -> str:
    """Return what is wrong with bytes and label."""
    if seen.wrong == "not-compressed":
        return "not-compressed"
    return "label-says-gzip" if seen.wrong == "label-says-gzip" else "label-says-plain"


def hash_of(seen: Seen) -> str:
    """Return what is wrong with `diff_ids`."""
    if seen.wrong == "counts-differ":
        return "counts-differ"
    return "packed-in-config" if seen.wrong == "packed-in-config" else "other-diff-id"


def file_of(seen: Seen) -> str:
    """Return what is wrong with the files."""
    if seen.wrong == "not-a-layer":
        return "not-a-layer"
    if seen.wrong == "no-program":
        return "no-program"
    if seen.wrong == "other-program":
        return "other-program"
    if seen.wrong == "more-layers":
        return "more-layers"
    return "not-executable" if seen.wrong == "not-executable" else "no-own-file"


# Tries


def by_hand(
    lab: Lab, *, files: dict[str, bytes] | bytes | None = None, pack: bool = True, kind: str = "", config: Any = None,
    change: Callable[[dict[str, Any]], None] | None = None, indent: int | None = None, as_digest: bool = False,
    skip: str = "", mode: int = 0, tag: str = MINE,
) -> None:  # fmt: skip
    """Make the image as the solution does, with one thing changed; what ECR refuses is refused."""
    ecr = lab.client("ecr")
    # A piece that an earlier try sent is still in the repository: one that is to be missing has to be new.
    note = f"by hand {time.time_ns()}" if skip else "by hand"
    files = {PROGRAM: pieces.HELLO, "note.txt": note.encode()} if files is None else files
    layer = files if isinstance(files, bytes) else pieces.layer_of(files)
    if mode:
        layer = layer.replace(b"0000755", b"%07o" % mode).replace(*checksums(layer, mode))
    packed = gzip.compress(layer, mtime=0) if pack else layer
    page = config(layer, packed) if config else pieces.config_of(pieces.digest(layer))
    manifest = json.loads(pieces.manifest_of(page, packed, kind or ("layer.v1.tar+gzip" if pack else "layer.v1.tar")))
    if change:
        change(manifest)
    text = json.dumps(manifest, indent=indent)
    for name, blob in (("layer", packed), ("config", page)):
        if name != skip:
            pieces.send(ecr, TINY, blob)
    if skip == "list":
        return
    wanted = {"imageDigest": pieces.digest(json.dumps(manifest).encode())} if as_digest else {}
    if tag:
        wanted["imageTag"] = tag
    kind = manifest["mediaType"]
    with suppress(ClientError):
        ecr.put_image(repositoryName=TINY, imageManifest=text, imageManifestMediaType=kind, **wanted)


def checksums(layer: bytes, mode: int) -> tuple[bytes, bytes]:
    """Return the checksum of the first entry's header as it is, and as it is with another mode."""
    head = layer[:512]
    changed = head.replace(b"0000755", b"%07o" % mode)[:148] + b" " * 8 + head[156:]
    return head[148:154], b"%06o" % sum(changed)


def changed(**values: Any) -> Callable[[dict[str, Any]], None]:
    """Return what changes the manifest's layer."""
    return lambda manifest: manifest["layers"][0].update(values)


def docker_types(manifest: dict[str, Any]) -> None:
    """Give everything the names that docker uses."""
    manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json"
    manifest["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json"
    manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def config_with(**values: Any) -> Callable[[bytes, bytes], bytes]:
    """Return what writes a right config with some of it changed; None leaves a key out."""

    def write(layer: bytes, packed: bytes) -> bytes:
        page = {**json.loads(pieces.config_of(pieces.digest(layer))), **values}
        return json.dumps({key: value for key, value in page.items() if value is not None}).encode()

    return write


def with_docker(lab: Lab) -> None:
    """Let docker send the image of somebody's own: it pulls tiny:2 and pushes it under the name."""
    lab.sh(
        f'docker pull -q "$REGISTRY/{TINY}:2" && docker tag "$REGISTRY/{TINY}:2" "$REGISTRY/{TINY}:{MINE}" && '
        f'docker push -q "$REGISTRY/{TINY}:{MINE}"'
    )


def into_another(lab: Lab) -> None:
    """Put it into another repository."""
    lab.push("leaky", MINE)


def as_repository(lab: Lab) -> None:
    """Take `mine` for a repository."""
    make_repository(lab, MINE)
    layer = pieces.layer_of({PROGRAM: pieces.HELLO, "note": b"x"})
    packed, config = gzip.compress(layer, mtime=0), pieces.config_of(pieces.digest(layer))
    pieces.send(lab.client("ecr"), MINE, packed, config)
    pieces.put(lab.client("ecr"), MINE, pieces.manifest_of(config, packed, "layer.v1.tar+gzip"), "1")


def packed_twice(lab: Lab) -> None:
    """Send the layer, and list it as it is when it is packed at another time."""
    layer = pieces.layer_of({PROGRAM: pieces.HELLO, "note": b"x"})
    config = pieces.config_of(pieces.digest(layer))
    pieces.send(lab.client("ecr"), TINY, gzip.compress(layer, mtime=0), config)
    with suppress(ClientError):
        listed = gzip.compress(layer, mtime=1)
        pieces.put(lab.client("ecr"), TINY, pieces.manifest_of(config, listed, "layer.v1.tar+gzip"), MINE)


def two_layers(lab: Lab) -> None:
    """Put each file into a layer of its own: it runs, and it is not what was asked for."""
    tars = [pieces.layer_of({name: content}) for name, content in ((PROGRAM, pieces.HELLO), ("note", b"x"))]
    config, packed = pieces.config_of(*map(pieces.digest, tars)), [gzip.compress(each, mtime=0) for each in tars]
    manifest = json.loads(pieces.manifest_of(config, packed[0], "layer.v1.tar+gzip"))
    manifest["layers"].append(pieces.entry_of("layer.v1.tar+gzip", packed[1]))
    pieces.send(lab.client("ecr"), TINY, *packed, config)
    pieces.put(lab.client("ecr"), TINY, json.dumps(manifest), MINE)


def an_index(lab: Lab) -> None:
    """Put an index under the name."""
    ecr = lab.client("ecr")
    pieces.index(ecr, TINY, MINE, pieces.image(ecr, TINY, "amd64"))


def no_layers(manifest: dict[str, Any]) -> None:
    """List nothing."""
    manifest["layers"] = []


def packed_id(_layer: bytes, packed: bytes) -> bytes:
    """Name the packed layer in the config."""
    return bytes(pieces.config_of(pieces.digest(packed)))


def other_processor(layer: bytes, _packed: bytes) -> bytes:
    """Claim the other processor."""
    return bytes(pieces.config_of(pieces.digest(layer), processor=pieces.OTHER))


TRIES = {
    "passed": {
        "as the solution does": by_hand,
        "Docker's names for the same": lambda lab: by_hand(lab, change=docker_types),
        "an entry called ./hello, printed prettily": lambda lab: by_hand(
            lab, files={"./hello": pieces.HELLO, "etc/note": b"mine"}, indent=2
        ),
        "after one that was refused": (lambda lab: by_hand(lab, skip="config"), by_hand),
    },
    "other-letters-in-it": [lambda lab: by_hand(lab, tag="Mine")],
    "elsewhere": [into_another],
    "other-name": {
        "as 3": lambda lab: by_hand(lab, tag="3"),
        "without a tag": lambda lab: by_hand(lab, tag=""),
    },
    "no-list": [lambda lab: by_hand(lab, skip="list")],
    "list-first": {"the config left out": lambda lab: by_hand(lab, skip="config")},
    "other-bytes": {"packed a second time, with another date": packed_twice},
    "a-shelf": [as_repository],
    "other-digest": {"pretty, under the old digest": lambda lab: by_hand(lab, indent=2, as_digest=True)},
    "not-a-page": {
        "no layers": lambda lab: by_hand(lab, change=no_layers),
        "a schema of 1": lambda lab: by_hand(lab, change=lambda page: page.update(schemaVersion=1)),
    },
    "by-docker": [with_docker],
    "an-index": [an_index],
    "same-image": {"tiny:2 named again": lambda lab: name_again(lab, TINY, MINE, imageTag="2")},
    "size-wrong": [lambda lab: by_hand(lab, change=changed(size=201))],
    "not-compressed": [lambda lab: by_hand(lab, pack=False)],
    "label-says-gzip": [lambda lab: by_hand(lab, pack=False, kind="layer.v1.tar+gzip")],
    "label-says-plain": [lambda lab: by_hand(lab, kind="layer.v1.tar")],
    "counts-differ": [lambda lab: by_hand(lab, config=config_with(rootfs={"type": "layers", "diff_ids": []}))],
    "packed-in-config": [lambda lab: by_hand(lab, config=packed_id)],
    "other-diff-id": [lambda lab: by_hand(lab, config=lambda layer, _: pieces.config_of(pieces.digest(layer[:-1])))],
    "not-a-layer": [lambda lab: by_hand(lab, files=pieces.HELLO)],
    "no-processor": [lambda lab: by_hand(lab, config=config_with(architecture=None))],
    "other-processor": [lambda lab: by_hand(lab, config=other_processor)],
    "no-program": {
        "in a folder": lambda lab: by_hand(lab, files={"bin/hello": pieces.HELLO, "note": b"x"}),
        "nothing in it": lambda lab: by_hand(lab, files={}),
    },
    "other-program": [lambda lab: by_hand(lab, files={PROGRAM: b"hello\n", "note": b"x"})],
    "not-executable": [lambda lab: by_hand(lab, mode=0o644)],
    "no-own-file": [lambda lab: by_hand(lab, files={PROGRAM: pieces.HELLO}, indent=2)],
    "more-layers": {"each file in one of its own": two_layers},
    "no-command": [lambda lab: by_hand(lab, config=config_with(config={"Cmd": "/hello"}))],
    "other-command": [lambda lab: by_hand(lab, config=config_with(config={"Cmd": ["/helo"]}))],
    "tiny-gone": [lambda lab: lab.clear(TINY)],
}


def reset(lab: Lab) -> None:
    """Remove the image `mine`, and what else nobody but the learner made in `tiny`."""
    ecr = lab.client("ecr")
    lab.clear(MINE)
    others = [one["imageDigest"] for one in images(lab, TINY) if not set(one.get("imageTags", [])) & MADE]
    for name, found in (
        (TINY, [{"imageTag": MINE}, *({"imageDigest": each} for each in others)]),
        ("leaky", [{"imageTag": MINE}]),
    ):
        with suppress(ecr.exceptions.RepositoryNotFoundException):
            ecr.batch_delete_image(repositoryName=name, imageIds=found)
    lab.sh(f'docker rmi -f "$REGISTRY/{TINY}:{MINE}" >/dev/null 2>&1 || true')
