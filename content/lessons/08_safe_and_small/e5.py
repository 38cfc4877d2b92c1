"""08-e5: fix a finding in the Dockerfile. What a learner reads is in e5.md."""

from __future__ import annotations

import re
from pathlib import Path

from ecrlab_course.authoring import Lab, Result, Sentence
from ecrlab_course.authoring.evidence import short, tags
from ecrlab_course.authoring.image_files import SMALL, Files, files_of, layers_of
from ecrlab_course.authoring.staging import make_repository

from .state import APP, CURL, FILES, LIBC, build, findings, package_list, scan, scan_status, wait_for

PAGE = ("www/index.html", "www/version.txt")
VERSION = re.compile(r"7\.88\.1-10\+deb12u(\d+)")
LISTED = re.compile(r"^Package: curl\n(?:.+\n)*?Version: (\S+)", re.MULTILINE)
LIST, PROGRAM = "var/lib/dpkg/status", "usr/bin/curl"
OLD, NEWER = FILES / "os/12.1", FILES / "os/12.9"
FIXED = 4
"""The first version of Debian's curl that has the fix: 7.88.1-10+deb12u4."""


def run(lab: Lab, _text: str) -> Result:
    """Build booking:2.1 from the file, push it, and scan it."""
    make_repository(lab, APP)
    lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": "2.1"}])
    if lab.sh("docker image inspect harbour/os:12.1 harbour/os:12.9 >/dev/null 2>&1")[0]:
        build(lab, "2.0")
    address = f"$REGISTRY/{APP}:2.1"
    code, output = lab.sh(
        f"""docker build -q -t {APP}:2.1 {APP} 2>&1
        docker tag {APP}:2.1 "{address}"
        docker push -q "{address}" 2>&1"""
    )
    if "2.1" in tags(lab, APP):
        if not scan_status(lab, APP, "2.1"):
            scan(lab, APP, "2.1")
        wait_for(lambda: scan_status(lab, APP, "2.1") != "IN_PROGRESS", "the scan")
        counts = findings(lab, APP, "2.1")
        output += f"scan of 2.1: {scan_status(lab, APP, '2.1')} {counts}\n"
    return Result("docker build, docker push, scan", code, output.replace(lab.registry, "$REGISTRY"))


class Seen:
    """The image 2.1 as it is in ECR: its scan, its list of packages, its curl, its page."""

    def __init__(self, lab: Lab, _text: str, result: Result) -> None:
        there = tags(lab, APP)
        said = [line for line in result.output.splitlines() if not line.startswith(("sha256:", "scan of"))]
        self.said = said[-1].strip() if said else "nothing was printed"
        self.there = "2.1" in there
        self.digest = short(there["2.1"]) if self.there else ""
        self.same = self.there and there["2.1"] == there.get("2.0")
        self.status = scan_status(lab, APP, "2.1") if self.there else ""
        found = findings(lab, APP, "2.1") if self.there else {}
        self.bad = bool(found.get("CRITICAL") or found.get("HIGH"))
        self.unrated = bool(found.get("UNDEFINED"))
        self.counts = ", ".join(f"{number} {kind}" for kind, number in sorted(found.items())) or "no findings"
        files = files_of(lab, APP, there["2.1"], largest=SMALL) if self.there else None
        listed = (files and files.read(LIST)) or b""
        curl = (files and files.read(PROGRAM)) or b""
        self.lost = " and ".join(f"`/{name}`" for name in PAGE if files and not files.read(name))
        self.packages = ", ".join(
            f"`{each}`" for each in re.findall(r"Version: (\S+)", listed.decode(errors="replace"))
        )
        named, in_file = LISTED.search(listed.decode(errors="replace")), version(curl)
        in_list = named[1] if named else ""
        self.listed, self.file = f"`{in_list}`", f"`{CURL}u{in_file}`"
        old_program = in_file is not None and in_file < FIXED
        self.emptied = old_program and not in_list
        self.forged = old_program and in_list not in ("", f"{CURL}u{in_file}")
        self.over_old = self.there and over_old(layers_of(lab, APP, there["2.1"], SMALL), listed, curl)
        self.why = reason(lab) if self.status == "FAILED" else ""
        self.short_seen = f"{self.status or 'no scan'}, {self.counts}"
        self.last_run = Sentence("last") if result.command else Sentence("not-run")


def over_old(layers: list[Files], listed: bytes, curl: bytes) -> bool:
    """Tell whether an image stands on 12.1, with another list of packages and without the newer base's programs."""
    old = (OLD / LIST).read_bytes()
    newer = listed == (NEWER / LIST).read_bytes() and curl == (NEWER / PROGRAM).read_bytes()
    return listed != old and not newer and any(layer.read(LIST) == old for layer in layers)


def version(text: bytes) -> int | None:
    """Return the number behind deb12u of the curl that a text names; None when it names none."""
    found = VERSION.search(text.decode(errors="replace"))
    return int(found[1]) if found else None


def reason(lab: Lab) -> str:
    """Return why the scan could not be made, in ECR's words."""
    found = lab.client("ecr").describe_image_scan_findings(repositoryName=APP, imageId={"imageTag": "2.1"})
    return str(found["imageScanStatus"].get("description", "")).rstrip(".")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e5.md."""
    if not seen.there:
        return "not-built"
    if seen.same:
        return "same-image"
    if seen.status == "FAILED":
        return "unread"
    if seen.bad:
        return "still"
    if seen.emptied or seen.forged:
        return "emptied" if seen.emptied else "forged"
    if seen.over_old:
        return "over-old"
    if seen.lost:
        return "page-lost"
    return "unrated" if seen.unrated else "passed"


# Tries


START = (Path(__file__).parent / "files" / APP / "Dockerfile").read_text(encoding="utf-8")
NEW = START.replace("12.1", "12.9")
SMALLER = """FROM harbour/os:12.1 AS old
FROM ecrlab/base:1
COPY --from=old /etc/os-release /etc/os-release
COPY www/ /www/
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
"""


def BEFORE(lab: Lab) -> None:  # noqa: N802 (the name that the form gives it)
    """Put lists of packages beside the Dockerfile: one half way, and two that lie."""
    assert lab.folder is not None
    for path, libc, curl in (
        ("half/var/lib/dpkg/status", f"{LIBC}u3", f"{CURL}u4"),
        ("list", f"{LIBC}u9", f"{CURL}u99"),
        ("other", f"{LIBC}u9", "8.5.0-2"),
    ):
        file = lab.folder / APP / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(package_list(libc, curl))
    (lab.folder / APP / "half/usr/bin").mkdir(parents=True, exist_ok=True)
    (lab.folder / APP / "half/usr/bin/curl").write_text(f"curl {CURL}u4\n", encoding="utf-8")


TRIES = {
    "passed": {
        "the newer base": NEW,
        "a smaller base": SMALLER,
    },
    "unrated": {"a base half way": SMALLER.replace("COPY www", "COPY half/ /\nCOPY www")},
    "same-image": {"a comment": START + "# fixed\n"},
    "not-built": {"a base that is not there": START.replace("12.1", "12.10")},
    "still": {"a label": START + "LABEL fixed=yes\n"},
    "emptied": {"an empty list": START + "COPY nothing /var/lib/dpkg/status\n"},
    "forged": {
        "another list": START.replace("COPY site", "COPY list /var/lib/dpkg/status\nCOPY site"),
        "a version of another kind": START.replace("COPY site", "COPY other /var/lib/dpkg/status\nCOPY site"),
    },
    "over-old": {
        "another list, and an empty curl": START.replace(
            "COPY site", "COPY list /var/lib/dpkg/status\nCOPY nothing /usr/bin/curl\nCOPY site"
        )
    },
    "unread": {"no name of the system": START + "COPY nothing /etc/os-release\n"},
    "page-lost": {"without the page": NEW.replace("COPY www/ /www/\n", "")},
}


def reset(lab: Lab) -> None:
    """Delete 2.1, here and in ECR."""
    lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": "2.1"}])
    lab.sh(f'docker rmi -f {APP}:2.1 "$REGISTRY/{APP}:2.1" >/dev/null 2>&1 || true')
