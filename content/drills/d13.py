"""Drill d13: exec format error, by three causes. What a learner reads is in d13.md."""

from __future__ import annotations

import re
from collections.abc import Callable

from ecrlab.engine.hello_program import MACHINES, hello_program
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

SCRIPT = b"#!/bin/sh\necho Harbour Bikes: open from eight\n"
MARK = b"\xef\xbb\xbf"
BODY = SCRIPT.partition(b"\n")[2]
ENTRY = {"processor": hello_program("arm64"), "first-line": BODY, "mark": MARK + SCRIPT}
SHOWN = {"processor": "b700", "first-line": BODY[:2].hex(), "mark": MARK[:2].hex()}
NAMES = {number: name for name, number in MACHINES.items()}


def prepare(lab: DrillLab) -> None:
    """Put the file there, and the program for both processors."""
    assert lab.folder is not None
    (lab.folder / "entry").write_bytes(ENTRY[lab.seed])
    (lab.folder / "programs").mkdir(exist_ok=True)
    for processor in MACHINES:
        (lab.folder / "programs" / processor).write_bytes(hello_program(processor))


class Seen:
    """What the file is now, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        assert lab.folder is not None
        path = lab.folder / "entry"
        content = path.read_bytes() if path.is_file() else b""
        self.seed, self.content, self.changed = lab.seed, content, content != ENTRY[lab.seed]
        self.begins, self.first = content[:4].hex(" ") or "none", content[:2].hex(" ")
        self.is_program = content.startswith(b"\x7fELF")
        machine = int.from_bytes(content[18:20], "little")
        self.processor = NAMES.get(machine, f"an unknown processor ({content[18:20].hex(' ')})")
        self.whole = content == hello_program("amd64")
        line = content.partition(b"\n")[0]
        self.interpreter = line[2:].decode(errors="replace").strip()
        self.returns = line.endswith(b"\r")
        self.is_script = content.startswith(b"#!")
        self.same_body = BODY.strip() in content.replace(b"\r", b"")
        self.cause, self.typed = findings.get("cause", ""), findings.get("bytes", "").strip()
        self.bytes = re.sub(r"0x|[^0-9a-f]", "", self.typed.lower())


def judge(seen: Seen) -> str:
    """Return the verdict's name in d13.md: whether the kernel would take the file, then what was typed."""
    if not seen.changed:
        return "unchanged" if seen.cause or seen.typed else "untouched"
    if not seen.content:
        return "gone"
    return (program(seen) if seen.is_program else text(seen)) or named(seen)


def program(seen: Seen) -> str:
    """Return what is wrong with a program; "" when it is the right one."""
    if seen.processor != "amd64":
        return "wrong-program"
    if seen.whole:
        return ""
    return "patched"


def text(seen: Seen) -> str:
    """Return what is wrong with a script; "" when the kernel would take it."""
    if seen.seed == "processor":
        return "not-a-program"
    if not seen.is_script:
        return "no-first-line"
    if seen.returns:
        return "returns"
    if not re.fullmatch(r"/bin/(sh|ash)( -\w+)?|/usr/bin/env sh|/bin/busybox sh", seen.interpreter):
        return "no-interpreter"
    return "" if seen.same_body else "other-content"


def named(seen: Seen) -> str:
    """Return what cause and bytes are worth once the file is right."""
    if not seen.cause:
        return "no-cause"
    if seen.cause != seen.seed:
        return misnamed(seen)
    if not seen.bytes:
        return "no-bytes"
    shown = SHOWN[seen.seed]
    return "passed" if seen.bytes in (shown, shown[2:] + shown[:2]) or seen.bytes.startswith(shown) else "wrong-bytes"


def misnamed(seen: Seen) -> str:
    """Return what shows that the named cause was not there."""
    if seen.seed == "processor":
        return "not-text"
    if seen.cause == "processor":
        return "not-processor"
    return "not-first-line" if seen.seed == "mark" else "not-mark"


def put(content: bytes) -> Callable[[DrillLab], object]:
    """Return a step that writes the file."""

    def act(lab: DrillLab) -> None:
        assert lab.folder is not None
        (lab.folder / "entry").write_bytes(content)

    return act


PROCESSOR = {"cause": "processor", "bytes": "b7 00"}
FIRST = {"cause": "first-line", "bytes": BODY[:2].hex(" ")}
EDITOR = {"cause": "mark", "bytes": "ef bb"}
OTHER = hello_program("arm64")
TRIES = {
    "passed": [
        attempt(PROCESSOR, put(hello_program("amd64"))),
        attempt(FIRST, put(SCRIPT), seed="first-line"),
        attempt({**EDITOR, "bytes": "0xEF 0xBB 0xBF"}, put(SCRIPT), seed="mark"),
    ],
    "unchanged": [attempt(PROCESSOR)],
    "gone": [attempt(PROCESSOR, put(b""))],
    "wrong-program": [attempt(PROCESSOR, put(OTHER + b"\n"))],
    "patched": [attempt(PROCESSOR, put(OTHER[:18] + b"\x3e\x00" + OTHER[20:]))],
    "no-first-line": [attempt(FIRST, put(b"\n" + SCRIPT), seed="first-line")],
    "returns": [attempt(FIRST, put(SCRIPT.replace(b"\n", b"\r\n")), seed="first-line")],
    "no-interpreter": [attempt(FIRST, put(b"#!/bin/bash\n" + BODY), seed="first-line")],
    "other-content": [attempt(FIRST, put(b"#!/bin/sh\necho done\n"), seed="first-line")],
    "not-a-program": [attempt(PROCESSOR, put(SCRIPT))],
    "no-cause": [attempt({"bytes": "b7 00"}, put(hello_program("amd64")))],
    "not-processor": [attempt({**FIRST, "cause": "processor"}, put(SCRIPT), seed="first-line")],
    "not-text": [attempt({**PROCESSOR, "cause": "mark"}, put(hello_program("amd64")))],
    "not-mark": [attempt({**FIRST, "cause": "mark"}, put(SCRIPT), seed="first-line")],
    "not-first-line": [attempt({**EDITOR, "cause": "first-line"}, put(SCRIPT), seed="mark")],
    "no-bytes": [attempt({"cause": "mark"}, put(SCRIPT), seed="mark")],
    "wrong-bytes": [attempt({**PROCESSOR, "bytes": "7f 45"}, put(hello_program("amd64")))],
}
