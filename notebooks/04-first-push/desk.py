"""Four things that fail, each for its own reason: `python desk.py 7`. Another number gives other reasons.

The reasons are real: logins, repositories, tags, rights and the lab's clock are put into the state that fails,
and then docker runs.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.toolbox.refusals import with_words

RECORD = "desk.json"


@dataclass(frozen=True)
class Case:
    """One failure: its cause in words, who meets it, what they type, and how the state is made."""

    cause: str
    profile: str
    command: str
    prepare: Callable[[LabView], object]


def log_in(lab: LabView, profile: str, region: str = "us-east-1") -> None:
    """Log docker of that profile out of $REGISTRY, then in to the account's registry in that Region."""
    data = lab.client("ecr", profile, region).get_authorization_token()["authorizationData"][0]
    password = base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]
    registry = lab.control.registry(lab.account, region)["registry"]
    lab.sh(
        f'docker logout "$REGISTRY" >/dev/null 2>&1\n'
        f"printf %s '{password}' | docker login --username AWS --password-stdin {registry} >/dev/null 2>&1",
        profile,
    )


def expired(lab: LabView) -> None:
    """Log the robot in, then let more than 12 hours pass."""
    log_in(lab, "ci")
    lab.clock.advance(hours=12, minutes=1)


def only_in_ireland(lab: LabView) -> None:
    """Log Dara in, and let the repository receipts exist in eu-west-1 alone."""
    log_in(lab, "developer")
    lab.clear("desk-receipts")
    ireland = lab.client("ecr", region="eu-west-1")
    if not any(r["repositoryName"] == "desk-receipts" for r in ireland.describe_repositories()["repositories"]):
        ireland.create_repository(repositoryName="desk-receipts")


CASES = {
    "no-login": Case(
        "no login for this registry",
        "auditor",
        "docker pull $REGISTRY/my-web-app:1.1",
        lambda lab: log_in(lab, "auditor", "eu-west-1"),
    ),
    "never-made": Case(
        "repository never made",
        "developer",
        "docker push $REGISTRY/my-webapp:1.0",
        lambda lab: log_in(lab, "developer"),
    ),
    "other-region": Case(
        "repository made in another Region",
        "developer",
        "docker push $REGISTRY/desk-receipts:1.0",
        only_in_ireland,
    ),
    "no-tag": Case(
        "tag missing", "developer", "docker pull $REGISTRY/my-web-app:2.0", lambda lab: log_in(lab, "developer")
    ),
    "expired": Case("token expired", "ci", "docker pull $REGISTRY/my-web-app:1.1", expired),
    "no-right": Case(
        "permission missing", "ops", "docker push $REGISTRY/my-web-app:hotfix", lambda lab: log_in(lab, "ops")
    ),
}
CAUSES = tuple(sorted(case.cause for case in CASES.values()))


def chosen(seed: int) -> list[str]:
    """Return the four cases of that number, in the order shown. Two of them are about a repository that is missing."""
    draw = random.Random(seed)
    cases = ["never-made", "other-region", *draw.sample(["no-login", "no-tag", "expired", "no-right"], 2)]
    draw.shuffle(cases)
    return cases


def show(lab: LabView, seed: int) -> None:
    """Make the four states, run the four commands, print what each says, and remember the number."""
    names = chosen(seed)
    # The old token first: the clock moves on after that login, and the other logins must be fresh.
    for name in sorted(names, key="expired".__ne__):
        CASES[name].prepare(lab)
    for number, name in enumerate(names, 1):
        case = CASES[name]
        image = case.command.split()[-1]
        ready = f'docker tag my-web-app:1.0 "{image}"\n' if " push " in case.command else ""
        begun = lab.last()
        code, output = lab.sh(f"{ready}{case.command} 2>&1 | tail -1", case.profile)
        # Some engines hide what the registry said; the X-ray has it.
        output = with_words(output, lab.refused_since(begun))
        print(f"{number}  {case.profile} types: {case.command}")
        print(f"   {output.strip().replace(lab.registry, '$REGISTRY') or code}\n")
    Path(RECORD).write_text(json.dumps({"number": seed}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    from ecrlab.home import Home
    from ecrlab_course.toolbox.lab import Lab

    show(Lab(Home.find(), Path.cwd()), int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1000))
