"""Drill d33: a key in the chat, and what outlives it. What a learner reads is in d33.md."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ecrlab.home import REGION
from ecrlab.policy.sets import LOGIN, PUSH
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

HOST = "git.harbour-bikes.example"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
WEB, ASSUME = "sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"
MAIN = "repo:harbour-bikes/booking:ref:refs/heads/main"
ROLE, NAME = "deploy", "shop/booking"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
LEFT = {"push": ("hotfix", "try-7"), "session": ("maint-2", "nightly-3")}
"""By seed: what the leaked key left, a tag or the name of a session, and what the other key did."""


def trust(*more: dict[str, Any]) -> str:
    """Return the role's trust policy: main's token, and the user ci."""
    provider = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": WEB,
        "Condition": {"StringEquals": {f"{HOST}:aud": "sts.amazonaws.com", f"{HOST}:sub": MAIN}},
    }
    robot = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ci"}, "Action": ASSUME}
    return json.dumps({"Version": VERSION, "Statement": [provider, robot, *more]})


def prepare(lab: DrillLab) -> None:
    """Make the robot with two keys, the role, and what was done with either key."""
    iam = lab.client("iam")
    lab.repository(NAME)
    lab.push(NAME, "1.4", b"booking 1.4")
    iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=["sts.amazonaws.com"])
    lab.person("ci", allow(LOGIN), allow(list(PUSH), arn(NAME)))
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust())
    put_on(lab, allow(LOGIN), allow(list(PUSH), arn(NAME)))
    leaked = iam.create_access_key(UserName="ci")["AccessKey"]
    theirs, ours = LEFT[lab.seed]
    for key, name in ((leaked, theirs), (None, ours)):
        if lab.seed == "push":
            tag_it(client(lab, "ecr", key), name)
        else:
            client(lab, "sts", key).assume_role(RoleArn=ROLE_ARN, RoleSessionName=name)
    lab.write(
        "chat.txt", f"09:02 Sam: could somebody try the push for me? key {leaked['AccessKeyId']}, secret (removed)\n"
    )


def client(lab: DrillLab, service: str, key: dict[str, str] | None) -> Any:
    """Return a client of the robot's: with this key, or with the one of its profile."""
    if key is None:
        return lab.client(service, "ci")
    like = lab.client(service)
    session = boto3.session.Session(  # type: ignore[no-untyped-call]
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    return session.client(service, REGION, endpoint_url=like.meta.endpoint_url, config=like.meta.config)  # type: ignore[no-untyped-call]


def tag_it(ecr: Any, tag: str) -> None:
    """Put the image under one more tag."""
    one = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "1.4"}])["images"][0]
    ecr.put_image(repositoryName=NAME, imageManifest=one["imageManifest"], imageTag=tag)


def put_on(lab: DrillLab, *statements: dict[str, Any]) -> None:
    """Write the policy `work` of the role."""
    lab.client("iam").put_role_policy(RoleName=ROLE, PolicyName="work", PolicyDocument=policy(*statements))


class Seen:
    """Which keys are on, whose sessions still work, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        iam = lab.client("iam")
        keys: list[dict[str, Any]] = []
        self.there = True
        try:
            keys = iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]
        except iam.exceptions.NoSuchEntityException:
            self.there = False
        on = [key["AccessKeyId"] for key in keys if key["Status"] == "Active"]
        leaked = next((word.rstrip(",") for word in chat(lab).split() if word.startswith("AKIA")), "")
        self.leaked_on, self.count = leaked in on, len(on)
        self.theirs, self.ours = LEFT[lab.seed]
        self.alive = ""
        if lab.seed == "session":
            held = [
                *lab.allowed(session_of(self.theirs), PUSH, arn(NAME)),
                *lab.allowed(session_of(self.theirs), [LOGIN], "*"),
            ]
            self.alive = held[0] if held else ""
        self.main = main_works(lab)
        asked = (
            Grant(WEB, ROLE_ARN, who=PROVIDER, condition={"StringEquals": {f"{HOST}:sub": MAIN}}),
            Grant(ASSUME, ROLE_ARN, who=ACCOUNT),
        )
        extra = beyond(lab, Wanted((), asked, doors=(ROLE_ARN,)))
        self.wider, self.known = extra.wider, extra.verdict != "cannot tell"
        self.surplus, self.why = extra.text, extra.why
        self.typed = findings.get("left", "").strip(" `'\"").rpartition("/")[2].rpartition(":")[2]
        self.changed = self.count < 2 or bool(self.typed)


def chat(lab: DrillLab) -> str:
    """Return what was said in the chat."""
    assert lab.folder is not None
    with suppress(OSError):
        return (lab.folder / "chat.txt").read_text(encoding="utf-8", errors="replace")
    return ""


def session_of(name: str) -> str:
    """Return the ARN of a session of the role."""
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{name}"


def main_works(lab: DrillLab) -> bool:
    """Tell whether a run of main gets a session, and may push with it."""
    token = lab.control.identity_token("main")["token"]
    with suppress(ClientError):
        lab.client("sts").assume_role_with_web_identity(
            RoleArn=ROLE_ARN, RoleSessionName="a-run", WebIdentityToken=token
        )
        run = session_of("a-run")
        return not (lab.refused(run, PUSH, arn(NAME)) or lab.refused(run, [LOGIN], "*"))
    return False


def judge(seen: Seen) -> str:
    """Return the verdict's name in d33.md: the keys, the sessions, main, then what was typed."""
    if seen.count:
        if not seen.changed:
            return "untouched"
        return "leaked-on" if seen.leaked_on else "key-on"
    if seen.alive:
        return "session-alive"
    if not seen.main:
        return "main-out"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.typed:
        return "not-typed"
    if seen.typed == seen.theirs:
        return "passed"
    return "other-key" if seen.typed == seen.ours else "not-theirs"


def keys_off(lab: DrillLab, delete: bool = False) -> None:
    """Switch all of the robot's keys off, or delete them."""
    iam = lab.client("iam")
    for key in iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]:
        if delete:
            iam.delete_access_key(UserName="ci", AccessKeyId=key["AccessKeyId"])
        else:
            iam.update_access_key(UserName="ci", AccessKeyId=key["AccessKeyId"], Status="Inactive")


def rotate(lab: DrillLab) -> None:
    """Delete the leaked key, and make a new one."""
    iam = lab.client("iam")
    leaked = next(word.rstrip(",") for word in chat(lab).split() if word.startswith("AKIA"))
    iam.delete_access_key(UserName="ci", AccessKeyId=leaked)
    iam.create_access_key(UserName="ci")


def one_off(lab: DrillLab, leaked: bool) -> None:
    """Switch one of the two keys off: the leaked one, or the other."""
    iam = lab.client("iam")
    for key in iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]:
        if (key["AccessKeyId"] in chat(lab)) is leaked:
            iam.update_access_key(UserName="ci", AccessKeyId=key["AccessKeyId"], Status="Inactive")


def revoke(lab: DrillLab) -> None:
    """Deny what sessions do that began before now, as the console's button does."""
    moment = lab.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    older = {"DateLessThan": {"aws:TokenIssueTime": moment}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": older}
    lab.client("iam").put_role_policy(RoleName=ROLE, PolicyName="AWSRevokeOlderSessions", PolicyDocument=policy(deny))
    time.sleep(1.05)  # A session's time of issue has whole seconds.


def for_ever(lab: DrillLab) -> None:
    """Deny everything to every session."""
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    lab.client("iam").put_role_policy(RoleName=ROLE, PolicyName="stop", PolicyDocument=policy(deny))


def open_the_role(lab: DrillLab) -> None:
    """Let every token of the git server in."""
    anybody = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": WEB}
    lab.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=trust(anybody))


def by_an_id(lab: DrillLab) -> None:
    """Let whoever has a certain id in."""
    condition = {"StringEquals": {"aws:userid": "AROAEXAMPLE:me"}}
    somebody = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": WEB, "Condition": condition}
    lab.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=trust(somebody))


def said(text: str) -> dict[str, str]:
    """Return what is typed."""
    return {"left": text}


def deleted(lab: DrillLab) -> None:
    """Delete the keys."""
    keys_off(lab, delete=True)


def without_robot(lab: DrillLab) -> None:
    """Delete the robot with all it has."""
    deleted(lab)
    iam = lab.client("iam")
    iam.delete_user_policy(UserName="ci", PolicyName="work")
    iam.delete_user(UserName="ci")


TAG, SESSION = LEFT["push"][0], LEFT["session"][0]

TRIES = {
    "passed": {
        "both keys off": attempt(said(TAG), keys_off, seed="push"),
        "both keys deleted": attempt(said(f"{NAME}:{TAG}"), deleted, seed="push"),
        "no robot any more": attempt(said(TAG), without_robot, seed="push"),
        "keys off, older sessions denied": attempt(
            said(f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{SESSION}"), (keys_off, revoke), seed="session"
        ),
    },
    "leaked-on": {
        "named alone": attempt(said(TAG), seed="push"),
        "the wrong key off": attempt(said(SESSION), lambda lab: one_off(lab, leaked=False), seed="session"),
    },
    "key-on": {
        "a new key": attempt(said(TAG), rotate, seed="push"),
        "the leaked one alone": attempt(said(SESSION), lambda lab: one_off(lab, leaked=True), seed="session"),
    },
    "session-alive": {
        "the keys alone": attempt(said(SESSION), keys_off, seed="session"),
        "the keys deleted": attempt(said(SESSION), deleted, seed="session"),
    },
    "main-out": {
        "denied for ever": attempt(said(SESSION), (keys_off, for_ever), seed="session"),
        "the provider deleted": attempt(
            said(TAG),
            (
                keys_off,
                lambda lab: lab.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER),
            ),
            seed="push",
        ),
    },
    "wider": {"every token of the server": attempt(said(TAG), (keys_off, open_the_role), seed="push")},
    "cannot-tell": {"whoever has a certain id": attempt(said(TAG), (keys_off, by_an_id), seed="push")},
    "not-typed": {"in silence": attempt({}, keys_off, seed="push")},
    "other-key": {
        "what the other key pushed": attempt(said(LEFT["push"][1]), keys_off, seed="push"),
        "the other key's session": attempt(said(LEFT["session"][1]), (keys_off, revoke), seed="session"),
    },
    "not-theirs": {
        "the other state's": attempt(said(SESSION), keys_off, seed="push"),
        "a tag, of a session": attempt(said(TAG), (keys_off, revoke), seed="session"),
    },
}
