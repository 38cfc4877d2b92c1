"""10-e1: a recited answer, made better, and its beginning shown. What a learner reads is in e1.md."""

from __future__ import annotations

from collections.abc import Mapping

from ecrlab_course.authoring import Lab, Result, Try, requests

RIGHT = {
    "who": "the user that the ARN names, who was known",
    "action": "InitiateLayerUpload, the begin of a layer",
    "thing": "the repository named in the message, in its account and Region",
    "ending": "no identity-based policy allows it",
    "look": "ask as that user who AWS takes it for, and push again after one change",
    "edge": "whether the later actions of a push are allowed",
}
PLACES = ("who", "action", "thing", "ending")


class Seen:
    """The six parts, and who asked AWS who it is."""

    def __init__(self, lab: Lab, values: Mapping[str, str], _result: Result) -> None:
        self.values = values
        self.right = sum(values.get(name) == text for name, text in RIGHT.items())
        asked = [row.user for row in requests(lab, "sts") if row.operation == "GetCallerIdentity" and row.ok]
        self.shown = "ops" in asked
        self.asker = asked[-1] if asked else ""
        self.part = next((values[name] for name in PLACES if values.get(name) != RIGHT[name]), "").join("“”")


def run(_lab: Lab, _values: Mapping[str, str]) -> Result:
    """Run nothing: it is an answer."""
    return Result("the answer", 0, "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e1.md."""
    said = seen.values
    if said["look"].startswith("log in") or said["who"].startswith("nobody"):
        return "log-in-again"
    if said["look"].startswith("give"):
        return "wide"
    if any(said[name] != RIGHT[name] for name in PLACES):
        return "another-place"
    if said["edge"].startswith("how many"):
        return "number"
    if said["look"] != RIGHT["look"]:
        return "logs"
    if seen.right < len(RIGHT):
        return "sure"
    if seen.shown:
        return "passed"
    return "not-ops" if seen.asker else "not-shown"


def answer(**other: str) -> dict[str, str]:
    """Return the right parts, with these in their place."""
    return {**RIGHT, **other}


def whoami(lab: Lab) -> None:
    """Ask AWS, as ops, who asks."""
    lab.client("sts", "ops").get_caller_identity()


TRIES = {
    "passed": {
        "by boto3": Try(answer(), do=whoami),
        "by the aws command": Try(answer(), do=lambda lab: lab.sh("aws sts get-caller-identity", "ops")),
    },
    "log-in-again": [
        answer(look="log in again and run the job again"),
        answer(who="nobody in particular: the login is too old"),
    ],
    "wide": [Try(answer(look="give it PowerUser and see"), do=whoami)],
    "another-place": [answer(ending="somebody denied it"), answer(thing="the registry as a whole")],
    "number": [answer(edge="how many hours a token lives")],
    "logs": [answer(look="read the logs")],
    "sure": [Try(answer(edge="nothing: I am sure"), do=whoami)],
    "not-shown": [answer()],
    "not-ops": [Try(answer(), do=lambda lab: lab.client("sts").get_caller_identity())],
}
