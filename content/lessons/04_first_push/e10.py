"""04-e10: which cause fits which failure. What a learner reads is in e10.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from ecrlab_course.authoring import Lab, Result, Try
from ecrlab_course.authoring.evidence import repositories
from ecrlab_course.authoring.staging import PEOPLE, log_out, make_repository

from .state import desk

PLACES = ("one", "two", "three", "four")
IRELAND = "eu-west-1"


def run(lab: Lab, _values: Mapping[str, str]) -> Result:
    """Read which four failures the learner has on the desk. Nothing is carried out again."""
    record = (lab.folder or Path.cwd()) / desk.RECORD
    if not record.is_file():
        return Result("the desk", 1, "no failures on the desk yet\n", {"cases": []})
    number = int(json.loads(record.read_text(encoding="utf-8"))["number"])
    return Result(f"python desk.py {number}", 0, "", {"cases": desk.chosen(number)})


class Seen:
    """The four cases on the desk, the cause that each was given, and whether what made them is still there."""

    def __init__(self, lab: Lab, values: Mapping[str, str], result: Result) -> None:
        self.cases = list(result.data.get("cases", ()))
        given = [str(values.get(place, "")).strip() for place in PLACES]
        self.missing = ", ".join(str(n) for n, cause in enumerate(given, 1) if cause not in desk.CAUSES)
        causes = [desk.CASES[name].cause for name in self.cases]
        wrong = [n for n, (said, cause) in enumerate(zip(given, causes, strict=False)) if said != cause]
        self.right = len(causes) - len(wrong)
        self.number = wrong[0] + 1 if wrong else 0
        self.case = self.cases[wrong[0]] if wrong else ""
        self.said = given[wrong[0]] if wrong else ""
        here = repositories(lab)
        # Each number of the desk has these two: a name that no Region has, and one that Ireland alone has.
        self.stands = "desk-receipts" in repositories(lab, IRELAND) and not {"desk-receipts", "my-webapp"} & set(here)


def judge(seen: Seen) -> str:
    """Return the verdict's name in e10.md: it speaks about the first cause that does not fit."""
    if not seen.cases:
        return "untouched"
    if not seen.stands:
        return "cleared"
    if seen.missing:
        return "choose"
    return about(seen) if seen.case else "passed"


def about(seen: Seen) -> str:
    """Return what is said of the first failure whose cause does not fit."""
    if seen.case == "never-made":
        return "not-elsewhere" if seen.said == desk.CASES["other-region"].cause else "never-made"
    if seen.case == "other-region":
        return "made-elsewhere"
    if seen.case == "no-tag":
        return "tag-missing"
    if seen.case == "expired":
        return "too-old"
    return "login-elsewhere" if seen.case == "no-login" else "permission-missing"


# Tries


def answers(number: int, **changed: str) -> dict[str, str]:
    """Return the right causes of a desk number; `changed` maps a case's name (with _ for -) to another case's name."""
    swapped = {key.replace("_", "-"): value for key, value in changed.items()}
    return {
        place: desk.CASES[swapped.get(name, name)].cause
        for place, name in zip(PLACES, desk.chosen(number), strict=True)
    }


def for_real(number: int) -> Callable[[Lab], object]:
    """Return what makes the four failures of that number."""
    return lambda lab: lab.sh(f"python desk.py {number}")


def as_if(number: int) -> Callable[[Lab], object]:
    """Return what leaves the same on the desk and in both Regions, without the four commands."""

    def leave(lab: Lab) -> None:
        lab.clear("desk-receipts", "my-webapp")
        make_repository(lab, "desk-receipts", IRELAND)
        assert lab.folder is not None
        (lab.folder / desk.RECORD).write_text(json.dumps({"number": number}), encoding="utf-8")

    return leave


def look(lab: Lab) -> None:
    """Ask both Regions for their repositories."""
    for region in ("us-east-1", IRELAND):
        lab.client("ecr", region=region).describe_repositories()


def on(number: int, answer: Mapping[str, str] | None = None, **changed: str) -> Try:
    """Return a try at the failures of that number: these causes, or the right ones but for what is changed."""
    return Try(do=as_if(number), answer=dict(answer) if answer is not None else answers(number, **changed))


TRIES = {
    "passed": {
        "read": Try(do=for_real(3), answer=answers(3)),
        "read, and looked in both Regions": Try(do=(as_if(8), look), answer=answers(8)),
        "other causes": on(2),
        "after another number": Try(do=(as_if(3), as_if(2)), first=answers(3), answer=answers(2)),
    },
    "untouched": {"no failures made": Try(answer=answers(3))},
    "cleared": {
        "the repository in Ireland deleted since": Try(
            do=(as_if(3), lambda lab: lab.clear("desk-receipts", region=IRELAND)), answer=answers(3)
        ),
        "the missing repository made since": Try(
            do=(as_if(3), lambda lab: make_repository(lab, "my-webapp")), answer=answers(3)
        ),
    },
    "choose": {
        "one left out": on(3, {**answers(3), "two": "(choose)"}),
        "words of one's own": on(3, {**answers(3), "one": "it is broken"}),
    },
    "made-elsewhere": {
        "both called a typing error": on(3, other_region="never-made"),
        "the same cause four times": on(7, dict.fromkeys(PLACES, desk.CASES["never-made"].cause)),
    },
    "never-made": {
        "a missing repository called a missing tag": on(3, never_made="no-tag"),
        "the answer of another number": on(3, answers(1)),
    },
    "not-elsewhere": {"both called another Region": on(3, never_made="other-region")},
    "tag-missing": {"unknown is unknown": on(3, no_tag="never-made")},
    "too-old": {"expired called a missing permission": on(3, expired="no-right")},
    "login-elsewhere": {"a login for Ireland is a login": on(2, no_login="no-right")},
    "permission-missing": {"a missing permission called a missing repository": on(2, no_right="never-made")},
}


def reset(lab: Lab) -> None:
    """Clear the desk: its repositories, its logins, its record; put the clock back."""
    ((lab.folder or Path.cwd()) / desk.RECORD).unlink(missing_ok=True)
    for region in ("us-east-1", IRELAND):
        lab.clear("desk-receipts", "my-webapp", region=region)
    log_out(lab, *PEOPLE)
    log_out(lab, "auditor", region=IRELAND)
    lab.clock.reset()
