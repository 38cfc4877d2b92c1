"""Provokes every refusal of refusals.toml with the engine of a running lab and writes down what docker printed.

Usage: refusals.py FILE, with the lab's home in ECRLAB_HOME. FILE is TOML: by refusal the registry's sentence in the
X-ray (`said`) and docker's text (`printed`).
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from ecrlab.home import Home
from ecrlab_course.authoring import staging
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.toolbox.refusals import refusals

WHO = "ops"
APP, FIXED, MISSING = "refused/app", "refused/fixed", "refused/missing"
LOGIN = ("ecr:GetAuthorizationToken",)
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH = (
    "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload",
    "ecr:PutImage", "ecr:BatchGetImage",
)  # fmt: skip


def without(action: str) -> tuple[str, ...]:
    """Return the rights of a push, one left out."""
    return tuple(each for each in PUSH if each != action)


# By refusal: what is typed, the rights beside the login (None: no login), hours that pass after it.
CASES: dict[str, tuple[str, tuple[str, ...] | None, float]] = {
    "push-without-login": (f"docker push -q $REGISTRY/{APP}:new", None, 0),
    "pull-without-login": (f"docker pull -q $REGISTRY/{APP}:1", None, 0),
    "push-without-repository": (f"docker push -q $REGISTRY/{MISSING}:1", PUSH, 0),
    "pull-without-repository": (f"docker pull -q $REGISTRY/{MISSING}:1", PULL, 0),
    "pull-without-tag": (f"docker pull -q $REGISTRY/{APP}:none", PULL, 0),
    "push-without-right": (f"docker push -q $REGISTRY/{APP}:new", (), 0),
    "push-without-check": (f"docker push -q $REGISTRY/{APP}:new", without("ecr:BatchCheckLayerAvailability"), 0),
    "push-without-put": (f"docker push -q $REGISTRY/{APP}:new", without("ecr:PutImage"), 0),
    "pull-without-manifest": (f"docker pull -q $REGISTRY/{APP}:1", (), 0),
    "pull-without-layers": (f"docker pull -q $REGISTRY/{APP}:1", PULL[:1], 0),
    "push-with-old-token": (f"docker push -q $REGISTRY/{APP}:new", PUSH, 12.1),
    "pull-with-old-token": (f"docker pull -q $REGISTRY/{APP}:1", PULL, 12.1),
    "push-to-immutable-tag": (f"docker push -q $REGISTRY/{FIXED}:1", PUSH, 0),
    "login-with-wrong-password": ("docker login --username AWS --password-stdin $REGISTRY <<< wrong", (), 0),
}


def prepare(lab: Lab) -> None:
    """Make two repositories, one with tags that cannot move, each with an image that the engine lacks."""
    strip(lab)
    ecr = lab.client("ecr")
    lab.clear(APP, FIXED, MISSING)
    ecr.create_repository(repositoryName=APP)
    ecr.create_repository(repositoryName=FIXED, imageTagMutability="IMMUTABLE")
    for name in (APP, FIXED):
        lab.push(name, "1", os.urandom(16))
    folder = staging.made(lab, "mktemp -d")
    Path(folder, "Dockerfile").write_text("FROM ecrlab/base:1\nCOPY Dockerfile /refused\n", encoding="utf-8")
    staging.made(lab, f"docker build -q -t refused:1 {folder} >/dev/null 2>&1")
    for name in (f"{APP}:new", f"{MISSING}:1", f"{FIXED}:1"):
        staging.made(lab, f"docker tag refused:1 $REGISTRY/{name}")


def strip(lab: Lab) -> None:
    """Take every right from the person."""
    iam = lab.client("iam")
    for name in iam.list_user_policies(UserName=WHO)["PolicyNames"]:
        iam.delete_user_policy(UserName=WHO, PolicyName=name)
    for policy in iam.list_attached_user_policies(UserName=WHO)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=WHO, PolicyArn=policy["PolicyArn"])
    for group in iam.list_groups_for_user(UserName=WHO)["Groups"]:
        iam.remove_user_from_group(UserName=WHO, GroupName=group["GroupName"])


def allow(lab: Lab, actions: tuple[str, ...]) -> None:
    """Give the person the login and these actions, and nothing else."""
    statements = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}] if actions else []
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": LOGIN, "Resource": "*"}, *statements],
    }
    lab.client("iam").put_user_policy(UserName=WHO, PolicyName="refused", PolicyDocument=json.dumps(document))


def provoke(lab: Lab, command: str, actions: tuple[str, ...] | None, hours: float) -> dict[str, str]:
    """Bring one refusal about; return what docker printed, and the registry's sentence."""
    staging.log_out(lab, WHO)
    if actions is not None:
        allow(lab, actions)
        if "docker login" not in command:
            staging.log_in(lab, WHO)
    lab.clock.advance(hours=hours)
    begun = lab.last()
    code, output = lab.sh(f"{command} 2>&1", WHO)
    if hours:
        lab.clock.reset()
    if code == 0:
        raise SystemExit(f"{command} was not refused:\n{output}")
    return {"said": lab.refused_since(begun), "printed": settled(lab, output)}


def settled(lab: Lab, text: str) -> str:
    """Return a text without what differs from run to run."""
    text = re.sub(r"[0-9a-f]{64}", "<digest>", text.replace(f":{lab.home.port}", ":4510"))
    return "\n".join(line.rstrip() for line in text.strip().splitlines() if not line.startswith("WARNING"))


def main() -> None:
    """Write the file."""
    lab = Lab(Home.find(), Path.cwd())
    if set(CASES) != set(refusals()):
        raise SystemExit(f"refusals.toml and this script differ: {set(CASES) ^ set(refusals())}")
    prepare(lab)
    found: dict[str, Any] = {key: provoke(lab, *case) for key, case in CASES.items()}
    lab.clear(APP, FIXED)
    head = "# What docker printed for each refusal, and the registry's sentence. Written by `make engines`."
    lines = [head, f"engine = {json.dumps(lab.prints)}"]
    for key, texts in found.items():
        lines += [f"\n[{key}]", *(f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in texts.items())]
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
