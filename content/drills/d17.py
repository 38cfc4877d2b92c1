"""Drill d17: a name that leads to Docker Hub. What a learner reads is in d17.md."""

from __future__ import annotations

from collections.abc import Callable

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.requests import Request, requests
from ecrlab_course.authoring.wire import at_ecr
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt

NAME, TAG = "build/base", "3"
REGIONS = {"here": "us-east-1", "ireland": "eu-west-1"}


def prepare(lab: DrillLab) -> None:
    """Put the image into the Region of the seed, and another one into the other; let ci pull in both."""
    region = REGIONS[lab.seed]
    lab.repository(NAME, region)
    lab.push(NAME, TAG, b"base 3", region=region)
    lab.registry_of("eu-west-1")
    lab.person("ci", allow(LOGIN), allow(list(PULL), [arn(NAME, each) for each in REGIONS.values()]))


class Seen:
    """Who fetched the image where, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.region = REGIONS[lab.seed]
        asked = [row for row in requests(lab, "registry") if row.row["account"] == ACCOUNT]
        about = [row for row in asked if f"/{NAME}/manifests/" in row.path]
        got = [row for row in about if row.ok and row.method == "GET" and row.row["region"] == self.region]
        self.fetched = any(row.user == "ci" for row in got)
        others = [row.user for row in got if row.user != "ci"]
        self.others = bool(others)
        self.knocked = any(row.user == "ci" and row.ok for row in asked)
        ci = [row for row in about if row.user == "ci" or not row.user]
        self.elsewhere = [row for row in ci if row.row["region"] != self.region]
        self.refusals = [row for row in ci if row.row["region"] == self.region and row.status >= 400]
        self.asked, self.typed = findings.get("asked", ""), findings.get("name", "").strip()
        self.named = plain(lab, self.typed)
        self.right = f"{lab.registry_of(self.region)}/{NAME}:{TAG}"
        # What d17.md may name:
        self.who = others[-1] if others else ""
        self.wrong_region = str(self.elsewhere[-1].row["region"]) if self.elsewhere else ""
        self.said = last_words(self.refusals)
        looked = any(row.operation in ("DescribeImages", "ListImages") for row in requests(lab, "ecr"))
        self.where_seen = Sentence("looked") if looked else Sentence("not-looked")


def last_words(refusals: list[Request]) -> str:
    """Return what was said last; "" when nothing was refused."""
    return str(refusals[-1].row["said"] or refusals[-1].status) if refusals else ""


def plain(lab: DrillLab, typed: str) -> str:
    """Return a name with its variables written out."""
    for variable, region in (("REGISTRY_EU", "eu-west-1"), ("REGISTRY", "us-east-1")):
        for form in (f"${{{variable}}}", f"${variable}"):
            typed = typed.replace(form, lab.registry_of(region))
    return typed.strip("\"'`")


def leads_to_hub(name: str) -> bool:
    """Tell whether docker takes the name for one at Docker Hub (C036)."""
    first, slash, _ = name.partition("/")
    return not slash or not ("." in first or ":" in first or first == "localhost")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d17.md: fetched as ci, then what was asked, then the name."""
    if not seen.fetched:
        return not_fetched(seen)
    if seen.asked != "hub":
        return misnamed(seen)
    if not seen.typed:
        return "no-name"
    if leads_to_hub(seen.named):
        return "still-hub"
    return "passed" if seen.named == seen.right else "wrong-name"


def not_fetched(seen: Seen) -> str:
    """Return why ci has not got the image."""
    if seen.refusals:
        return "refused"
    if seen.elsewhere:
        return "other-region"
    if seen.others:
        return "other-person"
    if seen.knocked:
        return "login-alone"
    return "not-fetched" if seen.asked or seen.typed else "untouched"


def misnamed(seen: Seen) -> str:
    """Return what shows that another machine was asked."""
    if not seen.asked:
        return "no-asked"
    if seen.asked == "ours":
        return "not-ours"
    return "not-a-machine" if seen.asked == "machine" else "somebody"


def fetch(
    profile: str = "ci", region: str = "us-east-1", path: str = f"manifests/{TAG}"
) -> Callable[[DrillLab], object]:
    """Return what asks a Region's registry as somebody."""
    return lambda lab: at_ecr(lab, NAME, profile, registry=lab.registry_of(region), region=region).get(path)


def knock(lab: DrillLab) -> None:
    """Log in as ci, and ask for nothing."""
    wire = at_ecr(lab, NAME, "ci")
    wire.ask("GET", f"{wire.base.partition('/v2/')[0]}/v2/")


def with_docker(lab: DrillLab) -> None:
    """Log in and pull as ci."""
    lab.sh(
        f"""aws ecr get-login-password | docker login -u AWS --password-stdin "$REGISTRY" 2>&1
        docker pull -q "$REGISTRY/{NAME}:{TAG}" 2>&1; docker rmi "$REGISTRY/{NAME}:{TAG}" 2>&1""",
        "ci",
    )


GOOD = {"asked": "hub", "name": f"$REGISTRY/{NAME}:{TAG}"}
IRISH = {"asked": "hub", "name": f"${{REGISTRY_EU}}/{NAME}:{TAG}"}

TRIES = {
    "passed": {
        "with docker": attempt(GOOD, with_docker),
        "by HTTP, the name written out": attempt(
            lambda lab: {"asked": "hub", "name": f"{lab.registry}/{NAME}:{TAG}"}, fetch()
        ),
        "in Ireland": attempt(IRISH, fetch(region="eu-west-1"), seed="ireland"),
    },
    "not-fetched": {"typed": attempt(GOOD)},
    "login-alone": {"a login": attempt({"asked": "hub"}, knock)},
    "other-person": {"as admin": attempt(GOOD, fetch("admin"))},
    "other-region": {"the registry next to hand": attempt(GOOD, fetch(), seed="ireland")},
    "refused": {"another tag": attempt(GOOD, fetch(path="manifests/latest"))},
    "no-asked": {"nothing said": attempt({"name": GOOD["name"]}, fetch())},
    "not-ours": {"ours": attempt({**GOOD, "asked": "ours"}, fetch())},
    "not-a-machine": {"a machine": attempt({**GOOD, "asked": "machine"}, fetch())},
    "somebody": {"nobody": attempt({**GOOD, "asked": "nobody"}, fetch())},
    "no-name": {"no name": attempt({"asked": "hub"}, fetch())},
    "still-hub": {"the old name": attempt({"asked": "hub", "name": f"{NAME}:{TAG}"}, fetch())},
    "wrong-name": {"the other Region": attempt(IRISH, fetch())},
}
