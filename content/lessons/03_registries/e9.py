"""03-e9: which mistake belongs to which answer. What a learner reads is in e9.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from ecrlab_course.authoring import Lab, Result, Try

from .state import asked, folder_of, record

PLACES = ("one", "two", "three", "four")


def run(lab: Lab, _values: Mapping[str, str]) -> Result:
    """Read which four questions were asked. Nothing is asked again."""
    made = record(lab, asked.RECORD)
    if not made:
        return Result("the four answers", 1, "nothing was asked yet\n", {"cases": []})
    return Result(f"python asked.py {made['number']}", 0, "", {"cases": asked.chosen(made["number"]), **made})


class Seen:
    """The four questions, and the cause that each was given."""

    def __init__(self, lab: Lab, values: Mapping[str, str], result: Result) -> None:
        self.cases = list(result.data.get("cases", ()))
        given = [str(values.get(place, "")).strip() for place in PLACES]
        self.missing = ", ".join(str(n) for n, cause in enumerate(given, 1) if cause not in asked.CAUSES)
        causes = [asked.CASES[name].cause for name in self.cases]
        wrong = [n for n, (said, cause) in enumerate(zip(given, causes, strict=False)) if said != cause]
        self.right = len(causes) - len(wrong)
        self.number = wrong[0] + 1 if wrong else 0
        self.cause = causes[wrong[0]] if wrong else ""
        self.said = given[wrong[0]] if wrong else ""
        self.made = result.data.get("number")
        others = [n for n in result.data.get("earlier", ()) if n != self.made]
        self.older = next((n for n in others if given == [asked.CASES[name].cause for name in asked.chosen(n)]), None)


def judge(seen: Seen) -> str:
    """Return the verdict's name in e9.md: it speaks about the first cause that does not fit."""
    if not seen.cases:
        return "untouched"
    if seen.missing:
        return "choose"
    if not seen.cause:
        return "passed"
    return about(seen) if seen.older is None else "older"


def about(seen: Seen) -> str:
    """Return what is said of the first answer whose cause does not fit."""
    if seen.cause == asked.NOBODY:
        return "silence"
    if seen.cause == asked.UNSAID:
        return "unsaid"
    if seen.cause == asked.NO_LOGIN:
        return "stranger"
    if seen.said in (asked.NO_LOGIN, asked.UNSAID):
        return "permission"
    return "tag" if seen.cause == asked.NO_TAG else "shelf"


# Tries


def answers(number: int, **changed: str) -> dict[str, str]:
    """Return the right causes of a number; `changed` maps a case's name (with _ for -) to another cause."""
    swapped = {key.replace("_", "-"): value for key, value in changed.items()}
    return {
        place: swapped.get(name, asked.CASES[name].cause)
        for place, name in zip(PLACES, asked.chosen(number), strict=True)
    }


def noted(number: int, earlier: Sequence[int] = ()) -> Callable[[Lab], object]:
    """Return what leaves the same record as asking does."""
    text = json.dumps({"number": number, "earlier": list(earlier)})
    return lambda lab: (folder_of(lab) / asked.RECORD).write_text(text, encoding="utf-8")


def with_case(name: str) -> int:
    """Return the first number whose questions have this case."""
    return next(number for number in range(1, 100) if name in asked.chosen(number))


def on(case: str, said: str) -> Try:
    """Return a try in which this case is given another cause, and all others the right one."""
    number = with_case(case)
    return Try(do=noted(number), answer=answers(number, **{case.replace("-", "_"): said}))


def first_of_all(number: int, cause: str) -> Try:
    """Return a try that gives one cause to all four."""
    return Try(do=noted(number), answer=dict.fromkeys(PLACES, cause))


TRIES = {
    "passed": {
        "asked, and read": Try(do=lambda lab: asked.ask(lab, 1), answer=answers(1)),
        "another number, at the second try": Try(
            do=noted(2), first=answers(2, hub_missing=asked.NO_LOGIN), answer=answers(2)
        ),
    },
    "untouched": {"nothing asked": Try(answer=answers(1))},
    "choose": {"one left out": Try(do=noted(1), answer={**answers(1), "two": "(choose)"})},
    "older": {"the causes of the run before": Try(do=noted(4, earlier=[3]), answer=answers(3))},
    "tag": [on("hub-tag", asked.NO_REPOSITORY)],
    "shelf": [on("ecr-repository", asked.NO_TAG)],
    "permission": {"at ECR": on("ecr-tag", asked.UNSAID), "at the Hub": on("hub-tag", asked.NO_LOGIN)},
    "stranger": [on("ecr-login", asked.UNSAID)],
    "unsaid": {"no login": on("hub-missing", asked.NO_LOGIN)},
    "silence": [on("silence", asked.NO_REPOSITORY)],
}


def reset(lab: Lab) -> None:
    """Forget what was asked."""
    (folder_of(lab) / asked.RECORD).unlink(missing_ok=True)
