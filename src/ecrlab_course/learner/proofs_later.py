"""What a learner's own requests prove of ECR in lessons 06 to 08: one function for each cell that those fill."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from ecrlab.client.explorer_text import size
from ecrlab_course.documents import meter
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.learner.proof import Evidence, Proof, asks_manifest, gist_of, is_ok, name_of

TIMES = 10
"""How much less a second pull moves, at least, when the server knew most of the image."""
DAY = 24
"""Hours after which a lifecycle policy has acted, at the latest."""
_ECR = ("ecr", "registry")
_PULLING = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_CONDITION = re.compile(
    r'S(tatement (?:"[^"]+"|number \d+) of (?:(?! covers ).)+) covers the action but does not apply: '
    r"its condition \S+ asks (\S+)"
)
_WRITES = re.compile(
    r"(?!\w*Lifecycle)(?:Put|Attach|Detach|Create|Delete|Set|Update)\w*(?:Policy|PolicyVersion|Boundary)"
    r"|(?:Add|Remove)User(?:To|From)Group"
)
_NOBODY = re.compile(r"no (?:identity|resource)-based policy allows")
_WALL = re.compile(r"maximum allowed number of (.+?) which is '(\d+)'")
_FIXED = re.compile(r"The image tag '(.+?)' already exists in the '(.+?)' repository .*because the tag is immutable")
_LAYERS = "/_blobs/"


def _allowed(row: Row) -> bool:
    """Tell whether IAM was asked, said yes, and the request was carried out."""
    return row["decision"] == "allowed" and 200 <= row["status"] < 400


def _writes_policy(row: Row) -> bool:
    """Tell whether a request changed who may do what."""
    return row["service"] in ("iam", "ecr") and is_ok(row) and bool(_WRITES.fullmatch(str(row["operation"])))


def _account(arn: object) -> str:
    """Return the account that an ARN names; "" for what is not an ARN."""
    return (str(arn).split(":") + [""] * 5)[4]


def _last(text: object) -> str:
    """Return the name at the end of an ARN: of a user, a session, a repository with its whole name."""
    arn = str(text or "")
    return arn.partition(":repository/")[2] or arn.rpartition("/")[2]


def _short(action: object) -> str:
    return str(action or "").removeprefix("ecr:")


def _said(row: Row) -> str:
    """Return the sentence of a refusal, a registry's or an API's."""
    return row["said"] or str(gist_of(row).get("message", ""))


# 06


def ecr_smaller(seen: Evidence) -> Iterator[Proof]:
    """One login was good for one action at the registry and not for another, under the same policies."""
    granted: dict[str, str] = {}
    for row in seen.of(*_ECR, "iam"):
        who = str(row["principal"] or "")
        if _writes_policy(row):
            granted.clear()
        elif row["service"] == "ecr" and row["operation"] == "GetAuthorizationToken":
            granted.pop(who, None)
        elif row["service"] == "registry" and who and row["action"]:
            if row["decision"] == "allowed":
                granted.setdefault(who, _short(row["action"]))
            elif who in granted:
                gaps = {"who": _last(who), "allowed": granted[who], "refused": _short(row["action"])}
                yield Proof("owner", row, gaps)


def ecr_said_how(seen: Evidence) -> Iterator[Proof]:
    """Somebody was refused because nobody had said yes, a policy was written, and the same request was allowed."""
    refused: dict[tuple[str, str, str], int] = {}
    written = 0
    for row in seen.of(*_ECR, "iam"):
        if _writes_policy(row):
            written = row["seq"]
        elif row["principal"] and row["action"] and row["service"] != "iam":
            who, action, thing = str(row["principal"]), str(row["action"]), str(row["resource"])
            if row["decision"] == "denied":
                if _NOBODY.search(row["reason"]):  # a Deny or a fence that is gone says nothing about who allows
                    refused[who, action, thing] = row["seq"]
            elif refused.get((who, action, thing), written) < written and _allowed(row):
                answer = "thing" if "resource-based" in row["reason"] else "person"
                yield Proof(answer, row, {"who": _last(who), "action": _short(action), "thing": _last(thing)})


def ecr_conditions(seen: Evidence) -> Iterator[Proof]:
    """Another account pulled; or one statement matched for one repository, and by its condition not for another."""
    matched: dict[tuple[str, str], str] = {}
    held: dict[tuple[str, str], tuple[str, str]] = {}
    for row in seen.of(*_ECR):
        if row["action"] not in _PULLING or not row["principal"]:
            continue
        who, name = str(row["principal"]), _last(row["resource"])
        if _allowed(row):
            theirs, ours = _account(who), _account(row["resource"])
            if theirs and ours and theirs != ours:
                yield Proof("account", row, {"account": theirs, "repository": name})
            statement = (who, row["reason"])
            matched.setdefault(statement, name)
            if statement in held:
                key, other = held[statement]
                yield Proof("condition", row, {"key": key, "one": name, "other": other})
        for each in row["decisions"] if row["decision"] == "denied" else ():
            for place, key in _CONDITION.findall(each["explanation"]):
                statement = (who, f"s{place}")
                held.setdefault(statement, (key, name))
                if statement in matched:
                    yield Proof("condition", row, {"key": key, "one": matched[statement], "other": name})


def ecr_log(seen: Evidence) -> Iterator[Proof]:
    """CloudTrail was asked, and named an event."""
    for row in seen.of("cloudtrail"):
        found = gist_of(row)
        if is_ok(row) and found.get("event"):
            yield Proof("trail", row, {"event": found["event"], "who": found["by"] or "ECR itself"})


# 07


def ecr_places(seen: Evidence) -> Iterator[Proof]:
    """A Region served an image while another one did not answer; or a rule of the learner's copied one there."""
    off: set[str] = set()
    ruled = False
    for row in seen.of(*_ECR):
        region, origin = str(row["region"] or ""), row.get("origin")
        if row["status"] == 0:
            off.add(region)
        elif row["operation"] == "ReplicateImage":
            if ruled and is_ok(row) and origin not in (None, region):
                yield Proof("copied", row, {"region": region, "origin": origin})
        else:
            off.discard(region)
            ruled = ruled or (row["operation"] == "PutReplicationConfiguration" and is_ok(row))
            if off and row["principal"] and row["service"] == "registry" and asks_manifest(row) and is_ok(row):
                yield Proof("alone", row, {"region": region, "off": ", ".join(sorted(off))})


class _Pull:
    """One pull of a client: of which repository, by which tag, and the requests that brought something."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.place = (str(row["region"]), name_of(row))
        self.tag = _reference(row)
        self.brought = [row]

    @property
    def bytes(self) -> int:
        """How many bytes left the Region."""
        return meter.read(self.brought).out_of(what="pulled")

    @property
    def has_layers(self) -> bool:
        """Whether anything but manifests was fetched."""
        return any(row["path"].startswith(_LAYERS) for row in self.brought)

    def goes_on(self, row: Row) -> bool:
        """Tell whether a request for a manifest belongs to this pull: by digest, or by its tag before any layer."""
        if self.place != (str(row["region"]), name_of(row)):
            return False
        return "sha256:" in _reference(row) or (self.tag == _reference(row) and not self.has_layers)


def _reference(row: Row) -> str:
    return str(row["path"]).rpartition("/manifests/")[2]


def _pulls(seen: Evidence) -> Iterator[_Pull]:
    """Yield the pulls by tag, each when it has ended: when its client begins another one, or nothing more came."""
    going: dict[str, _Pull] = {}
    for row in seen.of("registry"):
        if not is_ok(row) or row["method"] not in ("GET", "HEAD"):
            continue
        pull = going.get(row["client"])
        if row["path"].startswith(_LAYERS):
            if pull:
                pull.brought.append(row)
        elif asks_manifest(row) and row["principal"]:
            if pull and pull.goes_on(row):
                pull.brought.append(row)
            else:
                if pull:
                    yield pull
                going[row["client"]] = _Pull(row)
    yield from going.values()


def ecr_costs(seen: Evidence) -> Iterator[Proof]:
    """Two tags of one repository were pulled: the first whole, of the second only what was not there yet."""
    before: dict[tuple[str, str], list[_Pull]] = {}
    for pull in _pulls(seen):
        if not pull.has_layers:
            continue
        for earlier in before.setdefault(pull.place, []):
            if earlier.tag != pull.tag and earlier.bytes >= TIMES * pull.bytes:
                gaps = {"whole": size(earlier.bytes), "part": size(pull.bytes)}
                yield Proof("bytes", pull.row, {**gaps, "region": pull.place[0]})
        before[pull.place] = [*before[pull.place], pull][-3:]


def ecr_ends(seen: Evidence) -> Iterator[Proof]:
    """A quota refused one thing more; or a rate, one request more in this second."""
    for row in seen.of(*_ECR):
        if row["status"] < 400:
            continue
        said = _said(row)
        if wall := _WALL.search(said):
            yield Proof("quota", row, {"thing": wall[1], "number": f"{int(wall[2]):,}"})
        elif "Rate exceeded" in said:
            yield Proof("rate", row)


# 08


def ecr_fixed_tags(seen: Evidence) -> Iterator[Proof]:
    """A tag was to move, and its repository forbade it."""
    for row in seen.of(*_ECR):
        if row["status"] >= 400 and (found := _FIXED.search(_said(row))):
            yield Proof("fixed", row, {"tag": found[1], "repository": found[2]})


def ecr_cleaning(seen: Evidence) -> Iterator[Proof]:
    """A policy's preview was read; or images were gone later that nobody had deleted."""
    attached: dict[str, datetime] = {}
    images: dict[str, int] = {}
    for row in seen.of(*_ECR):
        found, operation = gist_of(row), row["operation"]
        if not is_ok(row):
            continue
        if operation == "PutLifecyclePolicy":
            attached[_last(row["resource"])] = datetime.fromisoformat(row["time"])
        elif operation in ("BatchDeleteImage", "DeleteRepository") or row["method"] == "DELETE":
            images.clear()
        elif "expiring" in found:
            yield Proof("preview", row, {"repository": found["repository"], "number": found["expiring"]})
        elif "images" in found:
            name, now = str(found["repository"]), int(found["images"])
            before = images.get(name, now)
            images[name] = now
            if name in attached and now < before:
                hours = (datetime.fromisoformat(row["time"]) - attached[name]).total_seconds() / 3600
                if hours >= DAY:
                    yield Proof("gone", row, {"before": before, "after": now, "hours": f"{hours:.0f}"})


def ecr_encrypts(seen: Evidence) -> Iterator[Proof]:
    """A repository said KMS: beside one that said AES256, or alone."""
    default = False
    for row in seen.of("ecr"):
        kinds = gist_of(row).get("encryption") or {}
        default = default or "AES256" in kinds.values()
        for name, kind in kinds.items():
            if kind.startswith("KMS"):
                yield Proof("both" if default else "chosen", row, {"repository": name})


def ecr_scanning(seen: Evidence) -> Iterator[Proof]:
    """A scan that was complete told what it found."""
    for row in seen.of("ecr"):
        found = gist_of(row)
        if "findings" in found and found["scan"] in ("COMPLETE", "ACTIVE"):
            findings = ", ".join(f"{number} {word}" for word, number in found["findings"].items()) or "nothing"
            answer = "enhanced" if found["by"] == "ENHANCED" else "basic"
            yield Proof(answer, row, {"findings": findings, "repository": found["repository"]})


PROOFS: dict[str, Callable[[Evidence], Iterator[Proof]]] = {
    "smaller.ecr": ecr_smaller,
    "said-how.ecr": ecr_said_how,
    "conditions.ecr": ecr_conditions,
    "log.ecr": ecr_log,
    "places.ecr": ecr_places,
    "costs.ecr": ecr_costs,
    "ends.ecr": ecr_ends,
    "fixed-tags.ecr": ecr_fixed_tags,
    "cleaning.ecr": ecr_cleaning,
    "encrypts.ecr": ecr_encrypts,
    "scanning.ecr": ecr_scanning,
}
"""By the cell that it fills: ROW.ecr of content/table.toml."""
