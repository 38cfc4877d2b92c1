"""Drill d24: too fast for a registry; one of two rates. What a learner reads is in d24.md."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.policy.sets import LOGIN, PUSH
from ecrlab_course.authoring import ADMINISTRATOR, Sentence
from ecrlab_course.authoring.staging import put_image
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt

NAME, MOST = "shop/night", 8
DAYS = ("day-1", "day-2", "day-3", "day-4")
RATES = {"put": "PutImage per second", "login": "GetAuthorizationToken per second"}
OPERATIONS = {"put": "PutImage", "login": "GetAuthorizationToken"}
PIPELINE = """# Four nightly names for one image. Each job logs in for itself.
for day in 1 2 3 4; do
  aws ecr get-login-password --profile ci |
    docker login --username AWS --password-stdin "$REGISTRY"
  docker tag "$REGISTRY/shop/night:base" "$REGISTRY/shop/night:day-$day"
  docker push -q "$REGISTRY/shop/night:day-$day"
done
"""


def prepare(lab: DrillLab) -> None:
    """Make the robot, the image, the pipeline's file, and the rate of the seed."""
    lab.repository(NAME)
    put_image(lab, NAME, "base", {"page": b"night"})
    lab.person("ci", allow(LOGIN), allow([*PUSH, "ecr:GetDownloadUrlForLayer"], arn(NAME)))
    lab.write("pipeline.sh", PIPELINE)
    lab.control.quota(RATES[lab.seed], 1, account=ACCOUNT)


def refused(row: Any) -> str:
    """Return the operation of a request that was refused as too fast; "" for any other."""
    if row["status"] == 429:
        return "PutImage" if "/manifests/" in row["path"] else str(row["operation"])
    return str(row["operation"]) if "Throttling" in str(row["error"]) else ""


class Seen:
    """The names that arrived, what was refused as too fast, and what was changed to get there."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        names = [tag for tags in lab.images(NAME).values() for tag in tags]
        self.there = [day for day in DAYS if day in names]
        self.arrived = len(self.there)
        rows = [each for each in (refused(row) for row in lab.rows()) if each]
        self.refused = len(rows)
        most = max(OPERATIONS, key=lambda key: rows.count(OPERATIONS[key])) if rows else ""
        self.operation_seen = {"put": Sentence("put"), "login": Sentence("login")}.get(most, Sentence("none"))
        self.operation = OPERATIONS[lab.seed]
        iam = lab.client("iam")
        attached = iam.list_attached_user_policies(UserName="ci")["AttachedPolicies"]
        inline = [name for name in iam.list_user_policies(UserName="ci")["PolicyNames"] if name != "work"]
        self.policy = attached[0]["PolicyName"] if attached else inline[0] if inline else ""
        quotas = lab.control.quotas(account=ACCOUNT)["quotas"]
        self.rate = next(each["value"] for each in quotas if each["name"] == RATES[lab.seed])
        self.host = lab.registry.partition("/")[0]
        self.cause, self.seed = findings.get("cause", ""), lab.seed


def judge(seen: Seen) -> str:
    """Return the verdict's name in d24.md: four names, few refusals, nothing wider, and the rate."""
    if seen.policy:
        return "wider"
    if seen.rate != 1:
        return "wall-moved"
    if seen.refused > MOST:
        return "hammered"
    if len(seen.there) < len(DAYS):
        if seen.arrived or seen.refused:
            return "missing"
        return "not-tried" if seen.cause else "untouched"
    if not seen.cause:
        return "no-cause"
    if seen.cause == "right":
        return "not-a-permission"
    if seen.cause == "hub":
        return "not-the-hub"
    return "passed" if seen.cause == seen.seed else "other-rate"


def name_it(lab: DrillLab, day: str) -> None:
    """Give the image one name, as the robot; docker's push of an image that is there does no more."""
    ecr = lab.client("ecr", "ci")
    image = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "base"}])["images"][0]
    kind, manifest = image["imageManifestMediaType"], image["imageManifest"]
    ecr.put_image(repositoryName=NAME, imageManifest=manifest, imageManifestMediaType=kind, imageTag=day)


def in_turn(lab: DrillLab) -> None:
    """Name it four times, each in a second of its own."""
    for day in DAYS:
        name_it(lab, day)
        if lab.seed == "put":
            time.sleep(1.05)


def crowd(lab: DrillLab, times: int = 1) -> None:
    """Ask for the same without a pause."""
    for _ in range(times):
        for day in DAYS:
            with suppress(ClientError):
                if lab.seed == "login":
                    lab.client("ecr", "ci").get_authorization_token()
                name_it(lab, day)


def as_administrator(lab: DrillLab) -> None:
    """Give the robot everything."""
    lab.client("iam").attach_user_policy(UserName="ci", PolicyArn=f"arn:aws:iam::aws:policy/{ADMINISTRATOR}")


def raise_it(lab: DrillLab) -> None:
    """Put the rate back to AWS's own."""
    lab.control.quota(RATES[lab.seed], None, account=ACCOUNT)


TRIES = {
    "passed": {
        "pushes a second apart": attempt({"cause": "put"}, in_turn, seed="put"),
        "no login between them": attempt({"cause": "login"}, in_turn, seed="login"),
    },
    "wider": {"AdministratorAccess": attempt({"cause": "put"}, (as_administrator, in_turn), seed="put")},
    "wall-moved": {"the quota reset": attempt({"cause": "login"}, (raise_it, in_turn), seed="login")},
    "hammered": {"again and again": attempt({"cause": "put"}, lambda lab: crowd(lab, 4), seed="put")},
    "missing": {"one of four": attempt({"cause": "put"}, lambda lab: name_it(lab, "day-1"), seed="put")},
    "not-tried": {"named unseen": attempt({"cause": "put"}, seed="put")},
    "no-cause": {"done in silence": attempt({}, in_turn, seed="login")},
    "not-a-permission": {"taken for a permission": attempt({"cause": "right"}, in_turn, seed="login")},
    "not-the-hub": {"taken for the Hub": attempt({"cause": "hub"}, in_turn, seed="login")},
    "other-rate": {"the other one": attempt({"cause": "put"}, in_turn, seed="login")},
}
