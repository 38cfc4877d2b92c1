"""What docker prints about images: tables, history, and the document of `docker inspect`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from ecrlab.standin.images import Image
from ecrlab.standin.names import NameFormatError, parse, short, shown
from ecrlab.standin.sizes import human
from ecrlab.standin.template import NilList, NilMap, go_json, plain, render

NONE = "<none>"
_EMPTY_CONFIG: dict[str, Any] = {
    "Hostname": "",
    "Domainname": "",
    "User": "",
    "AttachStdin": False,
    "AttachStdout": False,
    "AttachStderr": False,
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "Env": NilList(),
    "Cmd": NilList(),
    "Image": "",
    "Volumes": NilMap(),
    "WorkingDir": "",
    "Entrypoint": NilList(),
    "OnBuild": NilList(),
    "Labels": NilMap(),
}

# Fields that a template may name on every image, and that docker prints only where they are set.
_OFTEN_LEFT_OUT: dict[str, Any] = {"ExposedPorts": NilMap(), "StopSignal": "", "Shell": NilList()}


def printed(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of `inspect` without the fields that docker leaves out when they are empty."""
    config = {key: value for key, value in document["Config"].items() if value or key not in _OFTEN_LEFT_OUT}
    return {**document, "Config": plain(config)}


def table(rows: list[list[str]]) -> str:
    """Return rows in columns as docker aligns them: at least ten wide, three blanks between, the last one as it is."""
    widths = [max(10, max(len(row[column]) + 3 for row in rows)) for column in range(len(rows[0]) - 1)]
    lines = ["".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    return "\n".join(lines)


def moment(text: str) -> float:
    """Return the seconds since 1970 of a time in an image config; 0 when it has none."""
    try:
        return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def since(text: str) -> str:
    """Return how long ago a time was, in docker's words."""
    seconds = int(time.time() - moment(text))
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 1:
        word = "Less than a second"
    elif seconds < 60:
        word = "1 second" if seconds == 1 else f"{seconds} seconds"
    elif minutes < 60:
        word = "About a minute" if minutes == 1 else f"{minutes} minutes"
    elif hours < 48:
        word = "About an hour" if hours == 1 else f"{hours} hours"
    elif hours < 24 * 14:
        word = f"{hours // 24} days"
    elif hours < 24 * 60:
        word = f"{hours // 24 // 7} weeks"
    elif hours < 24 * 730:
        word = f"{hours // 24 // 30} months"
    else:
        word = f"{hours // 24 // 365} years"
    return f"{word} ago"


def image_rows(images: list[Image], reference: str, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return one row per name, as `docker images` lists them, with the fields that --format knows."""
    rows: list[dict[str, Any]] = []
    for image in images:
        tags = {shown(tag) for tag in image.tags}
        digests: dict[str, list[str]] = {}
        for name in image.digests:
            repository, _, digest = shown(name).partition("@")
            digests.setdefault(repository, []).append(digest)
        names = [
            (*tag.rpartition(":")[::2], digest)
            for tag in sorted(tags)
            for digest in digests.get(tag.rpartition(":")[0], [NONE])
        ]
        tagged = {tag.rpartition(":")[0] for tag in tags}
        names += [(name, NONE, d) for name, all_ in sorted(digests.items()) if name not in tagged for d in all_]
        for repository, tag, digest in names or [(NONE, NONE, NONE)]:
            dangling = tag == NONE and repository == NONE
            if reference and not _matches(repository, tag, reference):
                continue
            if any(dangling != (value.lower() in ("true", "1")) for value in filters.get("dangling", [])):
                continue
            if not all(
                fnmatchcase(f"{repository}:{tag}", p) or fnmatchcase(repository, p)
                for p in filters.get("reference", [])
            ):
                continue
            created = str(image.config.get("created", ""))
            rows.append(
                {
                    "Containers": "N/A",
                    "CreatedAt": created[:19].replace("T", " ") + " +0000 UTC",
                    "CreatedSince": since(created),
                    "Digest": digest,
                    "ID": image.id,
                    "Repository": repository,
                    "SharedSize": "N/A",
                    "Size": human(image.size),
                    "Tag": tag,
                    "UniqueSize": "N/A",
                    "VirtualSize": human(image.size, 4),
                }
            )
    return rows


def _matches(repository: str, tag: str, reference: str) -> bool:
    try:
        name = parse(reference)
    except NameFormatError:
        return False
    return name.familiar == repository and name.tag in (None, tag)


_HEADINGS = {"ID": "IMAGE ID", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT"}


def formatted(rows: list[dict[str, Any]], template: str, kind: str) -> Iterable[str]:
    """Yield the lines of `--format` for rows: a template, `json`, or `table` and a template."""
    missing = f"can't evaluate field {{}} in type *formatter.{kind}"
    if template == "json":
        template = "{{json .}}"
    if template.startswith("table"):
        body = template.removeprefix("table").strip().replace("\\t", "\t")
        headings = {key: _HEADINGS.get(key, key.upper()) for row in rows[:1] or [_no_row()] for key in row}
        lines = [render(body, headings, missing=missing), *(render(body, row, missing=missing) for row in rows)]
        yield table([line.split("\t") for line in lines])
        return
    for row in rows:
        yield render(template.replace("\\t", "\t").replace("\\n", "\n"), row, missing=missing)


def _no_row() -> dict[str, str]:
    return dict.fromkeys(("Repository", "Tag", "Digest", "ID", "CreatedSince", "CreatedAt", "Size"), "")


def images_table(rows: list[dict[str, Any]], *, digests: bool) -> str:
    """Return the table of `docker images`."""
    headings = ["REPOSITORY", "TAG", *(["DIGEST"] if digests else []), "IMAGE ID", "CREATED", "SIZE"]
    fields = ["Repository", "Tag", *(["Digest"] if digests else []), "ID", "CreatedSince", "Size"]
    return table([headings, *([row[field] for field in fields] for row in rows)])


def history_rows(image: Image, *, whole: bool) -> list[dict[str, Any]]:
    """Return the history of an image, the newest step first."""
    rows = []
    sizes = list(image.layer_sizes)
    used = 0
    for step in image.config.get("history") or []:
        size = 0
        if not step.get("empty_layer"):
            size = sizes[used] if used < len(sizes) else 0
            used += 1
        by = str(step.get("created_by", "")).replace("\t", " ")
        created = str(step.get("created", ""))
        rows.append(
            {
                "ID": "<missing>",
                "CreatedSince": since(created),
                "CreatedAt": created,
                "CreatedBy": by if whole or len(by) <= 45 else by[:44] + "\u2026",
                "Size": human(size),
                "Comment": str(step.get("comment", "")),
            }
        )
    if rows:
        rows[-1]["ID"] = image.id if whole else short(image.id)
    return rows[::-1]


def history_table(rows: list[dict[str, Any]]) -> str:
    """Return the table of `docker history`."""
    fields = ["ID", "CreatedSince", "CreatedBy", "Size", "Comment"]
    headings = ["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"]
    return table([headings, *([row[field] for field in fields] for row in rows)])


def inspected(image: Image) -> dict[str, Any]:
    """Return the document of `docker inspect` for an image."""
    given = image.config.get("config") or {}
    config = {**_EMPTY_CONFIG, **_OFTEN_LEFT_OUT, **given}
    return {
        "Id": image.id,
        "RepoTags": [shown(tag) for tag in image.tags],
        "RepoDigests": [shown(name) for name in image.digests],
        "Parent": "",
        "Comment": "",
        "Created": image.config.get("created", ""),
        "DockerVersion": image.config.get("docker_version", ""),
        "Author": image.config.get("author", ""),
        "Config": config,
        "Architecture": image.config.get("architecture", ""),
        **({"Variant": image.config["variant"]} if image.config.get("variant") else {}),
        "Os": image.config.get("os", ""),
        "Size": image.size,
        "GraphDriver": {"Data": None, "Name": "ecrlab-standin"},
        "RootFS": {"Type": "layers", "Layers": image.diff_ids},
        "Metadata": {"LastTagTime": datetime.fromtimestamp(image.tagged, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
    }


def printer(template: str) -> Callable[[dict[str, Any]], str]:
    """Return what turns one document into one line of `inspect -f`."""
    if template == "json":
        return lambda document: go_json(printed(document) if "Config" in document else document)
    return lambda document: render(template, document)
