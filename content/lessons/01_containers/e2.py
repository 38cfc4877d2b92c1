"""01-e2: what is in the image of the page. What a learner reads is in e2.md."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping

from ecrlab_course.authoring import Lab, Result, Sentence

from .state import members, saved

NONE = re.compile(r"(?i)\s*(there is )?(none|no|nothing|nobody|not one|no kernel|-|0|keine?r?|null)\.?\s*")


def run(lab: Lab, values: Mapping[str, str]) -> Result:
    """Open the image as `docker save` writes it, and keep what is in it."""
    archive = saved(lab)
    layers = members(archive)
    with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
        described = sum(file.isreg() for file in outer.getmembers())
    names = [file.name for layer in layers for file in layer if file.isreg()]
    data = {
        "files": [sum(file.isreg() for file in layer) for layer in layers],
        "names": sum(len(layer) for layer in layers),
        "sizes": [file.size for layer in layers for file in layer if file.isreg()],
        "paths": names,
        "outer": described,
        "archive": len(archive),
    }
    return Result("", 0, "", data)


class Seen:
    """What was counted, and what is there."""

    def __init__(self, lab: Lab, values: Mapping[str, str], result: Result) -> None:
        self.files, self.kernel, self.share = values["files"], values["kernel"], values["share"]
        per_layer = result.data.get("files") or [0]
        sizes = result.data.get("sizes") or [1]
        self.total = sum(per_layer) or 5
        self.outer = int(result.data.get("outer") or 0)
        self.per_layer, self.names = per_layer, int(result.data.get("names") or 0)
        self.paths: list[str] = list(result.data.get("paths") or [])
        self.true_share = 100 * max(sizes) / sum(sizes)
        self.archive_share = 100 * max(sizes) / int(result.data.get("archive") or 1)
        self.number = _number(self.files)
        self.percent = _number(self.share)
        self.counted = Sentence("counted") if self.files else Sentence("none-yet")


def _number(text: str) -> float | None:
    words = re.fullmatch(r"(?:about|over|more than|>|~)?\s*(\d+(?:[.,]\d+)?)\s*(?:%|percent|files?)?", text.strip())
    return float(words[1].replace(",", ".")) if words else None


def judge(seen: Seen) -> str:
    """Return the verdict's name in e2.md: the number, then the kernel, then the share."""
    if seen.number != seen.total:
        return miscounted(seen)
    if not NONE.fullmatch(seen.kernel):
        return misnamed(seen)
    if seen.percent is None:
        return "not-a-number"
    if seen.percent > 100:
        return "over-hundred"
    return "passed" if seen.percent >= int(seen.true_share) else too_small(seen)


def miscounted(seen: Seen) -> str:
    """Return what was counted in place of the files."""
    if seen.number is not None and seen.number >= seen.names - 1:
        return "links-too"
    if seen.number in seen.per_layer:
        return "top-layer"
    return "of-the-archive" if seen.number == seen.outer else "other-number"


def too_small(seen: Seen) -> str:
    """Return what the share is a share of."""
    assert seen.percent is not None
    if int(seen.true_share) <= seen.percent * 100 <= 100:
        return "of-one"
    if abs(seen.percent - 100 / seen.total) < 1:
        return "by-number"
    return "of-the-file" if abs(seen.percent - seen.archive_share) < 1 else "small-share"


def misnamed(seen: Seen) -> str:
    """Return what was taken for a kernel."""
    wanted = seen.kernel.strip().strip("/").lower()
    if "busybox" in wanted:
        return "busybox-kernel"
    known = any(wanted in (path, path.rpartition("/")[2]) for path in seen.paths)
    return "other-kernel" if known else "not-in-it"


def answered(files: str = "5", kernel: str = "none", share: str = "99.98") -> dict[str, str]:
    """Return an answer, by default the right one."""
    return {"files": files, "kernel": kernel, "share": share}


def archived(lab: Lab) -> int:
    """Return how many files the archive has that `docker save` writes."""
    with tarfile.open(fileobj=io.BytesIO(saved(lab))) as archive:
        return sum(file.isreg() for file in archive.getmembers())


def of_the_file(lab: Lab) -> str:
    """Return the largest file's share of the file that `docker save` writes."""
    archive = saved(lab)
    largest = max(file.size for layer in members(archive) for file in layer)
    return f"{100 * largest / len(archive):.1f}"


TRIES = {
    "passed": {
        "as printed": answered(),
        "in other words": answered(kernel="there is none", share="99 %"),
        "rounded": answered(kernel="no", share="100"),
    },
    "links-too": [answered(files="400")],
    "of-the-archive": [lambda lab: answered(files=str(archived(lab)))],
    "top-layer": {"the page alone": answered(files="2"), "the base alone": answered(files="3")},
    "other-number": {"a number": answered(files="17"), "a word": answered(files="many")},
    "busybox-kernel": [answered(kernel="bin/busybox")],
    "other-kernel": [answered(kernel="/etc/passwd")],
    "not-in-it": [answered(kernel="vmlinuz")],
    "small-share": [answered(share="2")],
    "of-one": [answered(share="0.9998")],
    "by-number": [answered(share="20")],
    "of-the-file": [lambda lab: answered(share=of_the_file(lab))],
    "not-a-number": [answered(share="nearly all")],
    "over-hundred": [answered(share="1984563")],
}


def reset(lab: Lab) -> None:
    """Nothing was done in the lab."""
