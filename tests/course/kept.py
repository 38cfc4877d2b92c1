"""All that a lab keeps on the disk, read there: whether looking changed something, and whether a checkpoint stands."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from itertools import groupby
from typing import Any

from ecrlab.home import Home
from ecrlab_course.toolbox.lab import read_logins

Kept = dict[tuple[str, ...], Any]
"""What is kept, by what it is called: its store, kind, repository, name."""
MOVING = ("iam.last_used", "work", "ecs.deployments", "ecs.revisions", "ecs.output")
"""What the server writes by itself a little later: last uses, what waits to be done (`ecrlab.aws.work`), and how ECS
gets on with what it is to run."""
ASKED = {
    "ecs.tasks": ("definition", "service", "desired"),
    "ecs.services": ("definition", "desired", "status"),
    "ecs.clusters": ("status",),
    "ecs.definitions": ("status", "given", "containers"),
}
"""Of what ECS runs, and moves by itself: what somebody asked for."""

SESSIONS = "sts.sessions"
"""The temporary keys that were handed out."""


def kept(home: Home) -> Kept:
    """Return everything that the lab's database, the hub's, docker's files and the stand-in hold; it asks no server.

    Every account, Region and kind of setting, and when an image was pushed and last pulled (E015). What the server has
    answered is on the disk. Left out: the X-ray, `MOVING`, and bytes that no image uses any more.
    """
    found: Kept = {}
    for store in ("", "hub"):
        path = home.lab / store / "store.sqlite3"
        if path.is_file():
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30, isolation_level=None)) as rows:
                rows.execute("BEGIN")  # all of it at one moment
                found.update({(store or "lab", *key): value for key, value in _rows(rows).items()})
    for path in sorted((home.lab / "docker").rglob("config.json")):
        found["docker", path.parent.name] = path.read_text()
    names = home.path / "standin" / "state.json"
    if names.is_file():
        found["docker", "images"] = names.read_text()
    return found


def _rows(rows: sqlite3.Connection) -> Kept:
    found: Kept = {}
    for collection, key, value in rows.execute("SELECT collection, key, value FROM documents"):
        if collection in ASKED:
            what = tuple(json.loads(value).get(name) for name in ASKED[collection])
            if collection != "ecs.tasks":
                found[collection, key] = what
            elif what[1:] == ("", "RUNNING"):  # one that nobody but its caller wants
                found[collection, str(what[0])] = int(found.get((collection, str(what[0])), 0)) + 1
        elif collection not in MOVING:
            found[collection, key] = value
    names = {}
    for number, registry, name, created, attributes in rows.execute("SELECT * FROM repositories"):
        names[number] = f"{registry}/{name}"
        found["repository", names[number]] = (created, attributes)
    columns = "repository, digest, pushed_at, last_pulled_at, media_type, subject, artifact_type, attributes"
    for number, digest, *more in rows.execute(f"SELECT {columns} FROM manifests"):
        found["image", names[number], digest] = tuple(more)
    for number, tag, digest in rows.execute("SELECT repository, tag, digest FROM tags"):
        found["tag", names[number], tag] = digest
    used = "EXISTS (SELECT 1 FROM mentions m WHERE m.repository=l.repository AND m.digest=l.digest)"
    for number, digest, kind in rows.execute(f"SELECT repository, digest, media_type FROM links l WHERE {used}"):
        found["blob", names[number], digest] = kind
    return found


def without(state: Kept, collection: str) -> Kept:
    """Return it without the documents of a collection."""
    return {key: value for key, value in state.items() if key[1] != collection}


def lasting(state: Kept) -> Kept:
    """Return of it what is the same whenever a checkpoint was built: the order of pushes in place of their times.

    Temporary keys are left out: they expire, and no checkpoint takes any back. So are ports of registries, which stay
    open, and the git server's key.
    """
    found = {key: value for key, value in state.items() if key[1] not in (SESSIONS, "lab.registries", "ci.issuer")}
    images = sorted((key for key in state if key[1:2] == ("image",)), key=lambda key: (key[:3], state[key][0]))
    for _, keys in groupby(images, key=lambda key: key[:3]):
        for place, key in enumerate(keys):
            _, pulled, *more = state[key]
            found[key] = (place, pulled is not None, *more)
    for key, value in state.items():
        if key[1:2] == ("repository",):
            found[key] = value[1]
        elif key == ("docker", "images"):
            found[key] = _names(json.loads(value))
        elif key[0] == "docker":
            found[key] = _logins(json.loads(value))
    return found


def _names(held: dict[str, Any]) -> dict[str, Any]:
    """Return the images that have a name, and the names, without when they were given."""
    images = {each for names in (held["tags"], held["digests"]) for each in names.values()}
    return {**held, "images": {key: {**value, "tagged": 0} for key, value in held["images"].items() if key in images}}


def _logins(config: dict[str, Any]) -> Any:
    """Return docker's configuration with, for each token of ECR, whose it is and the half hour in which it ends."""
    known = {
        each.host: (each.user, each.account, each.region, each.expires.timestamp() // 1800)
        for each in read_logins(config)
        if each.expires
    }
    return {**config, "auths": {**config.get("auths", {}), **known}}
