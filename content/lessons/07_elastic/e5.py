"""07-e5: the accountant's letter, as numbers of the model. What a learner reads is in e5.md."""

from __future__ import annotations

import math
import re
from typing import Any, cast

from ecrlab_course.authoring import Lab, Result
from ecrlab_course.money import Bill, Month, ecr_bill
from ecrlab_course.money.model import Place

RIGHT = {"services": 5, "image": 240, "changed": 6, "kept": 250, "new": 900, "known": 1800}
ALL, WITH_TAG, WITHOUT, LEAVES = 2700, 50, 200, "to another Region"
LABELS = {
    "services": "services",
    "image": "image, MB",
    "changed": "changed, MB",
    "kept": "versions kept",
    "new": "new servers",
    "known": "servers that know it",
}
NAMES = {
    "services": "services",
    "image": "image_mb",
    "changed": "changed_mb",
    "kept": "kept",
    "new": "new_servers",
    "known": "known_servers",
}


UNITS = r"(mb|services?|versions?|servers?)?"


def number(word: str) -> float | None:
    """Return a number as people write it: 2,700 and 2 700 are 2700, what is counted may stand behind it."""
    plain = re.sub(rf"[ _]*{UNITS}[ ]*$", "", word.strip().lower()).replace(" ", "").replace("_", "")
    if plain.count(",") == 1 and len(plain.rpartition(",")[2]) == 3:
        plain = plain.replace(",", "")
    try:
        found = float(plain.replace(",", "."))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def run(_lab: Lab, values: dict[str, str]) -> Result:
    """Let the model calculate with these numbers."""
    numbers = {name: number(values[name]) for name in RIGHT}
    command = "ecr(Month(" + ", ".join(f"{NAMES[name]}={values[name]}" for name in RIGHT)
    command += f', leaves="{values["leaves"]}"))'
    wrong = next((name for name, value in numbers.items() if value is None), "")
    if wrong:
        return Result(command, 1, f"could not convert string to float: {values[wrong]!r}\n", {"wrong": wrong})
    amounts: dict[str, Any] = {NAMES[name]: value for name, value in numbers.items()}
    try:
        month = Month(**amounts, leaves=cast(Place, values["leaves"]))
    except ValueError as error:
        return Result(command, 1, f"{error}\n", {"why": str(error)})
    bill = ecr_bill(month)
    return Result(command, 0, f"{bill!r}\n", _data(month, bill))


def _data(month: Month, bill: Bill) -> dict[str, float]:
    return {"stored": month.stored_gb, "pulled": month.pulled_gb, "low": bill.low, "high": bill.high}


class Seen:
    """The numbers, and what the model made of them."""

    def __init__(self, _lab: Lab, values: dict[str, str], result: Result) -> None:
        self.numbers = {name: number(values.get(name, "")) for name in RIGHT}
        self.leaves = values.get("leaves", "")
        self.why = result.data.get("why", "")
        self.stored = f"{result.data.get('stored', 0):,.1f}"
        self.kept_gb, self.left_gb = f"{result.data.get('stored', 0):.2f}", f"{result.data.get('pulled', 0):.1f}"
        self.low, self.high = f"{result.data.get('low', 0):.2f}", f"{result.data.get('high', 0):.2f}"
        wrong = result.data.get("wrong") or next(
            (name for name, right in RIGHT.items() if self.numbers[name] != right), ""
        )
        self.wrong = wrong
        self.field, self.word = LABELS.get(wrong, ""), values.get(wrong, "")
        self.unread = bool(result.data.get("wrong"))
        self.kept, self.new, self.known = values.get("kept", ""), values.get("new", ""), values.get("known", "")
        self.image, self.changed = values.get("image", ""), values.get("changed", "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e5.md: the first number that the letter does not have."""
    if seen.unread:
        return "not-a-number"
    found = {name: value or 0 for name, value in seen.numbers.items()}
    image, changed = found["image"], found["changed"]
    if (image, changed) == (RIGHT["changed"], RIGHT["image"]):
        return "image-and-change"
    if seen.why:
        return "refused"
    return sizes(image, changed) or versions(found) or servers(found) or ("other-number" if seen.wrong else where(seen))


def sizes(image: float, changed: float) -> str:
    """Return the verdict about an image's size and what changes of it; "" for the letter's, or quite other ones."""
    whole, part = RIGHT["image"], RIGHT["changed"]
    if image == changed == whole:
        return "every-version-whole"
    if (image, changed) == (whole, whole - part):
        return "what-stays"
    if 0 < image < 1 or 0 < changed < 1:
        return "in-gigabytes"
    if image == whole + part:
        return "added"
    return "image-of-all" if image == whole * RIGHT["services"] or changed == part * RIGHT["services"] else ""


def versions(found: dict[str, float]) -> str:
    """Return the verdict about the versions that are kept; "" where the number is another one."""
    if found["kept"] == WITH_TAG:
        return "tagged-only"
    if found["kept"] == WITHOUT:
        return "untagged-only"
    if found["kept"] == RIGHT["kept"] + WITHOUT:
        return "untagged-twice"
    return "kept-of-all" if found["kept"] == RIGHT["kept"] * RIGHT["services"] else ""


def servers(found: dict[str, float]) -> str:
    """Return the verdict about the servers of both kinds; "" where they are as in the letter, or quite other ones."""
    new, known = found["new"], found["known"]
    if (new, known) == (RIGHT["known"], RIGHT["new"]):
        return "new-and-known"
    if new == ALL:
        return "all-new"
    if new == 0 and known == ALL:
        return "none-new"
    if known in (ALL, 0) and new == RIGHT["new"]:
        return "known-too-many" if known else "known-missing"
    each = (RIGHT["new"] * RIGHT["services"], RIGHT["known"] * RIGHT["services"])
    return "servers-of-all" if (new, known) == each else ""


def where(seen: Seen) -> str:
    """Return the verdict about the place that the pulls go to."""
    if seen.leaves == LEAVES:
        return "passed"
    if seen.leaves == "through NAT":
        return "nat"
    return "internet" if seen.leaves == "to the internet" else "free"


def letter(**more: str) -> dict[str, str]:
    """Return the right numbers as they are typed, with some of them changed."""
    return {**{name: str(value) for name, value in RIGHT.items()}, "leaves": LEAVES, **more}


TRIES = {
    "passed": {
        "as the letter says": letter(),
        "with a comma and a unit": letter(known="1,800", image="240 MB"),
        "with what is counted": letter(known="1800 servers", kept="250 versions", services="5 services"),
    },
    "not-a-number": {
        "a word": letter(kept="many"),
        "another unit": letter(image="0.24 GB"),
        "a sum": letter(known="2700 - 900"),
        "nothing finite": letter(new="inf"),
    },
    "refused": {"less than nothing": letter(new="-900")},
    "tagged-only": [letter(kept="50")],
    "untagged-only": [letter(kept="200")],
    "untagged-twice": [letter(kept="450")],
    "kept-of-all": [letter(kept="1250")],
    "image-and-change": [letter(image="6", changed="240")],
    "what-stays": [letter(changed="234")],
    "added": [letter(image="246")],
    "image-of-all": [letter(image="1200")],
    "in-gigabytes": [letter(image="0.24", changed="0.006")],
    "every-version-whole": [letter(changed="240")],
    "all-new": [letter(new="2700")],
    "none-new": [letter(new="0", known="2700")],
    "new-and-known": [letter(new="1800", known="900")],
    "servers-of-all": [letter(new="4500", known="9000")],
    "known-too-many": [letter(known="2700")],
    "known-missing": [letter(known="0")],
    "free": [letter(leaves="in the same Region")],
    "nat": [letter(leaves="through NAT")],
    "internet": [letter(leaves="to the internet")],
    "other-number": {"one service": letter(services="1"), "one version less": letter(kept="249")},
}
