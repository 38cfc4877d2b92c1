"""Drill d37: the policy of S3's gateway endpoint; layers alone, or with the app's own reports. Words: d37.md."""

from __future__ import annotations

import json
from typing import Any

from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.rights import as_list
from ecrlab_course.drills.account import VERSION, DrillLab
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import passing

FILE, REPORTS = "endpoint.json", "arn:aws:s3:::harbour-reports"
GET, PUT = "s3:GetObject", "s3:PutObject"
REGIONS = {"layers": "us-east-1", "reports": "eu-west-1"}
NEEDS = {
    "layers": "Region us-east-1.\nThe tasks pull shop/orders. They use S3 for nothing else.\n",
    "reports": "Region eu-west-1.\nThe tasks pull shop/orders.\nThe app writes objects into the bucket "
    "harbour-reports (s3:PutObject). It reads none.\n",
}
ACTIONS = (GET, PUT, "s3:DeleteObject", "s3:GetObjectAcl", "s3:GetObjectVersion", "s3:PutObjectAcl", "s3:ListBucket")
KEYS = ("ab/12", "9f/starport", "x")


def bucket(region: str) -> str:
    """Return the ARN of the layer bucket of a Region (fact E143)."""
    return f"arn:aws:s3:::prod-{region}-starport-layer-bucket"


def prepare(lab: DrillLab) -> None:
    """Say what must pass."""
    lab.write("needs.txt", NEEDS[lab.seed])


class Seen:
    """What the endpoint's policy lets through."""

    def __init__(self, lab: DrillLab, _findings: Findings) -> None:
        assert lab.folder is not None
        path, region = lab.folder / FILE, REGIONS[lab.seed]
        self.there = path.is_file()
        self.bucket = bucket(region).rpartition(":")[2]
        self.problem, self.principals, self.tried = "", [], 0
        self.refused = self.surplus = self.on = ""
        self.layers, self.number = False, 0
        self.seen = Sentence("there") if self.there else Sentence("none")
        if not self.there:
            return
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            statements = as_list(document["Statement"])
            self.principals = [each.get("Principal") for each in statements]
            bare = [{key: value for key, value in each.items() if key != "Principal"} for each in statements]
            self._ask(lab, region, json.dumps({**document, "Statement": bare}))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.problem = f"`{' '.join(str(error).split()) or 'no statement'}`".replace("``", "`")

    def _ask(self, lab: DrillLab, region: str, text: str) -> None:
        """Ask IAM about what is wanted, and about its neighbours."""
        wanted = {(GET, f"{bucket(region)}/{key}") for key in KEYS}
        if lab.seed == "reports":
            wanted |= {(PUT, f"{REPORTS}/{key}") for key in KEYS}
        others = ("us-east-1", "eu-west-1", "ap-south-1", "us-west-1", "us-east-2", "eu-west-2", "eu-north-1")
        near = [bucket(each) for each in others if each != region]
        near += [f"{bucket(region)}-copy", f"{REPORTS}-2026", "arn:aws:s3:::somebody-else"]
        places = [bucket(region), REPORTS, *near]
        asked = [*(f"{place}/{key}" for place in (bucket(region), REPORTS) for key in KEYS), *places]
        asked += [f"{place}/x" for place in near]
        passes = passing(lab, text, ACTIONS, asked)
        closed = sorted(wanted - passes)
        self.number, self.tried = len(wanted & passes), len(asked) * len(ACTIONS) - len(wanted)
        self.layers = not any(action == GET for action, _ in closed)
        self.refused = closed[0][0] if closed else ""
        surplus = sorted(passes - wanted)
        self.surplus, self.on = surplus[0] if surplus else ("", "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d37.md: what is wanted passes, for everybody, and nothing else does."""
    if not seen.there:
        return "untouched"
    if seen.problem:
        return "not-a-policy"
    if None in seen.principals:
        return "no-principal"
    if any(each not in ("*", {"AWS": "*"}, {"AWS": ["*"]}) for each in seen.principals):
        return "not-everybody"
    if not seen.layers:
        return "no-layers"
    if seen.refused:
        return "no-reports"
    return "wider" if seen.surplus else "passed"


def line(actions: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    """Return a statement of the endpoint's policy."""
    return {"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": resource, **more}


def write(lab: DrillLab, *statements: dict[str, Any]) -> None:
    """Write endpoint.json."""
    lab.write(FILE, json.dumps({"Version": VERSION, "Statement": list(statements)}))


EAST, WEST = f"{bucket('us-east-1')}/*", f"{bucket('eu-west-1')}/*"
WRITES = line(PUT, f"{REPORTS}/*")
NOTHING_ELSE = {
    "Effect": "Deny", "Principal": "*", "NotAction": [GET, PUT], "Resource": "*",
}  # fmt: skip
TRIES = {
    "passed": {
        "layers alone": attempt(do=lambda lab: write(lab, line(GET, EAST)), seed="layers"),
        "layers and reports": attempt(do=lambda lab: write(lab, line(GET, WEST), WRITES), seed="reports"),
        "in another form, with a Deny": attempt(
            do=lambda lab: write(lab, line([GET], [WEST], Principal={"AWS": ["*"]}), WRITES, NOTHING_ELSE),
            seed="reports",
        ),
    },
    "not-a-policy": {
        "a comma too many": attempt(do=lambda lab: lab.write(FILE, '{"Statement": [],}'), seed="layers"),
        "no statements": attempt(do=lambda lab: lab.write(FILE, "[]"), seed="layers"),
        "no action": attempt(
            do=lambda lab: write(lab, {"Effect": "Allow", "Principal": "*", "Resource": EAST}), seed="layers"
        ),
    },
    "no-principal": {
        "as on a role": attempt(
            do=lambda lab: write(lab, {"Effect": "Allow", "Action": GET, "Resource": EAST}), seed="layers"
        )
    },
    "not-everybody": {
        "for our account": attempt(
            do=lambda lab: write(lab, line(GET, EAST, Principal={"AWS": "arn:aws:iam::777788889999:root"})),
            seed="layers",
        )
    },
    "no-layers": {
        "the other state's": attempt(do=lambda lab: write(lab, line(GET, EAST), WRITES), seed="reports"),
        "an action of ECR's": attempt(
            do=lambda lab: write(lab, line("ecr:GetDownloadUrlForLayer", "*")), seed="layers"
        ),
        "the bucket, not its objects": attempt(do=lambda lab: write(lab, line(GET, EAST[:-2])), seed="layers"),
    },
    "no-reports": {"layers alone": attempt(do=lambda lab: write(lab, line(GET, WEST)), seed="reports")},
    "wider": {
        "any Region": attempt(do=lambda lab: write(lab, line(GET, EAST.replace("us-east-1", "*"))), seed="layers"),
        "no slash": attempt(do=lambda lab: write(lab, line(GET, EAST[:-2] + "*")), seed="layers"),
        "all of S3 on it": attempt(do=lambda lab: write(lab, line("s3:*", EAST)), seed="layers"),
        "the reports read as well": attempt(
            do=lambda lab: write(lab, line([GET, PUT], [WEST, f"{REPORTS}/*"])), seed="reports"
        ),
    },
}
