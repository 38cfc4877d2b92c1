"""Causes in the client: no login, one of another Region or person, an expired one; a name that leads elsewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import datetime

from ecrlab.home import NOBODY
from ecrlab_course.causes.goal import Goal
from ecrlab_course.causes.scene import Finding, Scene, asks, carries, names_tag, ok, place_of, who
from ecrlab_course.documents.client_record import Transcript
from ecrlab_course.documents.xray_row import Row

# What the registry notes of a login that it does not take (`ecrlab.aws.backends.login.why_refused`).
_OTHER_REGION = re.compile(r"the login of (\S+) is for (\S+), and this registry is in (\S+)")
_UNKNOWN_LOGIN = "a login was sent"
_EXPIRED = "authorization token has expired"
_REGISTRIES = {"registry": "ECR", "hub": "the lab's Hub", "public": "ECR Public"}
# What docker prints, with every engine: a name of docker.io, one that no image has, one in upper case.
_HUB_NAME = re.compile(r"repository \[docker\.io/(library/)?([^\]\s]+)\]")
_NOT_BUILT = re.compile(
    r"(?:does not exist locally with the tag:|tag does not exist:|No such image:|image not known:?)\s*(\S+)"
)
_UPPER = re.compile(r"[\"'(]?([^\s\"'()]+)[\"')]?:? (?:is not a valid repository/tag.*)?must be lowercase")


def find(scene: Scene, goal: Goal) -> Finding | None:
    """Return what was wrong with the client's last try at the goal; None when nothing shows it."""
    # A name that leads nowhere comes before the login that was not asked for it.
    found = [_name(scene, goal), _person(scene, goal), _login(scene, goal)]
    return max((each for each in found if each), key=lambda each: each.at, default=None)


# Logins


def _login(scene: Scene, goal: Goal) -> Finding | None:
    if goal.verb not in ("push", "pull") or goal.at != "registry":
        return None
    rows = scene.since(goal, "registry")
    if not rows:
        return None
    last = rows[-1]
    place = place_of(last).repository
    if place and not goal.takes(place) and not scene.tried:
        return None
    person = scene.profile_of(last) or goal.by
    gaps = {
        "verb": goal.verb,
        "who": person,
        "host": scene.host(last["account"], last["region"]),
        "region": last["region"],
    }
    if last["status"] == 403 and _EXPIRED in last["said"]:
        login = scene.login_at(person, last["account"], last["region"])
        gaps["now"] = last["time"][11:16]
        if login is None or login.expires is None or login.expires > datetime.fromisoformat(last["time"]):
            return Finding("old-login", last["seq"], gaps)  # That login is not there any more.
        return Finding("expired-login", last["seq"], {**gaps, "expired": f"{login.expires:%H:%M}"})
    if last["status"] != 401 or not scene.concerns(scene.run_of(last), goal):
        return None
    noted = next((row for row in reversed(_same_client(scene, rows, last)) if row["reason"]), None)
    other = _OTHER_REGION.match(noted["reason"]) if noted else None
    if other is not None:
        return Finding("other-region-login", last["seq"], {**gaps, "who": other[1], "other": other[2]})
    if noted is not None and noted["reason"].startswith(_UNKNOWN_LOGIN):
        return Finding("refused-login", last["seq"], gaps)
    return Finding("no-login", last["seq"], gaps)


def _same_client(scene: Scene, rows: list[Row], last: Row) -> list[Row]:
    """Return the unbroken line of refusals without a name that ends with this one, at the same registry."""
    line: list[Row] = []
    for row in reversed(rows):
        if row["status"] != 401 or (row["account"], row["region"]) != (last["account"], last["region"]):
            break
        line.append(row)
    return line[::-1]


def _person(scene: Scene, goal: Goal) -> Finding | None:
    """Return that somebody else did, or tried, what the goal's person should have done."""
    if goal.by in ("", NOBODY) or goal.verb == "write":
        return None
    for row in reversed(scene.since(goal)):
        about = _is_about(scene, row, goal)
        if not about or not who(row):
            continue
        if who(row) == goal.by:
            return None
        if any(scene.fulfils(row, other) for other in scene.goals if other != goal and other.by):
            continue  # somebody else's part
        run = scene.run_of(row)
        mixed = row["service"] == "registry" and run is not None and run.profile == goal.by
        gaps = {"wanted": goal.by, "who": who(row), "what": row["action"] or goal.verb}
        return Finding("other-person-login" if mixed else "other-person", row["seq"], gaps)
    return None


def _is_about(scene: Scene, row: Row, goal: Goal) -> bool:
    if goal.verb == "call":
        return asks(row, goal) and (scene.tried or row["decision"] == "denied")
    if row["service"] != goal.at or not goal.takes(place_of(row).repository) or not scene.is_home(row, goal):
        return False
    done = carries(row, goal) and ok(row)
    return (done and names_tag(row, goal) and (scene.tried or bool(goal.tag))) or row["decision"] == "denied"


# Names


def _name(scene: Scene, goal: Goal) -> Finding | None:
    """Return what the last run of docker says of the name that it was given."""
    if goal.verb not in ("push", "pull"):
        return None
    reached = scene.reached(goal)
    for run in reversed(scene.transcripts):
        if run.after <= reached and run is not scene.last_run:
            return None
        strangers = run.profile == NOBODY
        if not scene.concerns(run, goal) or (goal.by and strangers != (goal.by == NOBODY)):
            continue
        found = _of_failure(run, goal) if run.code else _only_tagged(run, goal)
        if found is not None or _commands(run):
            return found
    return None


def _commands(run: Transcript) -> list[tuple[str, list[str]]]:
    """Return the pushes, pulls and tags of a script, each with its names: as written, without options."""
    found = []
    for piece in re.split(r"[;\n|&]+", run.script.replace("\\\n", " ")):
        try:
            words = shlex.split(piece, comments=True)
        except ValueError:  # a quote that is open at its end
            words = piece.split()
        words = words[words.index("docker") + 1 :] if "docker" in words else []
        words = words[1:] if words[:1] == ["image"] else words
        if words[:1] and words[0] in ("push", "pull", "tag"):
            found.append((words[0], [word for word in words[1:] if not word.startswith("-")]))
    return found


def sent_to_the_hub(runs: Sequence[Transcript]) -> tuple[str, Transcript] | None:
    """Return the name that the last push went to docker.io with, and its run; None when it did not go there.

    The last run that names, pushes or pulls an image counts, and only where it failed.
    """
    last = next((run for run in reversed(runs) if _commands(run)), None)
    names = _names_of_the_hub(last, "push") if last and last.code and not last.expected else []
    return (names[0], last) if last and names else None


def _names_of_the_hub(run: Transcript, verb: str) -> list[str]:
    """Return the names of a run's pushes (or pulls) that docker takes for docker.io's: as written, then as printed."""
    names = [name for each, names in _commands(run) if each == verb for name in names if _is_hub_name(name)]
    sent = _HUB_NAME.search(run.output)
    return [*names, sent[2]] if sent else names


def _of_failure(run: Transcript, goal: Goal) -> Finding | None:
    for name in _names_of_the_hub(run, goal.verb):
        if goal.short in name:
            path = name.removeprefix("docker.io/").removeprefix("library/")
            gaps = {"name": name, "verb": goal.verb, "registry": _REGISTRIES[goal.at]}
            return Finding("hub-name" if "/" in path else "local-name", run.after, gaps)
    missing = _NOT_BUILT.search(run.output)
    if missing is not None and goal.verb == "push":
        return Finding("not-built", run.after, {"name": missing[1].rstrip(".")})
    upper = _UPPER.search(run.output)
    return Finding("upper-case", run.after, {"name": upper[1]}) if upper else None


def _is_hub_name(name: str) -> bool:
    """Tell whether docker reads a name as one of docker.io: no other host in front, and nothing the shell fills in."""
    first, slash, _ = name.partition("/")
    host = slash and (first == "localhost" or "." in first or ":" in first) and first != "docker.io"
    return "$" not in name and not host


def _only_tagged(run: Transcript, goal: Goal) -> Finding | None:
    """Return that the image got its name for the registry and was not sent."""
    commands = _commands(run)
    named = [names[-1] for verb, names in commands if verb == "tag" and names and f"/{goal.folder}" in names[-1]]
    wanted = [name for name in named if not goal.tag or name.endswith(f":{goal.tag}")]
    if goal.verb != "push" or not wanted or any(verb == "push" for verb, _ in commands):
        return None
    return Finding("only-tagged", run.after, {"name": wanted[-1]})
