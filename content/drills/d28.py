"""Drill d28: four green lights. What a learner reads is in d28.md."""

from __future__ import annotations

import time

from ecrlab_course.authoring import as_words
from ecrlab_course.authoring.staging import name_again, put_image
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME, OUT = "shop/web", "out"
NAMES = ("north", "south", "east", "west")
STATES = {
    "one": {"north": "quiet", "south": "unread", "east": "go", "west": "unscanned"},
    "two": {"north": "unscanned", "south": "go", "east": "quiet", "west": "unread"},
}
SYSTEM = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm), a stand-in"\nID=debian\nVERSION_ID="12"\n'
NEW, OLD = "7.88.1-10+deb12u8", "7.88.1-10+deb12u3"
LAST = {
    "go": "FROM harbour/os:12.9\nCOPY www/ /www/\n",
    "unscanned": "FROM harbour/os:12.1\nCOPY www/ /www/\n",
    "unread": "FROM ecrlab/base:1\nCOPY www/ /www/\n",
    "quiet": "FROM harbour/os:12.1\nCOPY www/ /www/\nCOPY nothing /var/lib/dpkg/status\n",
}


def files_of(kind: str, name: str) -> dict[str, bytes]:
    """Return the files of an image of this kind."""
    files = {"www/index.html": f"<h1>{name}</h1>".encode()}
    if kind == "unread":
        return files
    version = NEW if kind == "go" else OLD
    listed = f"Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n"
    return {
        **files,
        "etc/os-release": SYSTEM,
        "usr/bin/curl": f"curl {version}\n".encode(),
        "var/lib/dpkg/status": b"" if kind == "quiet" else listed.encode(),
    }


def prepare(lab: DrillLab) -> None:
    """Make the four images, and scan three of them."""
    lab.repository(NAME)
    marks = ""
    for name, kind in STATES[lab.seed].items():
        digest = put_image(lab, NAME, name, files_of(kind, name))
        marks += f"{name}={digest[7:19]} "
        lab.write(f"builds/{name}.Dockerfile", LAST[kind])
        if kind != "unscanned":
            scan(lab, name)
    lab.client("iam").tag_user(UserName="admin", Tags=[{"Key": "live", "Value": marks.strip()}])


def scan(lab: DrillLab, tag: str) -> None:
    """Scan an image, and wait for the end."""
    ecr, which = lab.client("ecr"), {"repositoryName": NAME, "imageId": {"imageTag": tag}}
    ecr.start_image_scan(**which)
    until = time.monotonic() + 10
    while ecr.describe_image_scan_findings(**which)["imageScanStatus"]["status"] == "IN_PROGRESS":
        if time.monotonic() > until:
            raise RuntimeError("the scan does not end")
        time.sleep(0.02)


class Seen:
    """What `out` names, and what was typed of each."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        kinds = STATES[lab.seed]
        tags = {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}
        first = dict(mark.split("=") for mark in tags["live"].split())
        self.changed = any(str(lab.digest(NAME, name))[7:19] != digest for name, digest in first.items())
        found = str(lab.digest(NAME, OUT) or "")[7:19]
        self.there = bool(found)
        place = next((name for name, digest in first.items() if digest == found), "")
        self.out_seen = f"`{place}`" if place else "another image" if found else "nothing"
        self.kind = kinds.get(place, "")
        typed = {name: findings.get(name, "") for name in NAMES}
        self.typed = any(typed.values())
        self.missing = as_words([name for name in NAMES if not typed[name]])
        wrong = [name for name in NAMES if typed[name] and typed[name] != kinds[name]]
        self.wrong = as_words([f"`{name}`" for name in wrong])
        self.fit = sum(1 for name in NAMES if typed[name] == kinds[name])


def judge(seen: Seen) -> str:
    """Return the verdict's name in d28.md: what went out, then the reasons."""
    if seen.changed:
        return "changed"
    if not seen.there:
        return "no-out" if seen.typed else "untouched"
    if not seen.kind:
        return "another-out"
    if seen.kind == "unscanned":
        return "unscanned-out"
    if seen.kind != "go":
        return "unread-out" if seen.kind == "unread" else "quiet-out"
    if seen.missing:
        return "not-typed"
    return "wrong-reason" if seen.wrong else "passed"


def out(lab: DrillLab, name: str) -> None:
    """Give an image the tag `out`."""
    name_again(lab, NAME, OUT, imageTag=name)


def gone_out(name: str, *, seed: str, typed: dict[str, str] | None = None) -> object:
    """Return a try in which this one goes out, and these reasons are typed: the right ones by default."""
    return attempt(typed if typed is not None else STATES[seed], lambda lab: out(lab, name), seed=seed)


TRIES = {
    "passed": {
        "east": gone_out("east", seed="one"),
        "south, and a scan of what nobody had looked at": attempt(
            STATES["two"], (lambda lab: scan(lab, "north"), lambda lab: out(lab, "south")), seed="two"
        ),
    },
    "unscanned-out": {"nobody looked": gone_out("west", seed="one")},
    "unread-out": {"FAILED": gone_out("west", seed="two")},
    "quiet-out": {"an empty list": gone_out("north", seed="one")},
    "not-typed": {"only what goes": gone_out("south", seed="two", typed={"south": "go"})},
    "wrong-reason": {"two exchanged": gone_out("east", seed="one", typed=STATES["two"])},
    "no-out": {"reasons alone": attempt(STATES["one"], seed="one")},
    "another-out": {
        "built again": attempt(
            STATES["one"], lambda lab: put_image(lab, NAME, OUT, {"www/index.html": b"again"}), seed="one"
        )
    },
    "changed": {
        "the tag moved instead": attempt(
            STATES["one"], lambda lab: name_again(lab, NAME, "north", imageTag="east"), seed="one"
        )
    },
}
