"""Drill d12: a container that is up and serves no page. What a learner reads is in d12.md."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from ecrlab_course.authoring import Sentence, as_words, in_code
from ecrlab_course.authoring.run_line import RunLine, run_line
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

IMAGE = "shop/page:1"
RIGHT = "docker run -d --name page -p 80:8080 -v notices:/www/notices shop/page:1"
RUN = {
    "folder": RIGHT.replace(":/www/notices", ":/www"),
    "port": f"{RIGHT} httpd -f -p 80 -h /www",
    "sleep": f"{RIGHT} sleep infinity",
}
INSIDE = {
    "folder": (
        "1 httpd -f -p 8080 -h /www",
        "wget 127.0.0.1:8080/: 404 Not Found",
        "ls /www: closed-on-sunday.txt",
        "mounts: notices -> /www",
    ),
    "port": (
        "1 httpd -f -p 80 -h /www",
        "wget 127.0.0.1:8080/: Connection refused",
        "ls /www: index.html notices",
        "mounts: notices -> /www/notices",
    ),
    "sleep": (
        "1 sleep infinity",
        "wget 127.0.0.1:8080/: Connection refused",
        "ls /www: index.html notices",
        "mounts: notices -> /www/notices",
    ),
}
TELLING = {
    "folder": r"notices\s*->\s*/www(?!/)|ls /www: closed",
    "port": r"httpd -f -p 80(?!\d)",
    "sleep": r"1 sleep|sleep infinity",
}


def look(seed: str) -> str:
    """Return what was seen of the container."""
    first, *others = INSIDE[seed]
    lines = ["page   Up 3 hours   0.0.0.0:80->8080/tcp", "", "in the container:", f"  ps: {first}"]
    return "\n".join([*lines, *(f"  {line}" for line in others), ""])


def prepare(lab: DrillLab) -> None:
    """Write down what was seen, and what starts it."""
    lab.write("look.txt", look(lab.seed))
    lab.write("run.sh", f"{RUN[lab.seed]}\n")


class Seen:
    """What run.sh starts now, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        assert lab.folder is not None
        path = lab.folder / "run.sh"
        script = path.read_text(errors="replace") if path.is_file() else ""
        self.seed, self.changed = lab.seed, script.split() != RUN[lab.seed].split()
        line = run_line(script)
        self.found = line if line is not None and line.image == IMAGE else None
        places = mounts(self.found) if self.found else {}
        self.covered = any(place == "/www" for place in places)
        self.notices = places.get("/www/notices", "").rstrip("/").rpartition("/")[2] == "notices"
        words = self.found.command if self.found else ()
        self.command = " ".join(words)
        self.serves = not words or "httpd" in words[:2] or words[0].endswith("/httpd")
        flags = re.findall(r"(?:^| )-(\w*?)(?:p ?(\d+))?(?= |$)", self.command)
        self.stays = not words or any("f" in letters for letters, _ in flags)
        named = [port for _, port in flags if port]
        self.inside = named[-1] if named else "80" if words else "8080"
        published = [
            port.rpartition("/")[0] or port for port in (self.found.options.get("--publish", []) if self.found else [])
        ]
        pairs = [tuple(port.split(":")[-2:]) for port in published if ":" in port]
        self.outside, self.led = next((pair for pair in pairs if pair[0] == "80"), pairs[0] if pairs else ("", ""))
        self.published = bool(pairs) or (self.found is not None and self.found.value("--network") == "host")
        on_host = self.found is not None and self.found.value("--network") == "host" and self.inside == "80"
        self.reached = on_host or (self.outside == "80" and self.led == self.inside)
        self.mounts, self.ports = (
            as_words([in_code(place) for place in places]),
            as_words([in_code(p) for p in published]),
        )
        self.command_seen = Sentence("command-other") if words else Sentence("command-own")
        if self.found is None:
            self.command_seen = Sentence("nothing")
        self.cause, self.proof = findings.get("cause", ""), findings.get("proof", "").strip()
        shown = [cause for cause, telling in TELLING.items() if re.search(telling, self.proof.lower())]
        self.shown = shown == [lab.seed]


def mounts(line: RunLine) -> dict[str, str]:
    """Return what is mounted in a container: the place there, to the volume or folder."""
    found = {}
    for text in line.options.get("--volume", []):
        source, _, place = text.partition(":")
        found[posixpath.normpath(place.partition(":")[0])] = source
    for text in line.options.get("--mount", []):
        parts = dict(part.partition("=")[::2] for part in text.split(","))
        place = parts.get("target") or parts.get("dst") or parts.get("destination") or ""
        found[posixpath.normpath(place)] = parts.get("source") or parts.get("src") or ""
    return found


def judge(seen: Seen) -> str:
    """Return the verdict's name in d12.md: what run.sh starts, then what was typed."""
    if not seen.changed:
        return "unchanged" if seen.cause or seen.proof else "untouched"
    if seen.found is None:
        return "broken"
    if seen.covered:
        return "covered"
    if not seen.serves:
        return "not-serving"
    if not seen.stays:
        return "background"
    if not seen.published:
        return "not-published"
    if not seen.reached:
        return "other-port"
    return named(seen) if seen.notices else "no-notices"


def named(seen: Seen) -> str:
    """Return what cause and proof are worth once run.sh is right."""
    if not seen.cause:
        return "no-cause"
    if seen.cause != seen.seed:
        return "wrong-cause"
    if not seen.proof:
        return "no-proof"
    return "passed" if seen.shown else "wrong-proof"


def start(line: str = RIGHT) -> Callable[[DrillLab], object]:
    """Return a step that writes run.sh."""
    return lambda lab: lab.write("run.sh", f"{line}\n")


FOLDER = {"cause": "folder", "proof": "mounts: notices -> /www"}
PORT = {"cause": "port", "proof": "ps: 1 httpd -f -p 80 -h /www"}
SLEEP = {"cause": "sleep", "proof": "1 sleep infinity"}
TRIES = {
    "passed": [
        attempt(FOLDER, start()),
        attempt(PORT, start(RIGHT.replace("80:8080", "80:80") + " httpd -f -p 80 -h /www"), seed="port"),
        attempt(
            SLEEP, start(RIGHT.replace("-v notices:", '--mount type=bind,source="$PWD/notices",target=')), seed="sleep"
        ),
    ],
    "unchanged": [attempt(SLEEP, seed="sleep")],
    "broken": [attempt(FOLDER, start("docker restart page"))],
    "covered": [attempt(FOLDER, start(RIGHT.replace("/www/notices", "/www/ --restart always")))],
    "no-notices": [attempt(FOLDER, start(RIGHT.replace("-v notices:/www/notices ", "")))],
    "not-serving": [attempt(SLEEP, start(f"{RIGHT} tail -f /dev/null"), seed="sleep")],
    "background": [attempt(SLEEP, start(f"{RIGHT} httpd -p 8080 -h /www"), seed="sleep")],
    "other-port": [attempt(PORT, start(RIGHT.replace("80:8080", "8080:8080")), seed="port")],
    "not-published": [attempt(PORT, start(RIGHT.replace("-p 80:8080 ", "")), seed="port")],
    "no-cause": [attempt({}, start())],
    "wrong-cause": [attempt({**FOLDER, "cause": "network"}, start())],
    "no-proof": [attempt({"cause": "folder"}, start())],
    "wrong-proof": [attempt({**PORT, "proof": "Connection refused"}, start(), seed="port")],
}
