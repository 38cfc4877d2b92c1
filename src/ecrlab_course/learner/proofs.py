"""What a learner's own requests prove of Docker Hub and of ECR: one function for each cell of the table.

A function reads the X-ray's rows, oldest first, and yields a `Proof` for each thing shown. It never looks anything up
by itself: what is not in a row was not shown. Here are the cells of lesson 05; those of lessons 06 to 08 are in
`proofs_later.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from ecrlab_course.documents.xray_row import Row
from ecrlab_course.learner import proofs_later
from ecrlab_course.learner.proof import Evidence, Proof, asks_manifest, gist_of, is_ok, name_of

MANY, WINDOW = 101, 6 * 3600.0
"""How many pulls of one image, within how many seconds, show that ECR does not count as the Hub does."""
_LIMIT = re.compile(r"(\d+);w=(\d+)")


def _turned_away(row: Row) -> bool:
    """Tell whether a stranger showed the Hub a pass, and it was not enough: the first 401 only asks for one."""
    return asks_manifest(row) and row["status"] == 401 and not row["principal"] and row["decision"] == "denied"


# The Hub


def hub_creates(seen: Evidence) -> Iterator[Proof]:
    """A push made the repository."""
    for row in seen.of("hub"):
        if gist_of(row).get("made") and row["principal"] and is_ok(row):
            yield Proof("makes", row)


def hub_minute_after(seen: Evidence) -> Iterator[Proof]:
    """Somebody without a name came to a repository that a push had made, before anybody changed its setting."""
    fresh: set[str] = set()
    for row in seen.of("hub"):
        shown = gist_of(row)
        if shown.get("made"):
            fresh.add(str(shown["made"]))
        elif "private" in shown:
            fresh.discard(str(shown["repository"]))
        elif name_of(row) in fresh and not row["principal"]:
            if asks_manifest(row) and is_ok(row):
                yield Proof("everybody", row)
            elif _turned_away(row):
                yield Proof("login", row)


def hub_changes(seen: Evidence) -> Iterator[Proof]:
    """The setting was changed, and a stranger met the change."""
    private: dict[str, bool] = {}
    for row in seen.of("hub"):
        shown = gist_of(row)
        if "private" in shown and "repository" in shown:
            private[str(shown["repository"])] = bool(shown["private"])
        elif private.get(name_of(row)) is True and _turned_away(row):
            yield Proof("shut", row)
        elif private.get(name_of(row)) is False and asks_manifest(row) and is_ok(row) and not row["principal"]:
            yield Proof("opened", row)


def hub_door(seen: Evidence) -> Iterator[Proof]:
    """The door said where a pass is to be had, and one was fetched."""
    asked = ""
    for row in seen.of("hub"):
        if row["status"] == 401 and row["path"].startswith("/v2/"):
            asked = row["client"]
        elif row["path"].startswith("/token") and is_ok(row) and row["client"] == asked:
            yield Proof("pass", row)


def hub_kept(seen: Evidence) -> Iterator[Proof]:
    """An access token was made."""
    for row in seen.of("hub"):
        if is_ok(row) and "scopes" in gist_of(row):
            ends = gist_of(row).get("expires_at")
            yield Proof("dated", row, {"expires": str(ends)[:10]}) if ends else Proof("forever", row)


def _passes(seen: Evidence) -> Iterator[tuple[Row, str, set[str], set[str]]]:
    """Yield who was given a pass for one repository, which, what was asked for and what was granted."""
    for row in seen.of("hub"):
        if row["path"].startswith("/token") and is_ok(row) and row["principal"]:
            for each in row["decisions"]:
                granted = set(each.get("granted") or ())  # type: ignore[call-overload]
                yield row, each["resource"], set(each["action"].split(",")), granted


def hub_smaller(seen: Evidence) -> Iterator[Proof]:
    """A pass fetched with an access token may less than its owner."""
    for row, _, asked, granted in _passes(seen):
        if granted and asked - granted and "the access token allows" in row["reason"]:
            yield Proof("level", row, {"granted": _words(granted), "refused": _words(asked - granted)})


def hub_rights(seen: Evidence) -> Iterator[Proof]:
    """A pass holds less than was asked for."""
    for row, _, asked, granted in _passes(seen):
        if asked - granted:
            yield Proof("in-the-pass", row, {"asked": _words(asked), "granted": _words(granted) or "nothing"})


def hub_said_how(seen: Evidence) -> Iterator[Proof]:
    """One user's passes for one repository held nothing, and then something, because of a team."""
    nothing: set[tuple[str | None, str]] = set()
    for row, place, _, granted in _passes(seen):
        if not granted:
            nothing.add((row["principal"], place))
        elif (row["principal"], place) in nothing and "team " in row["reason"]:
            yield Proof("teams", row, {"who": row["principal"], "granted": _words(granted)})


def _words(actions: set[str]) -> str:
    return ", ".join(action for action in ("pull", "push", "delete") if action in actions)


def hub_how_many(seen: Evidence) -> Iterator[Proof]:
    """The limit was in a header, and it was reached."""
    for row in seen.of("hub"):
        found = _LIMIT.match(str(gist_of(row).get("ratelimit-limit", "")))
        if found and row["status"] == 429:
            yield Proof("limit", row, {"limit": found[1], "hours": f"{int(found[2]) / 3600:g}"})


def hub_for_whom(seen: Evidence) -> Iterator[Proof]:
    """Two who asked had different numbers left: by address without a login, by account with one."""
    left: dict[tuple[str, str], str] = {}
    for row in seen.of("hub"):
        shown = gist_of(row)
        if "ratelimit-remaining" not in shown:
            continue
        mine = (str(row["principal"] or ""), str(shown["docker-ratelimit-source"]))
        for (who, source), number in left.items():
            if number == shown["ratelimit-remaining"]:
                continue
            if not who and not mine[0] and source != mine[1]:
                yield Proof("address", row, {"one": source, "other": mine[1]})
            elif bool(who) != bool(mine[0]) and source == mine[1]:
                yield Proof("account", row)
        left[mine] = str(shown["ratelimit-remaining"])


def hub_world(seen: Evidence) -> Iterator[Proof]:
    """A stranger pulled what a learner had pushed."""
    pushed: set[str] = set()
    for row in seen.of("hub"):
        if row["method"] == "PUT" and "/manifests/" in row["path"] and is_ok(row):
            pushed.add(name_of(row))
        elif name_of(row) in pushed and asks_manifest(row) and is_ok(row) and not row["principal"]:
            yield Proof("here", row)


# ECR


def ecr_creates(seen: Evidence) -> Iterator[Proof]:
    """A push met no repository."""
    for row in seen.of("registry"):
        sends = row["method"] == "POST" or (row["method"] == "PUT" and "/manifests/" in row["path"])
        if row["status"] == 404 and sends and row["principal"] and "NAME_UNKNOWN" in str(row["error"]):
            yield Proof("refuses", row)


def _strangers(seen: Evidence) -> Iterator[Row]:
    """Yield where somebody was turned away who had nothing to show, at a registry that held something.

    A client that has a login knocks without it first, and comes in behind that 401; one that has none stops there, and
    may never have named a repository.
    """
    rows = list(seen.of("registry"))
    held = False
    for number, row in enumerate(rows):
        held = held or (is_ok(row) and bool(row["principal"]) and bool(name_of(row)))
        if held and row["status"] == 401 and not row["principal"] and "login" not in row["reason"]:
            after = next((each for each in rows[number + 1 :] if each["client"] == row["client"]), None)
            if after is None or not after["principal"]:
                yield row


def ecr_minute_after(seen: Evidence) -> Iterator[Proof]:
    """A stranger came."""
    for row in _strangers(seen):
        yield Proof("login", row)


def ecr_changes(seen: Evidence) -> Iterator[Proof]:
    """A stranger was turned away although the policy names everybody, and was served by ECR Public."""
    public = [row for row in seen.of("public") if asks_manifest(row) and is_ok(row) and not row["principal"]]
    written = [row for row in seen.of("ecr") if is_ok(row) and row["operation"] in _POLICY]
    for row in _strangers(seen) if public else ():
        before = [each for each in written if each["seq"] < row["seq"]]
        if not before:
            continue
        name = str(before[-1]["resource"]).rpartition(":repository/")[2]
        again = any(each["seq"] > row["seq"] and each["resource"] == before[-1]["resource"] for each in written)
        if name and name_of(row) in ("", name) and not again and seen.open_to_all(name):
            yield Proof("other-door", row)


_POLICY = ("SetRepositoryPolicy", "DeleteRepositoryPolicy")


def ecr_door(seen: Evidence) -> Iterator[Proof]:
    """The door asked for a name and a password, and took them."""
    asked = ""
    for row in seen.of("registry"):
        if row["status"] == 401:
            asked = row["client"]
        elif row["principal"] and row["client"] == asked:
            yield Proof("password", row)


def ecr_kept(seen: Evidence) -> Iterator[Proof]:
    """A token came with the moment of its end, or one was refused because that had passed."""
    for row in seen.of("ecr", "registry"):
        ends = gist_of(row).get("expires_at")
        if ends and row["operation"] == "GetAuthorizationToken":
            hours = (datetime.fromisoformat(ends) - datetime.fromisoformat(row["time"])).total_seconds() / 3600
            yield Proof("hours", row, {"hours": round(hours)})
        elif row["status"] == 403 and "token has expired" in row["said"]:
            yield Proof("expired", row)


def ecr_rights(seen: Evidence) -> Iterator[Proof]:
    """The registry asked IAM about a request."""
    for row in seen.of("registry"):
        if row["action"]:
            yield Proof("each-request", row, {"action": row["action"], "decision": row["decision"]})


def ecr_how_many(seen: Evidence) -> Iterator[Proof]:
    """One image was pulled again and again, and nothing was counted."""
    pulled: dict[str, list[Row]] = {}
    for row in seen.of("registry"):
        name = name_of(row)
        if row["method"] != "GET" or not asks_manifest(row):
            continue
        line = pulled.setdefault(name, [])
        if not is_ok(row):
            line.clear()
            continue
        line.append(row)
        if len(line) >= MANY and row["wall"] - line[-MANY]["wall"] <= WINDOW:
            yield Proof("no-count", row, {"number": len(line)})


def ecr_world(seen: Evidence) -> Iterator[Proof]:
    """ECR Public served somebody without a name."""
    for row in seen.of("public"):
        if asks_manifest(row) and is_ok(row) and not row["principal"]:
            yield Proof("public", row)


def ecr_cache(seen: Evidence) -> Iterator[Proof]:
    """ECR fetched an image from the Hub for somebody, and served the next one itself."""
    fetched: set[str] = set()
    served: set[str] = set()
    for row in seen.of("hub", "registry"):
        name = name_of(row)
        if row["service"] == "hub" and row["client"] == "ecr" and asks_manifest(row) and is_ok(row):
            fetched.add(name)
            served = {each for each in served if not each.endswith(f"/{name}")}
        elif row["service"] == "registry" and row["method"] == "GET" and asks_manifest(row) and is_ok(row):
            if name in served:
                yield Proof("cached", row)
            elif any(name.endswith(f"/{each}") for each in fetched):
                served.add(name)


PROOFS: dict[str, Callable[[Evidence], Iterator[Proof]]] = {
    "creates.hub": hub_creates,
    "creates.ecr": ecr_creates,
    "minute-after.hub": hub_minute_after,
    "minute-after.ecr": ecr_minute_after,
    "changes.hub": hub_changes,
    "changes.ecr": ecr_changes,
    "door.hub": hub_door,
    "door.ecr": ecr_door,
    "kept.hub": hub_kept,
    "kept.ecr": ecr_kept,
    "smaller.hub": hub_smaller,
    "rights.hub": hub_rights,
    "rights.ecr": ecr_rights,
    "said-how.hub": hub_said_how,
    "how-many.hub": hub_how_many,
    "how-many.ecr": ecr_how_many,
    "for-whom.hub": hub_for_whom,
    "world.hub": hub_world,
    "world.ecr": ecr_world,
    "cache.ecr": ecr_cache,
    **proofs_later.PROOFS,
}
"""By the cell that it fills: ROW.hub or ROW.ecr of content/table.toml."""
