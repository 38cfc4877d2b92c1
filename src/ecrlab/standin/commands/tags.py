"""`docker tag`, `rmi` and `image prune`: an image gets a name, loses it, and goes with its last one."""

from __future__ import annotations

from ecrlab.standin.command import Call, Command, Flag
from ecrlab.standin.errors import DockerError, from_daemon
from ecrlab.standin.images import Images, chain_ids
from ecrlab.standin.lab import find, store
from ecrlab.standin.names import NameFormatError, parse, short, shown
from ecrlab.standin.output import err, out


def tag(call: Call) -> None:
    """Give an image one more name. Raises DockerError."""
    source, target = call.arguments
    try:
        name = parse(target).tagged()
        parse(source)
    except NameFormatError as error:
        raise DockerError(f'Error parsing reference: "{target}" is not a valid repository/tag: {error}') from error
    if name.digest:
        raise DockerError("refusing to create a tag with a digest reference")
    images = store()
    image = find(images, source)
    import time

    with images.change() as state:
        if image.id not in state["images"]:
            raise from_daemon(f"No such image: {source}")
        state["tags"][name.key] = image.id
        state["images"][image.id]["tagged"] = time.time()


def rmi(call: Call) -> int:
    """Take names from images, and remove those that have none left; return 1 when one is missing or stays."""
    images = store()
    failed = 0
    for text in call.arguments:
        try:
            for line in _remove(images, text, call.on("force")):
                out(line)
        except DockerError as failure:
            err(failure.text)
            # Docker counts a missing image as removed when it was told to force.
            failed |= not (call.on("force") and "No such image" in failure.text)
    images.sweep()
    return int(failed)


def _remove(images: Images, text: str, force: bool) -> list[str]:
    image = find(images, text)
    by_id = bool(set(text.removeprefix("sha256:")) <= set("0123456789abcdef")) and image.id.partition(":")[
        2
    ].startswith(text.removeprefix("sha256:"))
    lines = []
    others = [other for other in images.images() if other.id != image.id]
    repositories = {key.rpartition(":")[0] for key in image.tags} | {key.partition("@")[0] for key in image.digests}
    if by_id and len(repositories) > 1 and not force:
        why = "image is referenced in multiple repositories"
        raise from_daemon(f"conflict: unable to delete {short(image.id)} (must be forced) - {why}")
    with images.change() as state:
        if by_id:
            gone_tags, gone_digests = list(image.tags), list(image.digests)
        else:
            key = parse(text).tagged().key
            repository = key.partition("@")[0] if "@" in key else key.rpartition(":")[0]
            gone_tags = [key] if key in image.tags else []
            left = [other for other in image.tags if other not in gone_tags]
            gone_digests = [] if gone_tags else [key]
            if gone_tags and not any(other.rpartition(":")[0] == repository for other in left):
                gone_digests = [name for name in image.digests if name.partition("@")[0] == repository]
        for name in gone_tags:
            state["tags"].pop(name, None)
            lines.append(f"Untagged: {shown(name)}")
        for name in gone_digests:
            state["digests"].pop(name, None)
            lines.append(f"Untagged: {shown(name)}")
        if image.id not in state["tags"].values() and image.id not in state["digests"].values():
            state["images"].pop(image.id, None)
            needed = {id_ for other in others for id_ in chain_ids(other.diff_ids)}
            lines.append(f"Deleted: {image.id}")
            lines += [f"Deleted: {id_}" for id_ in reversed(chain_ids(image.diff_ids)) if id_ not in needed]
    return lines


def prune(call: Call) -> None:
    """Remove the images without a name, and say how much room that made."""
    images = store()
    before = sum(file.stat().st_size for file in images.blobs.iterdir())
    lines = []
    for image in images.images():
        if not image.tags and (call.on("all") or not image.digests):
            lines += _remove(images, image.id, True)
    images.sweep()
    from ecrlab.standin.sizes import human

    if lines:
        out("Deleted Images:")
        for line in lines:
            out(line[0].lower() + line[1:])
        out("")
    out(f"Total reclaimed space: {human(max(0, before - sum(f.stat().st_size for f in images.blobs.iterdir())))}")


_RMI = Command("[OPTIONS] IMAGE [IMAGE...]", 1, None, (Flag("force", "f"), Flag("no-prune")), rmi)
_TAG = Command("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", 2, 2, (), tag)

COMMANDS = {
    "tag": _TAG,
    "image tag": _TAG,
    "rmi": _RMI,
    "image rm": _RMI,
    "image prune": Command("[OPTIONS]", 0, 0, (Flag("all", "a"), Flag("force", "f")), prune),
}
