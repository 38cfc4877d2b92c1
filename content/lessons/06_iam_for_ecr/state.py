"""Lesson 06: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import difflib
import fnmatch
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ecrlab.policy.sets import PULL, PUSH
from ecrlab_course.authoring import in_code
from ecrlab_course.authoring.beyond import Wanted, beyond
from ecrlab_course.authoring.evidence import at_registry, user_of
from ecrlab_course.authoring.staging import PEOPLE, learner_module
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.tries import Act
from ecrlab_course.documents.xray_row import Row

HERE = Path(__file__).parent / "files"
ACCOUNT, PARTNER = "123456789012", "444455556666"
APP, BILLING, PLAYGROUND = "my-web-app", "billing", "dev/playground"
ROLES = ("deployer", "night-shift", "releaser")
MANAGED = "arn:aws:iam::aws:policy/"
LOGIN = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}


tries = learner_module(Path(__file__).parent, "tries")


# Documents and places


def arn(name: str) -> str:
    """Return the ARN of a repository of ours in us-east-1; the name may be a pattern."""
    return f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}"


def user_arn(name: str, account: str = ACCOUNT) -> str:
    """Return the ARN of a user."""
    return f"arn:aws:iam::{account}:user/{name}"


def role_arn(name: str) -> str:
    """Return the ARN of a role of ours."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy with these statements, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | Iterable[str], *resources: str) -> dict[str, Any]:
    """Return a statement of an identity-based policy that allows these actions on these resources."""
    words = actions if isinstance(actions, str) else list(actions)
    return {"Effect": "Allow", "Action": words, "Resource": list(resources)}


def let(principal: object, actions: str | Iterable[str]) -> dict[str, Any]:
    """Return a statement of a resource-based policy that lets a principal do these actions."""
    words = actions if isinstance(actions, str) else list(actions)
    return {"Effect": "Allow", "Principal": principal, "Action": words}


def policy_file(name: str) -> str:
    """Return a policy of the lesson's folder `policies`."""
    return (HERE / "policies" / f"{name}.json").read_text(encoding="utf-8")


def give(lab: LabView, user: str, text: str, name: str = "pull") -> None:
    """Put an inline policy on a user of our account."""
    lab.client("iam").put_user_policy(UserName=user, PolicyName=name, PolicyDocument=text)


def share(lab: LabView, text: str, name: str = APP) -> None:
    """Set the policy of a repository."""
    lab.client("ecr").set_repository_policy(repositoryName=name, policyText=text)


def partner_may(lab: LabView, text: str, name: str = "pull") -> None:
    """Let the partner give itself an inline policy."""
    lab.client("iam", "partner").put_user_policy(UserName="partner", PolicyName=name, PolicyDocument=text)


def statements_of(documents: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the statements of documents, each with Action and Resource as lists."""
    found = []
    for one in documents:
        statements = one.get("Statement", [])
        for statement in statements if isinstance(statements, list) else [statements]:
            lists = {
                key: [value] if isinstance(value, str) else list(value)
                for key, value in statement.items()
                if key in ("Action", "Resource", "NotAction")
            }
            found.append({**statement, **lists})
    return found


def held_by(lab: LabView, user: str) -> dict[str, Any]:
    """Return what a user holds: attached policies' names, AWS's own among them, inline and groups' documents."""
    iam = lab.client("iam")
    groups = [row["GroupName"] for row in iam.list_groups_for_user(UserName=user)["Groups"]]
    inline = {
        name: iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]
        for name in iam.list_user_policies(UserName=user)["PolicyNames"]
    }
    of_groups = {
        f"{group}/{name}": iam.get_group_policy(GroupName=group, PolicyName=name)["PolicyDocument"]
        for group in groups
        for name in iam.list_group_policies(GroupName=group)["PolicyNames"]
    }
    attached = list(iam.list_attached_user_policies(UserName=user)["AttachedPolicies"])
    for group in groups:
        attached += iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"]
    return {
        "attached": sorted(row["PolicyName"] for row in attached),
        "ready": sorted(row["PolicyName"] for row in attached if row["PolicyArn"].startswith(MANAGED)),
        "inline": inline,
        "groups": of_groups,
    }


def texts_of(held: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of everything that `held_by` found."""
    return statements_of([*held["inline"].values(), *held["groups"].values()])


def repository_policy(lab: LabView, name: str = APP) -> dict[str, Any] | None:
    """Return a repository's policy, None when it has none or is not there."""
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.RepositoryPolicyNotFoundException, ecr.exceptions.RepositoryNotFoundException):
        found: dict[str, Any] = json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"])
        return found
    return None


def may(lab: LabView, questions: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], bool]:
    """Ask IAM many questions (principal, action, resource) without making a request; return which are allowed."""
    asked = list(questions)
    return {
        question: bool(answer["allowed"]) for question, answer in zip(asked, lab.control.decide_all(asked), strict=True)
    }


@dataclass(frozen=True)
class Refusal:
    """Why IAM would refuse one request, read from its decision record.

    ``kind`` is "explicit deny", "boundary" (or session: a fence does not allow it), "condition", "resource" or
    "principal" (an Allow names the action, and that element does not match), "nothing" (no policy speaks at all) or
    "not named" (no Allow names the action). ``side`` is the type of policy that says no, in AWS's words.
    ``statement`` is the statement that decided or came nearest, with its policy; ``why`` says what of it does not
    match, and ``written`` is its Resource; all three "" without one. ``invented`` are actions in the statements that
    there are not.
    """

    action: str = ""
    resource: str = ""
    kind: str = ""
    statement: str = ""
    why: str = ""
    written: str = ""
    invented: str = ""
    side: str = ""


def refusal(lab: LabView, who: str, action: str, resource: str) -> Refusal | None:
    """Return why IAM would refuse a request of somebody; None when it would not. No request is made."""
    found = lab.control.decide(who, action, resource)
    if found["allowed"]:
        return None
    rows = found["statements"]
    kind, row = _deciding(found["verdict"], found["policy_type"], resource, rows)
    invented = ", ".join(f"`{name}`" for name in _invented(lab, action, rows))
    side = str(found["policy_type"])
    if row is None:
        return Refusal(action, resource, kind, invented=invented, side=side)
    written, why = ", ".join(_resources(row)), in_code(row["why"])
    return Refusal(action, resource, kind, f"{row['label']} of {row['origin']}", why, written, invented, side)


def _deciding(
    verdict: str, policy_type: str, resource: str, rows: list[dict[str, Any]]
) -> tuple[str, dict[str, Any] | None]:
    """Return the kind of a refusal, and the statement that decided or came nearest."""
    if verdict == "ExplicitlyDenied":
        return "explicit deny", next(row for row in rows if row["decided"])
    if policy_type in ("permissions boundary", "session"):
        return "boundary", next((row for row in rows if row["policy_type"] == policy_type), None)
    own = [row for row in rows if row["policy_type"] == policy_type]
    for element in ("condition", "resource", "principal"):
        near = [row for row in own if row["effect"] == "Allow" and row["mismatch"] == element]
        if near:
            return element, max(near, key=lambda row: _likeness(row, resource))
    return ("not named" if own else "nothing"), None


def _likeness(row: Mapping[str, Any], resource: str) -> float:
    """Return how like a statement's nearest Resource is to the one that was asked about, from 0 to 1."""
    return max((difflib.SequenceMatcher(None, each, resource).ratio() for each in _resources(row)), default=0)


def _resources(row: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in statements_of([{"Statement": row["statement"]}])[0].get("Resource", [])]


def _invented(lab: LabView, wanted: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the actions in these statements that there are not: no known one fits, or the service is misspelt."""
    known = [action.lower() for action in lab.control.actions()]
    services = {action.partition(":")[0] for action in known}
    statements = statements_of({"Statement": row["statement"]} for row in rows)
    words = dict.fromkeys(word for statement in statements for word in statement.get("Action", []))
    return [
        word
        for word in words
        if word != "*"
        and not fnmatch.filter(known, word.lower())
        and (word.lower().partition(":")[0] in services or difflib.get_close_matches(word, [wanted], cutoff=0.8))
    ]


class Rights:
    """What somebody may do beyond and short of a wish, what they hold, and why the first thing lacking is refused."""

    def __init__(self, lab: LabView, name: str, wanted: Wanted) -> None:
        found = beyond(lab, wanted)
        self.held, self.boundary = held_by(lab, name), boundary_of(lab, name)
        self.wider, self.who, self.on, self.unsure = found.wider, found.who, found.on, found.why
        self.surplus, self.remark = found.text, next(iter(found.remarks), "")
        self.ready = next((each for each in self.held["ready"] if each in found.place), "")
        self.missing = found.missing
        self.refusal = Refusal()
        if self.missing:
            first = self.missing[0]
            self.refusal = refusal(lab, name, first["action"], first["resource"]) or Refusal()
        self.action, self.thing = self.refusal.action, self.refusal.resource.rpartition("repository/")[2]
        self.statement, self.why = self.refusal.statement, self.refusal.why
        self.written, self.invented = self.refusal.written, self.refusal.invented
        self.unused = "".join(each.rpartition("/")[2] for each in unused_policies(lab)[:1])
        self.group = group_without(lab, name)
        tried = changes(lab) if self.missing else []
        self.other = changed_others(tried, name)
        self.not_taken, self.asked, self.asked_on, self.asked_by = refused_last(tried)
        # What opens something by a name that there is not is told as that.
        self.also_wider = self.wider and f"`{found.written}`" not in self.invented


CHANGES = (
    "PutUserPolicy", "AttachUserPolicy", "PutGroupPolicy", "AttachGroupPolicy", "AddUserToGroup", "CreatePolicy",
    "PutUserPermissionsBoundary", "SetRepositoryPolicy",
)  # fmt: skip
"""Operations that change what somebody may do."""


def changes(lab: LabView) -> list[Row]:
    """Return the attempts to change what somebody may do since the exercise began, the refused ones too."""
    return [row for row in lab.rows() if row["operation"] in CHANGES]


def refused_last(tried: list[Row]) -> tuple[str, str, str, str]:
    """Return the error of the last change, what was asked for, on what and by whom; each "" when it was taken."""
    if not tried or tried[-1]["status"] < 400:
        return "", "", "", ""
    last = tried[-1]
    asked = f"{last['service']}:{last['operation']}"
    return str(last["error"]), asked, str(last["resource"]).rpartition(":")[2], user_of(last)


def changed_others(tried: Iterable[Row], who: str) -> str:
    """Return the user whose policies were changed last, when none of these changes was about `who`; else ""."""
    named = [str(row["resource"]).rpartition("user/")[2] for row in tried if row["status"] < 400 and _of_user(row)]
    return "" if not named or who in named else named[-1]


def _of_user(row: Row) -> bool:
    return row["operation"] in ("PutUserPolicy", "AttachUserPolicy")


def unused_policies(lab: LabView) -> list[str]:
    """Return the ARNs of policies of ours that are attached to nobody and are nobody's boundary."""
    rows = lab.client("iam").list_policies(Scope="Local")["Policies"]
    unused = [row for row in rows if not row["AttachmentCount"] and not row.get("PermissionsBoundaryUsageCount")]
    return [str(row["Arn"]) for row in unused]


def remove_unused(lab: LabView, who: str) -> None:
    """Delete the policies of ours that nobody has, and the groups that hold a policy and do not have the user."""
    iam = lab.client("iam")
    for arn in unused_policies(lab):
        for row in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not row["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=row["VersionId"])
        iam.delete_policy(PolicyArn=arn)
    while group := group_without(lab, who):
        remove_group(lab, group)


def group_without(lab: LabView, who: str) -> str:
    """Return the name of a group that holds a policy and does not have the user; "" when there is none."""
    iam = lab.client("iam")
    his = {row["GroupName"] for row in iam.list_groups_for_user(UserName=who)["Groups"]}
    for row in iam.list_groups()["Groups"]:
        name = str(row["GroupName"])
        if name not in his and (
            iam.list_group_policies(GroupName=name)["PolicyNames"]
            or iam.list_attached_group_policies(GroupName=name)["AttachedPolicies"]
        ):
            return name
    return ""


def boundary_of(lab: LabView, who: str) -> str:
    """Return the name of a user's permissions boundary; "" when there is none."""
    user = lab.client("iam").get_user(UserName=who)["User"]
    return str(user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")).rpartition("/")[2]


def short(action: str) -> str:
    """Return an action without its service."""
    return action.partition(":")[2]


# What tries do


def attach(who: str, name: str) -> Act:
    """Return what attaches one of AWS's managed policies to a user."""
    return lambda lab: lab.client("iam").attach_user_policy(UserName=who, PolicyArn=MANAGED + name)


def fence(who: str, *statements: Mapping[str, Any]) -> Act:
    """Return what makes a policy with these statements a user's permissions boundary."""

    def act(lab: LabView) -> None:
        iam = lab.client("iam")
        edge = iam.create_policy(PolicyName="edge", PolicyDocument=document(*statements))["Policy"]["Arn"]
        iam.put_user_permissions_boundary(UserName=who, PermissionsBoundary=edge)

    return act


def own_policy(*statements: Mapping[str, Any]) -> Act:
    """Return what makes a customer managed policy `own`, attached to nobody."""
    return lambda lab: lab.client("iam").create_policy(PolicyName="own", PolicyDocument=document(*statements))


def attach_own(who: str) -> Act:
    """Return what attaches the customer managed policy `own` to a user."""
    own = f"arn:aws:iam::{ACCOUNT}:policy/own"
    return lambda lab: lab.client("iam").attach_user_policy(UserName=who, PolicyArn=own)


def operators(statements: Iterable[Mapping[str, Any]], *members: str) -> Act:
    """Return what makes the group operators, with a policy of these statements and these members."""

    def act(lab: LabView) -> None:
        iam = lab.client("iam")
        iam.create_group(GroupName="operators")
        iam.put_group_policy(GroupName="operators", PolicyName="own", PolicyDocument=document(*statements))
        for name in members:
            iam.add_user_to_group(GroupName="operators", UserName=name)

    return act


def in_vain(*steps: Act) -> Act:
    """Return steps that AWS refuses, each of them."""

    def act(lab: LabView) -> None:
        for step in steps:
            with suppress(ClientError):
                step(lab)
                raise AssertionError("it was taken")

    return act


def misshapen(who: str, name: str) -> Act:
    """Return what tries to put a document onto a user that lacks its last brace."""
    return in_vain(lambda lab: give(lab, who, document(LOGIN)[:-1], name))


def own_rights(who: str, name: str) -> Act:
    """Return what tries to give a user a policy as that user, not as admin."""
    client = {"UserName": who, "PolicyName": name, "PolicyDocument": document(LOGIN)}
    return in_vain(lambda lab: lab.client("iam", who).put_user_policy(**client))


# What the X-ray says


def last_of(lab: LabView, who: str, *services: str) -> Row | None:
    """Return the last row of a person at these services (default: ecr and the registry), None without one."""
    wanted = services or ("ecr", "registry")
    found = [row for row in lab.rows() if user_of(row) == who and row["service"] in wanted]
    return found[-1] if found else None


def ended(lab: LabView, who: str, allowed: str, denied: str) -> str | None:
    """Return one key when the person's last request was allowed, the other when IAM denied it; None without one."""
    row = last_of(lab, who)
    if row is None:
        return None
    return denied if row["decision"] == "denied" else allowed


# Building the places of the lesson


def e5_policy() -> str:
    """Return the policy that Dara needs."""
    return document(LOGIN, allow((*PUSH, PULL[1]), arn("dev/*")), allow(PULL, arn(APP)))


def tidy(lab: LabView) -> None:
    """Take away what no reset of repositories and users reaches: roles, groups, the partner's own policies.

    A group or a role for the partner may have any name, as the exercises take any.
    """
    remove_roles_for_partner(lab)
    for name in ROLES:
        remove_role(lab, name)
    for group in lab.client("iam").list_groups()["Groups"]:
        remove_group(lab, group["GroupName"])
    lab.control.reset(users=["partner"], account=PARTNER)


def remove_roles_for_partner(lab: LabView) -> None:
    """Delete the roles of ours that the partner may assume, as far as we have a say."""
    for name in roles_for_partner(lab):
        remove_role(lab, name)


def roles_for_partner(lab: LabView) -> list[str]:
    """Return the roles of ours whose trust policy names the partner's account, or everybody."""
    trusted = {
        role["RoleName"]: json.dumps(role["AssumeRolePolicyDocument"])
        for role in lab.client("iam").list_roles()["Roles"]
    }
    return [name for name, text in trusted.items() if PARTNER in text or '"*"' in text]


def remove_role(lab: LabView, name: str) -> None:
    """Delete a role of ours with its policies, when it is there."""
    iam = lab.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for row in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=row["PolicyArn"])
        iam.delete_role(RoleName=name)


def remove_group(lab: LabView, name: str) -> None:
    """Delete a group of ours with its policies, when it is there; its members stay users."""
    iam = lab.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        for user in iam.get_group(GroupName=name)["Users"]:
            iam.remove_user_from_group(GroupName=name, UserName=user["UserName"])
        for policy in iam.list_group_policies(GroupName=name)["PolicyNames"]:
            iam.delete_group_policy(GroupName=name, PolicyName=policy)
        for row in iam.list_attached_group_policies(GroupName=name)["AttachedPolicies"]:
            iam.detach_group_policy(GroupName=name, PolicyArn=row["PolicyArn"])
        iam.delete_group(GroupName=name)


def bare_partner(lab: LabView) -> None:
    """Leave the partner the permission to give itself permissions, and nothing else."""
    lab.control.reset(users=["partner"], account=PARTNER)
    iam = lab.client("iam", "partner")
    text = document(allow("iam:*", "*"))
    iam.put_user_policy(UserName="partner", PolicyName="runs-its-own-house", PolicyDocument=text)
    iam.detach_user_policy(UserName="partner", PolicyArn=MANAGED + "AdministratorAccess")


def people(lab: LabView) -> None:
    """Three repositories. `developer`, `ci`, `ops` and `auditor` have no policy, the map company has rights at home."""
    lab.clock.reset()
    tidy(lab)
    lab.clear(APP, BILLING, PLAYGROUND)
    ecr = lab.client("ecr")
    for name, tag in ((APP, "1.0"), (BILLING, "7"), (PLAYGROUND, "1")):
        ecr.create_repository(repositoryName=name)
        lab.push(name, tag, name.encode())
    for name in PEOPLE:
        lab.user(name)
        tries.keep_only(lab, name)
    remove_unused(lab, "admin")
    bare_partner(lab)
    lab.sh(f'docker rmi -f {APP}:2.0 "$REGISTRY/{APP}:1.0" "$REGISTRY/{APP}:2.0" >/dev/null 2>&1 || true')


def summary_policy(lab: LabView) -> None:
    """Three repositories. Omar (`ops`) has the web page's pull policy, and the other three have none."""
    people(lab)
    give(lab, "ops", policy_file("summary-pull"))


def half_time(lab: LabView) -> None:
    """Omar pulls, the robot pushes, Dara works in `dev/`, and Aiko may log in and nothing else."""
    people(lab)
    give(lab, "ops", policy_file("pull"))
    give(lab, "ci", policy_file("push"), "push")
    give(lab, "developer", e5_policy(), "dara")
    give(lab, "auditor", policy_file("login-only"))


def partner(lab: LabView) -> None:
    """As at half-time: the policies of the map company and of our repositories say nothing about each other yet."""
    half_time(lab)


def roles(lab: LabView) -> None:
    """The map company pulls `my-web-app`; the role `deployer` pushes, and the robot itself only logs in."""
    half_time(lab)
    share(lab, policy_file("let-partner-in"))
    partner_may(lab, document(LOGIN, allow(PULL, arn(APP))))
    give(lab, "ci", policy_file("login-only"), "push")
    make_role(lab, "deployer", policy_file("trust-ci"), policy_file("push"))


def make_role(lab: LabView, name: str, trust: str, rights: str = "") -> None:
    """Make a role again, with a trust policy and maybe one inline policy."""
    remove_role(lab, name)
    iam = lab.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    if rights:
        iam.put_role_policy(RoleName=name, PolicyName="push", PolicyDocument=rights)


def client_with(lab: LabView, service: str, keys: Mapping[str, str]) -> Any:
    """Return a client of this lab with the three keys that a role session has."""
    admin = lab.client(service)
    session = boto3.session.Session(  # type: ignore[no-untyped-call]
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=admin.meta.region_name,
    )
    endpoint, config = admin.meta.endpoint_url, admin.meta.config
    return session.client(service, endpoint_url=endpoint, config=config)  # type: ignore[no-untyped-call]


# Recall questions and guesses: they do not count


def allowed_or_not(who: str, allowed: str = "a", denied: str = "b") -> Callable[[LabView], str | None]:
    """Return a function that observes how that person's last request at ECR ended."""
    return lambda lab: ended(lab, who, allowed, denied)


def after_all(who: str, services: int = 1) -> Callable[[LabView], str | None]:
    """Return a function that observes whether any request of the person was denied since the guess."""

    def look(lab: LabView) -> str | None:
        rows = [row for row in lab.rows() if user_of(row) == who and row["service"] in ("ecr", "registry")]
        if len(rows) < services:
            return None
        return "b" if any(row["decision"] == "denied" for row in rows) else "a"

    return look


def push_without_check(lab: LabView) -> str | None:
    """Return whether the robot's push was stored, was refused with words, or at a question that has no body."""
    rows = [row for row in at_registry(lab.rows()) if user_of(row) == "ci"]
    refused = [row for row in rows if row["decision"] == "denied"]
    if refused:
        return "c" if refused[-1]["method"] == "HEAD" else "b"
    return "a" if any("/manifests/" in row["path"] and row["method"] == "PUT" for row in rows) else None


def pulls_of_partner(lab: LabView) -> str | None:
    """Return in how many of the four states the partner's manifest request was allowed; None before all four."""
    rows = [row for row in lab.rows() if user_of(row) == "partner" and row["operation"] == "BatchGetImage"]
    if len(rows) < 4:
        return None
    fine = sum(row["decision"] == "allowed" for row in rows[-4:])
    return {3: "a", 2: "b", 1: "c"}.get(fine)


g1_seen = allowed_or_not("ops")
g2_seen = after_all("auditor", 3)
g3_seen = allowed_or_not("auditor")
g4_seen = allowed_or_not("ops")
g5_seen = allowed_or_not("ops")
g6_seen = after_all("auditor", 3)
g7_seen = allowed_or_not("auditor")
g9_seen = allowed_or_not("ci")

CHECKPOINTS = {
    "people": people,
    "summary-policy": summary_policy,
    "half-time": half_time,
    "partner": partner,
    "roles": roles,
}
