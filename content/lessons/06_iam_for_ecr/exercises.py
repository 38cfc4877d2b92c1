"""Lesson 06: its front matter, its checkpoints, its guesses and its exercises: ten that count, one answer aloud.

Facts: E047 E070 E071 E073 E124 to E126 E129; I001 to I028 I036 I038 I039 I041 I050 to I061 I065 I067 I086;
err 9 10 11 13 14 18 26 27 87 88 89 101; N12.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ecrlab.policy.places import problem
from ecrlab.policy.sets import PULL, PUSH
from ecrlab_course.authoring.evidence import at_registry, user_of
from ecrlab_course.authoring.exercises import (
    Attempt,
    Bin,
    FixFile,
    FollowUp,
    FreeAnswer,
    Guess,
    Item,
    Lesson,
    LiveCheck,
    Match,
    Miss,
    Option,
    Order,
    Point,
    Predict,
    ReadError,
    Result,
    Step,
    Verdict,
    not_yet,
    passed,
    untouched,
)
from ecrlab_course.authoring.staging import PEOPLE, learner_module
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.tries import acting
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.failure import Refused
from ecrlab_course.toolbox.lab import image, push_image

HERE = Path(__file__).parent / "files"
ACCOUNT, PARTNER, STRANGER = "123456789012", "444455556666", "111122223333"
APP, BILLING, PLAYGROUND = "my-web-app", "billing", "dev/playground"
OLD = "my-web-app-old"
"""A name that only a star at the end of another one reaches."""
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


def misspelt(lab: LabView, statements: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the actions of ECR in these statements that mean nothing: no pattern, and no action that there is."""
    known = {action.lower() for action in lab.control.actions()}
    words = [action for statement in statements for action in statement.get("Action", [])]
    return [word for word in words if word.startswith("ecr:") and "*" not in word and word.lower() not in known]


def short(action: str) -> str:
    """Return an action without its service."""
    return action.partition(":")[2]


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
    """Delete the roles of ours whose trust policy names the partner's account, or everybody."""
    for role in lab.client("iam").list_roles()["Roles"]:
        trusted = json.dumps(role["AssumeRolePolicyDocument"])
        if PARTNER in trusted or '"*"' in trusted:
            remove_role(lab, role["RoleName"])


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
    """Leave the partner the right to give itself rights, and nothing else."""
    lab.control.reset(users=["partner"], account=PARTNER)
    iam = lab.client("iam", "partner")
    text = document(allow("iam:*", "*"))
    iam.put_user_policy(UserName="partner", PolicyName="runs-its-own-house", PolicyDocument=text)
    iam.detach_user_policy(UserName="partner", PolicyArn=MANAGED + "AdministratorAccess")


def people(lab: LabView) -> None:
    """Three repositories; developer, ci, ops, auditor without any policy; the partner with rights at home alone."""
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
    bare_partner(lab)
    lab.sh(f'docker rmi -f {APP}:2.0 "$REGISTRY/{APP}:1.0" "$REGISTRY/{APP}:2.0" >/dev/null 2>&1 || true')


def summary_policy(lab: LabView) -> None:
    """`people`, and Omar has the web page's pull policy."""
    people(lab)
    give(lab, "ops", policy_file("summary-pull"))


def half_time(lab: LabView) -> None:
    """`people`; Omar pulls, the robot pushes, Dara works in dev/, Aiko may log in and nothing else."""
    people(lab)
    give(lab, "ops", policy_file("pull"))
    give(lab, "ci", policy_file("push"), "push")
    give(lab, "developer", e5_policy(), "dara")
    give(lab, "auditor", policy_file("login-only"))


def partner(lab: LabView) -> None:
    """`half-time`; the partner and our repositories say nothing to each other yet."""
    half_time(lab)


def roles(lab: LabView) -> None:
    """`half-time`; the partner pulls my-web-app; the role deployer pushes, and the robot itself only logs in."""
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


LESSON = Lesson(
    id="06",
    title="IAM for ECR",
    minutes=81,
    verbs=(
        "read a refusal aloud and say which kind of policy spoke",
        "write the policy that somebody needs, and nothing wider",
        "let another account and a robot in without handing out keys",
    ),
    words={
        "principal": "who asks: a user, or somebody who assumes a role; never a group",
        "action": "what is asked for, such as ecr:BatchGetImage",
        "resource": "the thing the request is about, by its ARN; * means any thing, or none",
        "explicit deny": "a Deny statement that matches the request: it ends the matter",
        "repository policy": "a resource-based policy: who may do what with this repository",
        "role": "a principal with no keys of its own; others assume it for a while, and its trust policy says who",
        "permissions boundary": "a fence around one user or role: what its policies grant counts only inside",
    },
    needs=(
        "Nothing but this computer. Without a container engine, the lab's stand-in acts as docker; all exercises count."
    ),
    checkpoints={
        "people": people,
        "summary-policy": summary_policy,
        "half-time": half_time,
        "partner": partner,
        "roles": roles,
    },
    start="people",
    repositories=(APP, BILLING, PLAYGROUND),
    users=PEOPLE,
    undo=tidy,
    undoes="its roles and groups, and the partner's own policies",
    sticking={
        "JSON commas": "the editor names line and word while you type; fix the first line it names, then look again",
        "who am I now?": "the first line of a cell says it: `%%bash --as ops`",
        "it still works after I removed the permission": "the image was still on this computer: the cell removes it "
        "first",
        "which side is missing?": "the ending of the sentence names the kind of policy; picture 2 says whose it is",
    },
)


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


GUESSES = [
    Guess(
        id="06-r1",
        prompt="**From lesson 04.** What does docker's token carry?",
        options=(
            Option(
                "a", "a list of what I may do", "There are no permissions in it. They are looked up at every request."
            ),
            Option("b", "who fetched it", "Right. *Who*, not *what*. Today is about the *what*."),
            Option("c", "the name of a repository", "One login serves a whole registry.", "login-per-repository"),
        ),
        correct="b",
        confidence=False,
    ),
    Guess(
        id="06-r2",
        prompt="**From lesson 04.** A push stops with `name unknown`. Which permission is missing?",
        options=(
            Option(
                "a",
                "permission to push",
                "A missing permission is named openly: *not authorized*.",
                "404-is-permission",
            ),
            Option(
                "b",
                "none: a repository is missing",
                "Right. `name unknown` is about a thing that is not there. A missing permission says *not authorized "
                "to perform*.",
            ),
            Option("c", "permission to log in", "Somebody unknown gets `no basic auth credentials`."),
        ),
        correct="b",
        confidence=False,
    ),
    Guess(
        id="06-r3",
        prompt="**From lesson 04.** Which request gives an image its tag in ECR?",
        options=(
            Option("a", "the first layer", "A layer has no name.", "half-push-visible"),
            Option("b", "`docker tag`", "That names it on your computer. Nothing is sent.", "tag-copies"),
            Option(
                "c",
                "the manifest, `ecr:PutImage`",
                "Right. It comes last, and today you will see that it needs its own permission.",
            ),
        ),
        correct="c",
        confidence=False,
    ),
    Guess(
        id="06-g1",
        prompt=(
            "Omar's login is refused. Somebody suggests: *let us put the login into the repository policy*. Can he "
            "log in then?"
        ),
        options=(
            Option(
                "a",
                "yes: the repository says that he may",
                "The login is not about any repository, so no repository policy is read for it.",
                "repo-policy-gives-login",
            ),
            Option("b", "no: the login is about no repository", "Yes. `resource: *` said so."),
        ),
        observe=allowed_or_not("ops"),
    ),
    Guess(
        id="06-g2",
        prompt=(
            "The web page's policy names three actions on the repository. **Aiko gets the login and only two of "
            "them**: `BatchGetImage` and `GetDownloadUrlForLayer`, without `BatchCheckLayerAvailability`. Can she pull?"
        ),
        options=(
            Option("a", "yes", "Yes. The third one belongs to pushing: *do you have this layer already?*"),
            Option(
                "b",
                "no, all three are needed",
                "A pull never asks for the third. It belongs to pushing: *do you have this layer already?*",
                "check-is-pull",
            ),
        ),
        observe=after_all("auditor", 3),
    ),
    Guess(
        id="06-g3",
        prompt=(
            "Aiko's docker logged in a moment ago; her token is good for hours. Now you remove her pull statement. "
            "When does that take effect?"
        ),
        options=(
            Option(
                "a",
                "not before she logs in again",
                "The token says who she is. What she may do is read at every request.",
                "login-is-permission",
            ),
            Option("b", "at her next request", "Yes. The token says *who*; the policies are read each time."),
        ),
        observe=allowed_or_not("auditor"),
    ),
    Guess(
        id="06-g11",
        prompt=(
            "One action of the push set is missing: `BatchCheckLayerAvailability`, *is this layer there already?*. "
            "What will docker print?"
        ),
        options=(
            Option(
                "a",
                "no error: the push works without it",
                "Most of the push is allowed. But docker asks this question, and needs an answer.",
            ),
            Option(
                "b",
                "a refusal that names the action",
                "This question is a `HEAD`: the answer has no room for a sentence.",
            ),
            Option("c", "a refusal without a sentence", "Yes. A `HEAD` is answered without a body."),
        ),
        observe=push_without_check,
    ),
    Guess(
        id="06-g4",
        prompt=(
            "The web page says that its pull policy *restricts pushing*. Omar keeps it, and now he also gets AWS's "
            "managed policy `…PowerUser`, which allows pushing. He pushes. What happens?"
        ),
        options=(
            Option(
                "a",
                "he pushes",
                "Yes. Allows add up. The pull policy never said *no*, it just did not say *yes*: an implicit deny.",
            ),
            Option(
                "b",
                "refused: the pull policy restricts him",
                "Leaving something out forbids nothing. Another policy may say yes.",
                "not-allowed-is-forbidden",
            ),
        ),
        observe=allowed_or_not("ops"),
    ),
    Guess(
        id="06-g5",
        prompt=(
            "Now a **Deny** statement on the push actions, and beside it `AdministratorAccess`, which allows "
            "everything. Omar pushes again. What happens?"
        ),
        options=(
            Option("a", "he pushes: an administrator may", "No Allow outvotes a Deny.", "allow-beats-deny"),
            Option(
                "b",
                "refused: the Deny stays",
                "Yes. One Deny that matches ends the matter, whatever else is allowed: an explicit deny.",
            ),
        ),
        observe=allowed_or_not("ops"),
    ),
    Guess(
        id="06-r4",
        prompt="**From the first half.** *Nothing is allowed until something allows it. Allows add up. One … ends it.*",
        options=(
            Option("a", "group", "A group only hands policies to its members.", "group-is-principal"),
            Option("b", "Deny", "Right."),
            Option("c", "administrator", "You saw Omar as an administrator, and he was refused.", "allow-beats-deny"),
        ),
        correct="b",
        confidence=False,
    ),
    Guess(
        id="06-r5",
        prompt=(
            "**From the first half.** `… is not authorized to perform: ecr:PutImage on resource: … because no "
            "identity-based policy allows the ecr:PutImage action`. What would fix it?"
        ),
        options=(
            Option("a", "finding the Deny and removing it", "A Deny says *explicit deny*.", "not-allowed-is-forbidden"),
            Option("b", "a statement that allows it", "Right. Nobody said no; nobody said yes."),
            Option("c", "a new login", "The sentence names a person: the login was fine.", "login-is-permission"),
        ),
        correct="b",
        confidence=False,
    ),
    Guess(
        id="06-g6",
        prompt=(
            "Aiko's own policy grants the login and nothing else. The **repository policy** of `my-web-app` names her "
            "user for the two pull actions. Can she pull?"
        ),
        options=(
            Option(
                "a",
                "yes: in one account one side is enough",
                "Yes. The resource-based policy named her, and that is enough.",
            ),
            Option(
                "b",
                "no: her own policy does not allow it",
                "Within one account it is enough if one side says yes and names the user.",
                "not-allowed-is-forbidden",
            ),
        ),
        observe=after_all("auditor", 3),
    ),
    Guess(
        id="06-g7",
        prompt=(
            "The same repository policy, but instead of her user it names the **account**: "
            "`arn:aws:iam::123456789012:root`. Can Aiko pull?"
        ),
        options=(
            Option(
                "a",
                "yes: she belongs to the account",
                "The account may now pass this permission on. It has not: her own policy is silent.",
                "root-means-everybody",
            ),
            Option("b", "no", "Yes. `…:root` means *the account decides*. Her own policy would have to say yes."),
        ),
        observe=allowed_or_not("auditor"),
    ),
    Guess(
        id="06-g8",
        prompt=(
            "Now to the map company. Our repository policy can say yes or nothing, and the partner's own policy can "
            "say yes or nothing: four states. In how many of them can `partner` pull?"
        ),
        options=(
            Option(
                "a",
                "in three: one yes is enough",
                "That was within one account. Across accounts the rule is different.",
                "one-side-is-enough",
            ),
            Option(
                "b",
                "in two: our repository policy decides",
                "Our side alone is not enough: the map company decides what its own people may ask for.",
                "one-side-is-enough",
            ),
            Option("c", "in one: both must say yes", "Yes. Each account answers for its own half."),
        ),
        observe=pulls_of_partner,
    ),
    Guess(
        id="06-g9",
        prompt=(
            "The robot's own policy allows the whole push. Around it is a **permissions boundary** that includes only "
            "pulling. Can it begin an upload?"
        ),
        options=(
            Option(
                "a", "yes: its policy allows it", "Both must allow it: the policy, and the boundary.", "boundary-grants"
            ),
            Option("b", "no: the boundary does not include it", "Yes. Only what is in both counts."),
        ),
        observe=allowed_or_not("ci"),
    ),
]


# e1: read the sentence


def describe_as_omar(lab: LabView) -> None:
    """Let Omar ask for the list of images, as cell 06-05-run does."""
    with suppress(ClientError):
        lab.client("ecr", "ops").describe_images(repositoryName=APP)


E1_RIGHT = {
    "code": "known",
    "user": "principal",
    "action": "action",
    "arn": "resource",
    "because": "nobody-allowed",
}

e1 = Match(
    id="06-e1",
    objective="Take a refusal apart: who, what, on which thing, and who spoke.",
    prompt=(
        "Omar's refusal in five pieces. Match each piece with its meaning. Two meanings are left over; both belong to "
        "other refusals."
    ),
    items=(
        Item(
            "code",
            "AccessDeniedException",
            "this answers *may you?*, which is asked only of somebody who is known.",
            "rights-before-identity",
        ),
        Item(
            "user",
            "User: arn:aws:iam::123456789012:user/ops",
            "this is a person: account, then `user/`, then the name.",
            "words-not-reasons",
        ),
        Item(
            "action",
            "ecr:DescribeImages",
            "a service, a colon, a verb: something you do.",
            "words-not-reasons",
        ),
        Item(
            "arn",
            "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app",
            "an ARN of `ecr`, with Region and account: a thing, as IAM writes it.",
            "arn-is-address",
        ),
        Item(
            "because",
            "because no identity-based policy allows the ecr:DescribeImages action",
            "*no policy allows*: look for whoever allowed it, and you find nobody.",
            "not-allowed-is-forbidden",
            misses=(
                Miss(
                    "somebody-forbade",
                    "nobody forbade anything. A ban says *explicit deny*. Here nobody said yes.",
                    "not-allowed-is-forbidden",
                ),
            ),
        ),
    ),
    bins=(
        Bin("principal", "the principal"),
        Bin("action", "the action"),
        Bin("resource", "the resource"),
        Bin("known", "AWS knows who is asking, and says no"),
        Bin("unknown", "AWS does not know who is asking"),
        Bin("nobody-allowed", "implicit deny: nobody allowed it"),
        Bin("somebody-forbade", "explicit deny: somebody forbade it"),
    ),
    correct=E1_RIGHT,
    hints=(
        lambda state: (
            f"{len(E1_RIGHT) - len(state['wrong'])} of the {len(E1_RIGHT)} are right so far."
            if len(state["placed"]) == len(E1_RIGHT)
            else f"{len(state['placed'])} of {len(E1_RIGHT)} pieces have a place. Say the sentence aloud: *who* wanted "
            "to do *what* to *which thing*?"
        ),
        "An ARN begins with `arn:aws:`, then the service. `iam` has people, `ecr` has repositories.",
        "The last piece has the words *no … allows* in it. Is that a ban, or an empty page?",
    ),
    solution=(
        "`AccessDeniedException`: known, but no. `user/ops`: the **principal**. `ecr:DescribeImages`: the "
        "**action**. `…repository/my-web-app`: the **resource**. `because no identity-based policy allows`: an "
        "**implicit deny**, nobody allowed it**.\n\n"
        "**Why the last piece matters most:** a missing Allow is fixed by adding one, as small as possible. A Deny "
        "has to be found, and somebody wrote it for a reason."
    ),
    accepts=(
        Attempt("all five", answer=E1_RIGHT),
        Attempt("all five, after a refusal of his own", do=describe_as_omar, answer=E1_RIGHT),
    ),
    rejects=(
        Attempt(
            "a ban",
            answer={**E1_RIGHT, "because": "somebody-forbade"},
            misconception="not-allowed-is-forbidden",
            says="nobody forbade anything",
        ),
        Attempt(
            "the thing is the person",
            answer={**E1_RIGHT, "arn": "principal"},
            misconception="arn-is-address",
            says="a thing, as IAM writes it",
        ),
        Attempt(
            "unknown",
            answer={**E1_RIGHT, "code": "unknown"},
            misconception="rights-before-identity",
            says="asked only of somebody who is known",
        ),
    ),
    neighbour="Ask your neighbour: which piece tells you that you are looking at the wrong account?",
)


# e2: the summary's policy, as it stands


def omar_logs_in(lab: LabView) -> None:
    """Give Omar the summary's policy and let him fetch a token, as cell 06-08-run does."""
    give(lab, "ops", policy_file("summary-pull"))
    with suppress(ClientError):
        lab.client("ecr", "ops").get_authorization_token()


def where_it_stops(lab: LabView) -> str | None:
    """Return where Omar's login and pull ended: b at the login, c at the manifest, d at a layer, a nowhere."""
    places = {"GetAuthorizationToken": "b", "BatchGetImage": "c", "GetDownloadUrlForLayer": "d"}
    for row in lab.rows():
        if user_of(row) == "ops" and row["decision"] == "denied":
            return places.get(short(row["action"] or ""))
    last = last_of(lab, "ops")
    return "a" if last is not None and short(last["action"] or "") == "GetDownloadUrlForLayer" else None


e2 = Predict(
    id="06-e2",
    objective="Know that the login needs its own permission.",
    prompt=(
        "Omar gets exactly this policy. He runs the two steps of lesson 04: **log in, then pull** `my-web-app:1.0`. "
        "Where does it stop?"
    ),
    options=(
        Option(
            "a",
            "nowhere: it is a pull policy",
            "Read the three actions again. Which of them is the login?",
            "login-needs-no-right",
        ),
        Option("b", "at the login", "Yes. The login is an action like any other, and it is not in the list."),
        Option(
            "c",
            "at the manifest",
            "The manifest is `BatchGetImage`, and that is in the list. He does not get that far.",
            "login-needs-no-right",
        ),
        Option(
            "d",
            "at the layers",
            "The layers are `GetDownloadUrlForLayer`, and that is in the list. He does not get that far.",
            "login-needs-no-right",
        ),
    ),
    observe=where_it_stops,
    hints=(
        "Write down what the two steps ask for, one by one, and look for each in the policy.",
        "The first thing that happens is `aws ecr get-login-password`. Which action is that?",
        "`ecr:GetAuthorizationToken`. Do you see it?",
    ),
    solution=(
        "**At the login.** `aws ecr get-login-password` asks for `ecr:GetAuthorizationToken`, and no statement allows "
        "it. The three actions in the policy are never asked for.\n\n"
        "**Why is the login not included in a pull?** They are different questions, and the login is not about any "
        "repository. It needs its own statement, with the resource `*`."
    ),
    accepts=(
        Attempt("at the login", answer="b", do=omar_logs_in),
        Attempt("at the login, certain", answer="b", confidence=3, do=omar_logs_in),
    ),
    rejects=(
        Attempt(
            "nowhere",
            answer="a",
            confidence=3,
            do=omar_logs_in,
            misconception="login-needs-no-right",
            says="Which of them is the login?",
        ),
        Attempt(
            "at the manifest", answer="c", do=omar_logs_in, misconception="login-needs-no-right", says="BatchGetImage"
        ),
        Attempt(
            "at the layers",
            answer="d",
            do=omar_logs_in,
            misconception="login-needs-no-right",
            says="GetDownloadUrlForLayer",
        ),
    ),
    reset=lambda lab: tries.keep_only(lab, "ops"),
    neighbour="Ask your neighbour: for whom would this policy, unchanged, be enough?",
)


# e3: fix the policy


def cells(who: str, *wanted: tuple[str, str]) -> list[tuple[str, str, str]]:
    """Return questions to IAM about one person: (action, repository), "*" for the login."""
    return [(who, action, "*" if name == "*" else arn(name)) for action, name in wanted]


E3_YES = cells("ops", ("ecr:GetAuthorizationToken", "*"), *((action, APP) for action in PULL))
E3_NO = cells(
    "ops",
    *((action, APP) for action in PUSH[1:5]),
    *((action, name) for name in (BILLING, OLD) for action in PULL),
    ("ecr:BatchDeleteImage", APP),
    ("ecr:BatchDeleteImage", BILLING),
    ("ecr:SetRepositoryPolicy", APP),
    ("ecr:DeleteRepository", BILLING),
)
SUMMARY = json.loads(policy_file("summary-pull"))


def e3_probe(lab: LabView) -> dict[str, Any]:
    """Ask what Omar may do, and read what he holds and what the repository says."""
    held = held_by(lab, "ops")
    words = texts_of(held)
    return {
        "may": {
            f"{short(action)} {thing.rpartition('repository/')[2]}": yes
            for (_, action, thing), yes in may(lab, E3_YES + E3_NO).items()
        },
        "held": held,
        "login": [statement for statement in words if names_login(statement)],
        "misspelt": misspelt(lab, words),
        "repository": [one for one in statements_of([repository_policy(lab) or {}]) if names_login(one)],
    }


def names_login(statement: Mapping[str, Any]) -> bool:
    """Tell whether the statement allows the login, by its name or by a pattern such as ecr:Get*."""
    words = [word.lower() for word in statement.get("Action", []) if word not in ("*", "ecr:*")]
    meant = any(fnmatchcase("ecr:getauthorizationtoken", word) for word in words)
    return statement.get("Effect") == "Allow" and meant


def labels(questions: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return the questions as the state of `e3_probe` names them."""
    return [f"{short(action)} {thing.rpartition('repository/')[2]}" for _, action, thing in questions]


def e3_judge(state: dict[str, Any]) -> Verdict:
    """What is too wide first, then what is missing and why."""
    may_do, held = state["may"], state["held"]
    plain = {"attached": [], "ready": [], "inline": {"pull": SUMMARY}, "groups": {}}
    login, manifest, layers = (may_do[label] for label in labels(E3_YES))
    too_much = [label for label in labels(E3_NO) if may_do[label]]
    if too_much:
        first = "It opens `billing` too." if any("billing" in label for label in too_much) else ""
        managed = f" `{held['ready'][0]}` is ready-made, and its resource is `*`." if held["ready"] else ""
        return not_yet(
            f"Omar may {'pull' if manifest and layers and login else 'do more'} now. {first}{managed} He can also do "
            f"this: {', '.join(f'`{label}`' for label in too_much[:3])}. Wanted: the login, and pulling `my-web-app`.",
            "wide-is-fixed",
        )
    if login and manifest and layers:
        return passed("The login: yes. Pulling `my-web-app`: yes. Everything else that I asked for: no.")
    if not login and state["misspelt"]:
        return not_yet(
            f"I see `{state['misspelt'][0]}` in the policy. IAM accepted it without a word, and it means nothing: "
            "there is no such action. The refusal names the one that was asked for.",
            "misspelt-is-refused",
        )
    if not login and state["login"]:
        return not_yet(
            "The login is in the policy now, but it is still refused. Look at the resource of that statement: "
            f"`{', '.join(state['login'][0].get('Resource', ['nothing']))}`. The login asks about `*`, so this "
            "statement never matches.",
            "login-can-be-scoped",
        )
    if not login and state["repository"]:
        return not_yet(
            "I see the login in the repository's resource-based policy. That is read only for questions about the "
            "repository, and the login is not about any.",
            "repo-policy-gives-login",
        )
    if held == plain:
        return untouched(
            "I look at what Omar may do: the login and pulling `my-web-app`, nothing else. His policy is still the web "
            "page's."
        )
    if not login:
        seen = "Pulling is in the policy. The login is not" if manifest and layers else "The login is not in the policy"
        return not_yet(f"{seen}: Omar does not get as far as pulling.", "login-needs-no-right")
    missing = [label for label in labels(E3_YES)[1:] if not may_do[label]]
    return not_yet(
        f"The login works now. Refused: {', '.join(f'`{label}`' for label in missing)}. A pull fetches two things: the "
        "list of parts, and the parts.",
        "login-is-permission",
    )


def e3_hint(state: Mapping[str, Any]) -> str:
    """Say the wanted cells as they stand."""
    said = [f"{label}: {'yes' if state['may'][label] else 'no'}" for label in labels(E3_YES)]
    return "What Omar may do now · " + " · ".join(said) + "."


def group_operators(lab: LabView) -> None:
    """Make the group operators with both statements, and put Omar into it."""
    iam = lab.client("iam")
    remove_group(lab, "operators")
    iam.create_group(GroupName="operators")
    iam.put_group_policy(GroupName="operators", PolicyName="pull", PolicyDocument=policy_file("pull"))
    iam.add_user_to_group(GroupName="operators", UserName="ops")


def e3_reset(lab: LabView) -> None:
    """Omar has the summary's policy alone again; the repository has none."""
    remove_group(lab, "operators")
    tries.keep_only(lab, "ops")
    give(lab, "ops", policy_file("summary-pull"))
    tries.forget_repository_policy(lab.client("ecr"), APP)


PAGE = allow((*PULL, PUSH[0]), arn(APP))

e3 = LiveCheck(
    id="06-e3",
    at="summary-policy",
    objective="Fix a pull policy: one statement for the login, one for the repository.",
    prompt=(
        "**Fix Omar's policy**, in the editor below or in your own way. He needs to log in and pull `my-web-app`; the "
        "other two lines of the matrix stay ✗. Press **Save**, then **Check**."
    ),
    probe=e3_probe,
    judge=e3_judge,
    hints=(
        e3_hint,
        "Which resource does the login's refusal name? And which resource does the statement in the policy have?",
        'Two statements. One allows `ecr:GetAuthorizationToken` on `"*"`; the other one stays as it is.',
    ),
    solution=(
        "```json\n"
        + json.dumps({"Statement": [LOGIN, allow(PULL, arn(APP))]}, indent=2).replace(f":{ACCOUNT}:", ":…:")
        + "\n```\n\n"
        "**Why two statements?** A statement is one sentence: *these actions on these resources*. The login is not "
        "about any repository, so only a statement with the resource `*` matches it. That is harmless: a token "
        "without further permissions opens nothing.\n\n"
        "AWS's own `AmazonEC2ContainerRegistryPullOnly` holds the right actions too, on every repository of the "
        "account."
    ),
    accepts=(
        Attempt("two statements", do=lambda lab: give(lab, "ops", policy_file("pull"))),
        Attempt("a second policy", do=lambda lab: give(lab, "ops", policy_file("login-only"), "login")),
        Attempt(
            "a group that carries both",
            do=acting(group_operators, lambda lab: tries.keep_only_policies(lab, "ops")),
        ),
    ),
    rejects=(
        Attempt(
            "login in the same statement",
            do=lambda lab: give(lab, "ops", document(allow((*PULL, "ecr:GetAuthorizationToken"), arn(APP)))),
            misconception="login-can-be-scoped",
            says="this statement never matches",
        ),
        Attempt(
            "login on all repositories",
            do=lambda lab: give(lab, "ops", document(PAGE, allow("ecr:GetAuthorizationToken", arn("*")))),
            misconception="login-can-be-scoped",
            says="repository/*",
        ),
        Attempt(
            "the login by a star, on the repository",
            do=lambda lab: give(lab, "ops", document(allow(("ecr:Get*", "ecr:BatchGetImage"), arn(APP)))),
            misconception="login-can-be-scoped",
            says="this statement never matches",
        ),
        Attempt(
            "only the two pull actions",
            do=lambda lab: give(lab, "ops", document(allow(PULL, arn(APP)))),
            misconception="login-needs-no-right",
            says="Pulling is in the policy. The login is not",
        ),
        Attempt(
            "only the list",
            do=lambda lab: give(lab, "ops", document(allow("ecr:ListImages", arn(APP)))),
            misconception="login-needs-no-right",
            says="The login is not in the policy",
        ),
        Attempt(
            "all actions in one statement",
            do=lambda lab: give(lab, "ops", document(allow((*PULL, PUSH[0], "ecr:GetAuthorizationToken"), "*"))),
            misconception="wide-is-fixed",
            says="It opens `billing` too",
        ),
        Attempt(
            "a star at the end of the name",
            do=lambda lab: give(lab, "ops", document(LOGIN, allow(PULL, arn(APP + "*")))),
            misconception="wide-is-fixed",
            says="BatchGetImage my-web-app-old",
        ),
        Attempt(
            "everything on everything",
            do=lambda lab: give(lab, "ops", document(allow("ecr:*", "*"))),
            misconception="wide-is-fixed",
            says="He can also do",
        ),
        Attempt(
            "AWS's own pull policy",
            do=lambda lab: lab.client("iam").attach_user_policy(
                UserName="ops", PolicyArn=MANAGED + "AmazonEC2ContainerRegistryPullOnly"
            ),
            misconception="wide-is-fixed",
            says="is ready-made, and its resource is `*`",
        ),
        Attempt(
            "misspelt",
            do=lambda lab: give(lab, "ops", document(PAGE, allow("ecr:GetAuthToken", "*"))),
            misconception="misspelt-is-refused",
            says="IAM accepted it without a word",
        ),
        Attempt(
            "in the repository's policy",
            do=lambda lab: share(lab, policy_file("login-here")),
            misconception="repo-policy-gives-login",
            says="the login is not about any",
        ),
        Attempt(
            "only the login",
            do=lambda lab: give(lab, "ops", policy_file("login-only")),
            misconception="login-is-permission",
            says="the list of parts, and the parts",
        ),
    ),
    reset=e3_reset,
    neighbour="Ask your neighbour: why is it no danger that Omar's login statement has the resource `*`?",
)


# e4: which request asks for which right


E4_RIGHT = {
    "login": "GetAuthorizationToken",
    "head": "BatchCheckLayerAvailability",
    "post": "InitiateLayerUpload",
    "patch": "UploadLayerPart",
    "put": "CompleteLayerUpload",
    "manifest": "PutImage",
}
ALL_PUT_IMAGE = (
    "that is only the last request. The pieces are sent before it, and each request needs its own permission."
)


def put_image_miss(last: str) -> tuple[Miss, ...]:
    """Return what is said when a request is taken for PutImage."""
    return (Miss("PutImage", f"{ALL_PUT_IMAGE} {last}", "putimage-is-push"),)


e4 = Match(
    id="06-e4",
    objective="Know which action each request of a push asks for.",
    prompt=(
        "The login and the requests of the push above, in short. Which action did IAM check for each? Two actions are "
        "left over. The X-ray has all but the login; try from memory first."
    ),
    items=(
        Item(
            "login",
            "aws ecr get-login-password",
            "this request fetches docker's token. It is not about any repository.",
            "login-needs-no-right",
        ),
        Item(
            "head",
            "HEAD …/blobs/sha256:… (is this layer there?)",
            "docker asks whether it may skip a layer. It reads nothing and stores nothing.",
            "check-is-pull",
            misses=put_image_miss("This one only asks."),
        ),
        Item(
            "post",
            "POST …/blobs/uploads/ (I begin)",
            "nothing is sent yet: this request opens an upload.",
            "putimage-is-push",
            misses=put_image_miss("This one opens an upload."),
        ),
        Item(
            "patch",
            "PATCH …/uploads/… (here are bytes)",
            "this one carries the bytes of a layer.",
            "putimage-is-push",
            misses=put_image_miss("This one carries a layer's bytes."),
        ),
        Item(
            "put",
            "PUT …/uploads/…?digest=sha256:… (done)",
            "this one closes an upload and names the digest that the bytes must have.",
            "putimage-is-push",
            misses=put_image_miss("This one closes the upload of a layer."),
        ),
        Item(
            "manifest",
            "PUT …/manifests/2.0 (the list of parts)",
            "this one stores the manifest and gives it its tag.",
            "half-push-visible",
        ),
    ),
    bins=(
        *(Bin(short(action), action) for action in ("ecr:GetAuthorizationToken", *PUSH)),
        Bin("GetCallerIdentity", "sts:GetCallerIdentity"),
    ),
    correct=E4_RIGHT,
    hints=(
        lambda state: (
            f"{len(E4_RIGHT) - len(state['wrong'])} of the {len(E4_RIGHT)} are right so far."
            if len(state["placed"]) == len(E4_RIGHT)
            else f"{len(state['placed'])} of {len(E4_RIGHT)} requests have a place. Begin with the first and the last."
        ),
        "Four of the actions contain a verb: *check, initiate, upload, complete*. Four requests say in brackets what "
        "they do.",
        (
            "*is it there?* BatchCheck… · *I begin* Initiate… · *bytes* …Part · *done* Complete… · *list of "
            "parts* PutImage"
        ),
    ),
    solution=(
        "`get-login-password`: **GetAuthorizationToken** · `HEAD blobs`: **BatchCheckLayerAvailability** · `POST "
        "uploads`: **InitiateLayerUpload** · `PATCH`: **UploadLayerPart** · `PUT …?digest`: **CompleteLayerUpload** · "
        "`PUT manifests`: **PutImage**.\n\n"
        "**Why know them?** A push that lacks one of them stops in the middle, and the refusal names only the next "
        "one. Whoever grants them one by one meets refusal after refusal. So grant the set. `BatchGetImage` is in "
        "it because newer clients read the manifest before they write it."
    ),
    accepts=(
        Attempt("all six", answer=E4_RIGHT),
        Attempt("all six, in another order", answer=dict(reversed(list(E4_RIGHT.items())))),
    ),
    rejects=(
        Attempt(
            "everything is PutImage",
            answer={
                **dict.fromkeys(E4_RIGHT, "PutImage"),
                "login": "GetAuthorizationToken",
                "head": "BatchCheckLayerAvailability",
            },
            misconception="putimage-is-push",
            says="each request needs its own permission",
        ),
        Attempt(
            "the check reads",
            answer={**E4_RIGHT, "head": "BatchGetImage"},
            misconception="check-is-pull",
            says="whether it may skip a layer",
        ),
        Attempt(
            "the login is only who I am",
            answer={**E4_RIGHT, "login": "GetCallerIdentity"},
            misconception="login-needs-no-right",
            says="fetches docker's token",
        ),
        Attempt(
            "the manifest completes a layer",
            answer={**E4_RIGHT, "manifest": "CompleteLayerUpload", "put": "PutImage"},
            misconception="putimage-is-push",
            says="closes the upload of a layer",
        ),
    ),
    neighbour="Ask your neighbour: which of these six could be missing if every layer of the image is already there?",
)


# e5: a policy from a goal


E5_YES = cells(
    "developer",
    ("ecr:GetAuthorizationToken", "*"),
    *((action, name) for name in (PLAYGROUND, "dev/maps") for action in (*PUSH[:5], *PULL)),
    *((action, APP) for action in PULL),
)
OTHERS = (BILLING, OLD, "developer-tools", "devops/keys", "web/booking")
E5_NO = cells(
    "developer",
    *((action, name) for name in OTHERS for action in (*PULL, *PUSH[1:5], "ecr:ListImages", "ecr:DescribeImages")),
    *((action, APP) for action in PUSH[1:5]),
)
READING = ("Get", "List", "Describe", "BatchGet", "BatchCheck")


def e5_policy() -> str:
    """Return the policy that Dara needs."""
    return document(LOGIN, allow((*PUSH, PULL[1]), arn("dev/*")), allow(PULL, arn(APP)))


def e5_probe(lab: LabView) -> dict[str, Any]:
    """Ask what Dara may do in dev/, on my-web-app and elsewhere, also every writing action that nobody asked for."""
    writing = [
        action
        for action, kind in lab.control.actions().items()
        if action.startswith("ecr:")
        and kind == "repository"
        and action not in PUSH
        and not short(action).startswith(READING)
    ]
    more = cells("developer", *((action, name) for action in writing for name in (PLAYGROUND, APP, BILLING)))
    found = may(lab, [*E5_YES, *E5_NO, *more])
    held = held_by(lab, "developer")
    words = texts_of(held)
    label = {question: name for question in found for name in labels([question])}
    return {
        "yes": {label[question]: found[question] for question in E5_YES},
        "no": {label[question]: found[question] for question in E5_NO},
        "more": {label[question]: found[question] for question in more},
        "held": held,
        "login": [statement for statement in words if names_login(statement)],
        "misspelt": misspelt(lab, words),
        "not_action": any("NotAction" in statement and statement.get("Effect") == "Allow" for statement in words),
    }


def e5_judge(state: dict[str, Any]) -> Verdict:
    """What is too wide first: the reason for a small policy is what it leaves out."""
    yes, held = state["yes"], state["held"]
    wide = [label for label, allowed in state["no"].items() if allowed]
    more = [label for label, allowed in state["more"].items() if allowed]
    near = [label for label in wide if "developer-tools" in label or "devops" in label]
    if not (held["attached"] or held["inline"] or held["groups"]):
        return untouched("I look at what Dara may do. She has no policy yet.")
    if state["not_action"]:
        return not_yet(
            "`NotAction` with Allow means: everything but this. So everything else is allowed, even "
            f"`{(more or wide or ['SetRepositoryPolicy'])[0]}`.",
            "wide-is-fixed",
        )
    if near and len(near) == len(wide):
        return not_yet(
            f"Dara may also do this: `{near[0]}`. A star stands for any characters, even in the middle of a name: "
            "`dev*` matches `developer-tools` and `devops/keys` too. The slash is what makes it work like a folder.",
            "prefix-without-slash",
        )
    if wide or more:
        whose = f" `{held['ready'][0]}` has the resource `*`." if held["ready"] else ""
        listed = ", ".join(f"`{label}`" for label in (*wide, *more)[:3])
        return not_yet(
            f"Dara may do more than she asked for: {listed}.{whose} Read your statements as sentences: *these actions "
            "on these things*.",
            "wide-is-fixed",
        )
    if all(yes.values()):
        number = len(state["no"]) + len(state["more"])
        return passed(f"Everything Dara needs is allowed, and none of the {number} other things I asked IAM about.")
    if not yes["GetAuthorizationToken *"]:
        if state["misspelt"]:
            return not_yet(f"`{state['misspelt'][0]}` means nothing, and IAM did not say so.", "misspelt-is-refused")
        if state["login"]:
            return not_yet(
                "The login is in your policy, but it is still refused: its statement has the resource "
                f"`{', '.join(state['login'][0].get('Resource', ['nothing']))}`. The login is not about any "
                f"repository.",
                "login-can-be-scoped",
            )
        return not_yet("Dara cannot log in. Everything else comes after that.", "login-needs-no-right")
    missing = [label for label, allowed in yes.items() if not allowed]
    still = f"{', '.join(f'`{label}`' for label in missing[:3])}{' and more' if len(missing) > 3 else ''}"
    if state["misspelt"]:
        return not_yet(
            f"`{state['misspelt'][0]}` means nothing, and IAM did not say so. Still missing: {still}.",
            "misspelt-is-refused",
        )
    in_dev = f" {PLAYGROUND}"
    if yes[f"PutImage{in_dev}"] and not yes[f"InitiateLayerUpload{in_dev}"]:
        return not_yet(
            f"`PutImage` is there, but a push does not get that far. Refused first: `{missing[0]}`.",
            "putimage-is-push",
        )
    return not_yet(f"Nothing is too wide. Still missing: {still}.", "left-out")


def e5_hint(state: Mapping[str, Any]) -> str:
    """Say how much of what Dara needs is there, and how much more than that."""
    yes = state["yes"]
    much = sum(state["no"].values()) + sum(state["more"].values())
    return f"{sum(yes.values())} of the {len(yes)} things Dara needs are allowed, and {much} that nobody asked for."


def dara(*statements: Mapping[str, Any]) -> Callable[[LabView], object]:
    """Return what gives Dara a policy with these statements."""
    return lambda lab: give(lab, "developer", document(*statements), "dara")


def e5_two(lab: LabView) -> None:
    """The login in a policy of a group, the rest in Dara's own."""
    iam = lab.client("iam")
    remove_group(lab, "operators")
    iam.create_group(GroupName="operators")
    iam.put_group_policy(GroupName="operators", PolicyName="login", PolicyDocument=document(LOGIN))
    iam.add_user_to_group(GroupName="operators", UserName="developer")
    dara(allow((*PUSH, PULL[1]), arn("dev/*")), allow(PULL, arn(APP)))(lab)


def e5_reset(lab: LabView) -> None:
    """Dara has no policy again."""
    remove_group(lab, "operators")
    tries.keep_only(lab, "developer")


IN_DEV = allow((*PUSH, PULL[1]), arn("dev/*"))

e5 = LiveCheck(
    id="06-e5",
    objective="Write a policy from a goal: what is needed, and nothing wider.",
    prompt=(
        "**Write Dara's policy.** She logs in. She pushes and pulls everything under `dev/`, including repositories "
        "that others will create there next week. She pulls `my-web-app`. She deletes nothing, changes no settings, "
        "and sees nothing else. Whether she may list what she may pull is up to you."
    ),
    probe=e5_probe,
    judge=e5_judge,
    hints=(
        e5_hint,
        "Three sentences: one about the login, one about `dev/`, one about `my-web-app`. Which actions and which "
        "resource does each have?",
        'Login on `"*"` · the push set and `ecr:GetDownloadUrlForLayer` on `…:repository/dev/*` · the two pull '
        "actions on `…:repository/my-web-app`.",
    ),
    solution=(
        "```json\n"
        + json.dumps(json.loads(e5_policy())["Statement"], indent=2).replace(f":{ACCOUNT}:", ":…:")
        + "\n```\n\n"
        "**Why no Deny?** Nothing is allowed until something allows it, so what is not in the policy is refused. "
        "**Why the slash?** `dev/*` matches `dev/maps`; `dev*` matches `developer-tools` too."
    ),
    accepts=(
        Attempt("three statements", do=lambda lab: give(lab, "developer", e5_policy(), "dara")),
        Attempt("the login from a group", do=e5_two),
        Attempt(
            "with lists and descriptions",
            do=dara(LOGIN, IN_DEV, allow((*PULL, "ecr:DescribeImages"), arn(APP)), allow("ecr:List*", arn("dev/*"))),
        ),
    ),
    rejects=(
        Attempt(
            "AWS's own PowerUser",
            do=lambda lab: lab.client("iam").attach_user_policy(
                UserName="developer", PolicyArn=MANAGED + "AmazonEC2ContainerRegistryPowerUser"
            ),
            misconception="wide-is-fixed",
            says="PowerUser` has the resource `*`",
        ),
        Attempt(
            "no slash",
            do=dara(LOGIN, allow((*PUSH, PULL[1]), arn("dev*")), allow(PULL, arn(APP))),
            misconception="prefix-without-slash",
            says="The slash is what makes it work like a folder",
        ),
        Attempt(
            "everything but deleting",
            do=dara(
                LOGIN,
                {"Effect": "Allow", "NotAction": "ecr:BatchDeleteImage", "Resource": arn("dev/*")},
                allow(PULL, arn(APP)),
            ),
            misconception="wide-is-fixed",
            says="everything but this",
        ),
        Attempt(
            "the login on repositories",
            do=dara({**LOGIN, "Resource": arn("*")}, IN_DEV, allow(PULL, arn(APP))),
            misconception="login-can-be-scoped",
            says="The login is not about any repository",
        ),
        Attempt(
            "the login by a star, on repositories",
            do=dara(allow((*PULL, "ecr:Get*"), arn(APP)), IN_DEV),
            misconception="login-can-be-scoped",
            says="The login is not about any repository",
        ),
        Attempt(
            "she makes the repositories herself",
            do=dara(LOGIN, IN_DEV, allow("ecr:CreateRepository", arn("dev/*")), allow(PULL, arn(APP))),
            misconception="wide-is-fixed",
            says="CreateRepository dev/playground",
        ),
        Attempt(
            "one name misspelt",
            do=dara(
                LOGIN,
                allow(("ecr:BatchCheckLayerAvailibility", *PUSH[1:], PULL[1]), arn("dev/*")),
                allow(PULL, arn(APP)),
            ),
            misconception="misspelt-is-refused",
            says="Still missing: `BatchCheckLayerAvailability dev/playground`",
        ),
        Attempt(
            "one action pushes",
            do=dara(LOGIN, allow(("ecr:PutImage", *PULL), arn("dev/*")), allow(PULL, arn(APP))),
            misconception="putimage-is-push",
            says="does not get that far",
        ),
        Attempt(
            "everything of ECR in dev/",
            do=dara(LOGIN, allow("ecr:*", arn("dev/*")), allow(PULL, arn(APP))),
            misconception="wide-is-fixed",
            says="more than she asked for",
        ),
        Attempt("my-web-app forgotten", do=dara(LOGIN, IN_DEV), misconception="left-out", says="Still missing"),
    ),
    reset=e5_reset,
    neighbour=(
        "Ask your neighbour: next week there will be `dev/secret`. Who gets in under your policy, and who decided that?"
    ),
)


# e6: another account


E6_YES = tuple((action, APP) for action in PULL)
E6_NO = (
    *((action, APP) for action in PUSH[1:5]),
    *((action, name) for name in (BILLING, PLAYGROUND) for action in PULL),
    ("ecr:ListImages", BILLING),
    ("ecr:BatchDeleteImage", APP),
)


def e6_probe(lab: LabView) -> dict[str, Any]:
    """Ask what the partner and a stranger may do, directly and through roles of ours that the partner may assume."""
    iam = lab.client("iam")
    names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    ways = {}
    for way in ("partner", *(f"role/{name}" for name in names)):
        if way != "partner":
            assume = [("partner", "sts:AssumeRole", role_arn(way[5:]))]
            if not all(may(lab, assume).values()):
                continue
        asked = cells(way, ("ecr:GetAuthorizationToken", "*"), *E6_YES, *E6_NO)
        found = lab.control.decide_all(asked)
        ways[way] = {
            label: {"allowed": bool(answer["allowed"]), "kind": answer["policy_type"]}
            for label, answer in zip(labels(asked), found, strict=True)
        }
    ours = repository_policy(lab)
    stranger = may(lab, cells(f"{STRANGER}:root", *E6_YES))
    partner_iam = lab.client("iam", "partner")
    own = sorted(partner_iam.list_user_policies(UserName="partner")["PolicyNames"])
    return {
        "ways": ways,
        "stranger": any(stranger.values()),
        "ours": ours,
        "own": own,
        "login_in_ours": any(names_login(one) for one in statements_of([ours or {}])),
        "roles": names,
    }


def e6_judge(state: dict[str, Any]) -> Verdict:
    """Who gets in that should not, then whether the partner gets in, then which side is silent."""
    directly = state["ways"]["partner"]
    if state["stranger"]:
        return not_yet(
            f'A third company\'s account, {STRANGER}, may pull `my-web-app` now. `"*"` as principal means every '
            "account of AWS whose own administrators allow it. Name the one you mean.",
            "wide-is-fixed",
        )
    for way, found in state["ways"].items():
        wide = [label for label in labels(cells(way, *E6_NO)) if found[label]["allowed"]]
        if wide:
            return not_yet(
                f"The map company may also do this: {', '.join(f'`{label}`' for label in wide[:3])}. Wanted: pulling "
                "`my-web-app`, nothing else.",
                "wide-is-fixed",
            )
        if all(found[label]["allowed"] for label in labels(cells(way, *E6_YES))):
            if found["GetAuthorizationToken *"]["allowed"]:
                by = "its own policy and our repository policy" if way == "partner" else f"our {way}"
                return passed(f"The map company pulls `my-web-app` by {by}. No push, nothing else, no third company.")
            return not_yet(
                "Both sides allow the pull now. The login is missing: only the user's own policy, at home, can grant "
                "it.",
                "repo-policy-gives-login" if state["login_in_ours"] else "login-needs-no-right",
            )
    missing = [label for label in labels(cells("partner", *E6_YES)) if not directly[label]["allowed"]]
    kinds = {directly[label]["kind"] for label in missing}
    nothing_ours = state["ours"] is None
    nothing_theirs = set(state["own"]) <= {"runs-its-own-house", "playground"}
    if nothing_ours and nothing_theirs and not set(state["roles"]) - {"deployer"}:
        return untouched(
            "I look at what `partner` may do here, and at a stranger for comparison. Neither side has said anything "
            "yet."
        )
    if len(missing) == 1:
        return not_yet(f"One of the two pull actions is refused: `{missing[0]}`. Does each side name both?", "left-out")
    if state["login_in_ours"]:
        return not_yet(
            "I see the login in our repository policy. It is read only for questions about the repository, and the "
            "login is not about any. The partner needs it at home, next to the permission to pull.",
            "repo-policy-gives-login",
        )
    if kinds == {"identity-based"}:
        return not_yet(
            "Our side says yes. Still refused: *no identity-based policy allows*. That is the map company's own "
            "half: its user is not allowed to ask.",
            "one-side-is-enough",
        )
    whom = "" if nothing_ours else " It has one: whom does it name, and for what?"
    return not_yet(
        "The map company's own policy may say yes by now. Still refused: *no resource-based policy allows*. That is "
        f"our half: the policy of `my-web-app`.{whom}",
        "one-side-is-enough",
    )


def e6_hint(state: Mapping[str, Any]) -> str:
    """Say how the partner's pull stands, and who else is let in."""
    found = state["ways"]["partner"]
    said = [f"{label}: {'yes' if each['allowed'] else 'no'}" for label, each in list(found.items())[:3]]
    return "`partner` · " + " · ".join(said) + f" · a stranger: {'yes' if state['stranger'] else 'no'}."


def e6_both(lab: LabView, principal: object = None, actions: Iterable[str] = PULL) -> None:
    """Both sides say yes to pulling my-web-app."""
    share(lab, document(let(principal or {"AWS": user_arn("partner", PARTNER)}, actions)))
    partner_may(lab, document(LOGIN, allow(list(actions), arn(APP))))


def e6_role(lab: LabView, name: str = "releaser") -> None:
    """A role of ours that the partner may assume, with the right to pull."""
    trust = document({**let({"AWS": user_arn("partner", PARTNER)}, "sts:AssumeRole")})
    make_role(lab, name, trust, policy_file("pull"))
    partner_may(lab, document(allow("sts:AssumeRole", role_arn(name))))


def e6_reset(lab: LabView) -> None:
    """Neither side says anything about my-web-app."""
    tries.forget_repository_policy(lab.client("ecr"), APP)
    remove_roles_for_partner(lab)
    bare_partner(lab)


e6 = LiveCheck(
    id="06-e6",
    at="partner",
    objective="Let another account pull one image, and nothing else.",
    prompt=(
        "**The map company pulls `my-web-app`.** Its user `partner` logs in and pulls it, pushes nothing, and sees "
        "nothing else. No third company gets in. The map company does its own half: `--profile partner` may attach "
        "policies to its own user."
    ),
    probe=e6_probe,
    judge=e6_judge,
    hints=(
        e6_hint,
        "Two halves. Ours is a policy on the repository, with a principal. Theirs is a policy on their user, with a "
        "resource: *our* repository's ARN. Which half holds the login?",
        "`aws ecr set-repository-policy` as admin, principal `arn:aws:iam::444455556666:user/partner`; `aws iam "
        'put-user-policy --user-name partner` as partner, with the login on `"*"` and the two actions on our ARN.',
    ),
    solution=(
        "Ours, on `my-web-app`:\n\n```json\n"
        + json.dumps(let({"AWS": user_arn("partner", PARTNER)}, PULL), indent=2)
        + '\n```\n\nTheirs, on `user/partner`: the login on `"*"`, and the two actions on our ARN.\n\n'
        "**Why both?** Each account answers for its own half: we say who may have the image, they say what their "
        "people may ask for. The alternative is a role of ours that `partner` may assume; then it asks as one of us."
    ),
    accepts=(
        Attempt("user named, both sides", do=e6_both),
        Attempt("account named, both sides", do=lambda lab: e6_both(lab, {"AWS": PARTNER})),
        Attempt("a role of ours", do=e6_role),
        Attempt("a role of ours, by another name", do=lambda lab: e6_role(lab, "for-the-map-company")),
    ),
    rejects=(
        Attempt(
            "only our side",
            do=lambda lab: share(lab, policy_file("let-partner-in")),
            misconception="one-side-is-enough",
            says="the map company's own half",
        ),
        Attempt(
            "only their side",
            do=lambda lab: partner_may(lab, document(LOGIN, allow(PULL, arn(APP)))),
            misconception="one-side-is-enough",
            says="That is our half",
        ),
        Attempt(
            "Aiko's policy, as it lies there",
            do=lambda lab: share(lab, policy_file("let-aiko-in")),
            misconception="one-side-is-enough",
            says="whom does it name",
        ),
        Attempt(
            "a star as principal",
            do=lambda lab: e6_both(lab, "*"),
            misconception="wide-is-fixed",
            says="A third company's account",
        ),
        Attempt(
            "with the push",
            do=lambda lab: e6_both(lab, actions=(*PULL, *PUSH[:5])),
            misconception="wide-is-fixed",
            says="InitiateLayerUpload my-web-app",
        ),
        Attempt(
            "both sides pull, no login",
            do=acting(
                lambda lab: share(lab, policy_file("let-partner-in")),
                lambda lab: partner_may(lab, document(allow(PULL, arn(APP)))),
            ),
            misconception="login-needs-no-right",
            says="The login is missing",
        ),
        Attempt(
            "the login in our policy",
            do=lambda lab: share(lab, document(let({"AWS": PARTNER}, (*PULL, "ecr:GetAuth*")))),
            misconception="repo-policy-gives-login",
            says="The partner needs it at home",
        ),
        Attempt(
            "everything of theirs, on everything",
            do=acting(
                lambda lab: partner_may(lab, document(allow("ecr:*", "*"))),
                lambda lab: share(lab, document(let({"AWS": PARTNER}, "ecr:*"))),
            ),
            misconception="wide-is-fixed",
            says="Wanted: pulling",
        ),
    ),
    reset=e6_reset,
    neighbour="Ask your neighbour: the map company leaves. Which of the two halves can we remove ourselves?",
)


# e7: become a role


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


def push_with(lab: LabView, keys: Mapping[str, str], tag: str) -> None:
    """Push a small image to my-web-app with a role session's keys; raises ClientError or Refused."""
    token = client_with(lab, "ecr", keys).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    push_image(
        lab.control.home.port, f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{APP}", tag, image(tag.encode()), token
    )


def e7_run(lab: LabView, order: tuple[str, ...]) -> Result:
    """Carry the steps out, without the role at first; the robot itself may log in and nothing else."""
    iam = lab.client("iam")
    remove_role(lab, "night-shift")
    tries.keep_only_policies(lab, "ci")
    give(lab, "ci", policy_file("login-only"), "login")
    keys: dict[str, str] = {}

    def assume() -> None:
        answer = lab.client("sts", "ci").assume_role(RoleArn=role_arn("night-shift"), RoleSessionName="night-7")
        keys.update({key: str(value) for key, value in answer["Credentials"].items()})

    def pushes() -> None:
        if keys:
            push_with(lab, keys, "night")
        else:
            lab.push(APP, "night", b"night", profile="ci")

    steps: dict[str, Callable[[], object]] = {
        "role": lambda: iam.create_role(RoleName="night-shift", AssumeRolePolicyDocument=policy_file("trust-ci")),
        "rights": lambda: iam.put_role_policy(
            RoleName="night-shift", PolicyName="push", PolicyDocument=policy_file("push")
        ),
        "assume": assume,
        "push": pushes,
        "member": lambda: iam.add_user_to_group(GroupName="night-shift", UserName="ci"),
        "robot": lambda: give(lab, "ci", policy_file("push"), "push"),
    }
    lines, stopped, said = [], "", ""
    for number, name in enumerate(order, 1):
        try:
            steps[name]()
        except (ClientError, Refused) as error:
            detail = error.response["Error"] if isinstance(error, ClientError) else {"Message": error.message}
            stopped, said = name, str(detail["Message"])
            lines.append(f"{number} {name}: {said}")
            break
        lines.append(f"{number} {name}: ok")
    data = {"stopped": stopped, "said": said, "assumed": bool(keys)}
    return Result(" → ".join(order), 1 if stopped else 0, "\n".join(lines) + "\n", data)


def e7_judge(lab: LabView, order: tuple[str, ...], result: Result) -> Verdict:
    """Accept every order in which the role pushed and the robot itself got no right."""
    stopped, said = result.data["stopped"], result.data["said"]
    done = order[: order.index(stopped)] if stopped else order
    seen = f"It ran as far as *{stopped}*, which said:\n\n`{said}`\n\n" if stopped else ""
    if "member" in order and stopped == "member":
        return not_yet(
            seen + "A role has no members. You do not put anybody into it; somebody *assumes* it.", "role-is-group"
        )
    if stopped == "assume" and "role" not in done:
        return not_yet(seen + "Nobody can assume a role that nobody has created.", "role-is-group")
    if stopped == "rights":
        return not_yet(seen + "A policy is attached to something. What is missing?", "left-out")
    if stopped == "push" and result.data["assumed"]:
        robot = " The push policy is on `ci`, and `ci` is not who asks now: read the name." if "robot" in done else ""
        return not_yet(seen + f"The robot assumes the role, but the role may do nothing yet.{robot}", "role-is-group")
    if stopped == "push":
        return not_yet(
            seen
            + "Read the name in it: the robot asked as itself. Having a role at hand is not the same as assuming it.",
            "role-is-group",
        )
    if stopped:
        return not_yet(seen + "What does this step need that is not there yet?", "left-out")
    if "robot" in order:
        return not_yet(
            "It pushed. But `ci` now has a push policy of its own, for good, next to the role. The role was supposed "
            "to be the only way.",
            "keys-in-ci",
        )
    missing = [key for key in ("role", "rights", "assume", "push") if key not in order]
    if missing:
        return not_yet(f"Nothing stopped, but not everything is done. Missing: {', '.join(missing)}.", "left-out")
    early = order.index("assume") < order.index("rights")
    remark = " The permissions came after the keys, and it worked: they are read at each request." if early else ""
    return passed(f"`my-web-app:night` is there, pushed by `assumed-role/night-shift/night-7`.{remark}")


def e7_hint(state: Mapping[str, Any]) -> str:
    """Say how far the last order came."""
    result = state["result"]
    if result is None:
        return "Two of the six steps do not belong. Begin with the one that needs nothing."
    if result.data["stopped"]:
        return f"It stopped at *{result.data['stopped']}*. Read the sentence: who asked, and for what?"
    return "Nothing stopped. Was every step needed, and was one missing?"


def e7_reset(lab: LabView) -> None:
    """The role is gone; the robot has its push policy again."""
    remove_role(lab, "night-shift")
    tries.keep_only_policies(lab, "ci")
    give(lab, "ci", policy_file("push"), "push")


e7 = Order(
    id="06-e7",
    at="half-time",
    objective="Know what a role is made of, and that somebody has to assume it.",
    prompt=(
        "At night the robot is to push with the role `night-shift`, and have no push permission of its own. Four of "
        "the six steps are needed. The lab really runs them; any order that works is right."
    ),
    steps=(
        Step("push", "push my-web-app:night", "With the keys in hand. IAM is asked about the session's name."),
        Step("member", "put ci into night-shift, as into a group", "There is no such thing: a role has no members."),
        Step("rights", "give the role the push policy", "What it may do: read at each request, not at AssumeRole."),
        Step(
            "robot",
            "give ci the push policy",
            "It works, and stays for good. The role was meant to make it unnecessary.",
        ),
        Step("assume", "ci assumes the role (AssumeRole)", "Three keys come back that expire on their own."),
        Step("role", "create the role; its trust policy names ci", "Who may assume it."),
    ),
    run=e7_run,
    judge=e7_judge,
    hints=(
        e7_hint,
        "A role has two documents: who may assume it, and what it may do. Assuming it is a step of its own.",
        "`role`, `rights`, `assume`, `push`. One of the first two may also come later: which?",
    ),
    solution=(
        "**role, rights, assume, push**, or **role, assume, rights, push**.\n\n"
        "**Why both?** Here the *trust policy* alone decides who assumes it, because it names `ci`, in the same "
        "account. When it names only the account, or the caller lives in another account, the caller's own policy must "
        "allow `sts:AssumeRole` too. What the role may do is looked up when it does something.\n\n"
        "And nobody is a member of a role: you assume it for a while, and act under its name, with keys that expire."
    ),
    accepts=(
        Attempt("rights first", answer=["role", "rights", "assume", "push"]),
        Attempt("rights late", answer=["role", "assume", "rights", "push"]),
    ),
    rejects=(
        Attempt(
            "as a member",
            answer=["role", "rights", "member", "push"],
            misconception="role-is-group",
            says="A role has no members",
        ),
        Attempt(
            "never assumed",
            answer=["role", "rights", "push"],
            misconception="role-is-group",
            says="is not the same as assuming it",
        ),
        Attempt(
            "the permission on the robot",
            answer=["role", "robot", "assume", "push"],
            misconception="role-is-group",
            says="is not who asks now",
        ),
        Attempt("no role at all", answer=["robot", "push"], misconception="keys-in-ci", says="for good"),
        Attempt(
            "assumed before made",
            answer=["assume", "role", "rights", "push"],
            misconception="role-is-group",
            says="that nobody has created",
        ),
        Attempt("never pushed", answer=["role", "rights", "assume"], misconception="left-out", says="Missing: push"),
    ),
    reset=e7_reset,
    neighbour="Ask your neighbour: whose name is in the X-ray when the role pushes?",
)


# e8: fix a trust policy


TRUST = (HERE / "releaser-trust.json").read_text(encoding="utf-8")


def e8_run(lab: LabView, text: str) -> Result:
    """Make the role releaser with this trust policy, and let three people and a stranger try to assume it."""
    remove_role(lab, "releaser")
    command = "aws iam create-role --role-name releaser --assume-role-policy-document file://releaser-trust.json"
    try:
        make_role(lab, "releaser", text, policy_file("push"))
    except ClientError as error:
        detail = error.response["Error"]
        return Result(command, 254, f"{detail['Code']}: {detail['Message']}\n", {"code": detail["Code"]})
    assumed, lines = [], []
    for who in ("ci", "ops", "developer"):
        try:
            lab.client("sts", who).assume_role(RoleArn=role_arn("releaser"), RoleSessionName="release-2")
        except ClientError as error:
            lines.append(f"{who}: {error.response['Error']['Message']}")
            continue
        assumed.append(who)
        lines.append(f"{who}: assumes releaser")
    if may(lab, [(f"{STRANGER}:root", "sts:AssumeRole", role_arn("releaser"))])[
        f"{STRANGER}:root", "sts:AssumeRole", role_arn("releaser")
    ]:
        assumed.append("stranger")
        lines.append(f"account {STRANGER}: may assume releaser")
    return Result(command, 0, "\n".join(lines) + "\n", {"assumed": assumed})


def e8_judge(lab: LabView, text: str, result: Result) -> Verdict:
    """What IAM said of the document first, then who could assume the role."""
    if result.code:
        said = result.output.strip()
        if "Resource" in said:
            return not_yet(
                f"`{said}`. A trust policy is attached *to* the role, so the role is the only thing it can be about.",
                "words-not-reasons",
            )
        if "group/" in said:
            return not_yet(f"`{said}`. A group never asks for anything. Only its members do.", "group-is-principal")
        fault = problem(text, "trust")
        place = f" Look at line {fault.line}, at `{fault.word}`: {fault.hint}." if fault and fault.hint else ""
        return not_yet(f"IAM refused it: `{said}`.{place}", "words-not-reasons")
    assumed = result.data["assumed"]
    others = [who for who in assumed if who != "ci"]
    if "ci" not in assumed:
        named = ":root" in text or f'"{ACCOUNT}"' in text
        return not_yet(
            "`ci` cannot assume it. "
            + (
                "The account is named, so it may pass the permission on. It has not: the robot's own policy says "
                "nothing about the role."
                if named
                else "Read its refusal above: which kind of policy does it name?"
            ),
            "root-means-everybody" if named else "left-out",
        )
    if others:
        people_of = {"ops": "Omar", "developer": "Dara", "stranger": "a stranger's account"}
        return not_yet(
            f"`ci` assumes it. So {'do' if len(others) > 1 else 'does'} {', '.join(people_of[who] for who in others)}. "
            "A star as principal means everybody with an AWS account.",
            "wide-is-fixed",
        )
    return passed("`ci` assumes `releaser`, and nobody else of those who tried.")


def trust(principal: object, **more: Any) -> str:
    """Return a trust policy that lets this principal assume the role."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{**let(principal, "sts:AssumeRole"), **more}]}, indent=2)


def e8_hint(state: Mapping[str, Any]) -> str:
    """Say what came of the last text."""
    result = state["result"]
    if result is None:
        return "Run it as it is. IAM names one element: the first fault. There is a second one after it."
    if result.code:
        return f"IAM said: {result.output.strip()}"
    return f"Who could assume it: {', '.join(result.data['assumed']) or 'nobody'}."


e8 = FixFile(
    id="06-e8",
    at="half-time",
    objective="Fix a trust policy: the right principal, and no resource.",
    prompt=(
        "Somebody left the trust policy of the role `releaser` half done. Fix it so that **`ci`, and only `ci`**, can "
        "assume the role. The lab really uses it: it creates the role with your text, and `ci`, Omar and Dara try."
    ),
    file="releaser-trust.json",
    start=TRUST,
    run=e8_run,
    judge=e8_judge,
    hints=(
        e8_hint,
        "Two faults. One is an element that has no place in a trust policy. The other says *who*, and says too much.",
        "No `Resource`. And in place of the star: `arn:aws:iam::123456789012:user/ci`.",
    ),
    solution=(
        "```json\n" + json.dumps(let({"AWS": user_arn("ci")}, "sts:AssumeRole"), indent=2) + "\n```\n\n"
        "**Why no Resource?** The trust policy is on the role: there is nothing else it could be about. **Why not a "
        "group?** A group is a way to hand out policies. It never asks for anything, so it cannot be trusted either."
    ),
    accepts=(
        Attempt("the user", answer=trust({"AWS": user_arn("ci")})),
        Attempt("the user, in a list", answer=trust({"AWS": [user_arn("ci")]})),
        Attempt(
            "everybody, on a condition",
            answer=trust({"AWS": "*"}, Condition={"ArnEquals": {"aws:PrincipalArn": user_arn("ci")}}),
        ),
    ),
    rejects=(
        Attempt("the star stays", answer=trust({"AWS": "*"}), misconception="wide-is-fixed", says="So do Omar, Dara"),
        Attempt(
            "the resource stays",
            answer=trust({"AWS": user_arn("ci")}, Resource=role_arn("releaser")),
            misconception="words-not-reasons",
            says="the only thing it can be about",
        ),
        Attempt(
            "a group",
            answer=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:group/robots"}),
            misconception="group-is-principal",
            says="A group never asks",
        ),
        Attempt(
            "a comma is missing",
            answer=trust({"AWS": user_arn("ci")}).replace('"2012-10-17",', '"2012-10-17"'),
            misconception="words-not-reasons",
            says="is missing after this",
        ),
        Attempt(
            "the account",
            answer=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
            misconception="root-means-everybody",
            says="It has not",
        ),
        Attempt(
            "the account by its number",
            answer=trust({"AWS": ACCOUNT}),
            misconception="root-means-everybody",
            says="It has not",
        ),
    ),
    reset=lambda lab: remove_role(lab, "releaser"),
    neighbour="Ask your neighbour: what would you look at first if `ci` said *no role trust policy allows*?",
)


# e9: which cause has this refusal?


def e9_cause(lab: LabView) -> Result:
    """Let ci assume deployer with a session policy that holds pulling only, and begin an upload."""
    iam = lab.client("iam")
    try:
        iam.get_role(RoleName="deployer")
    except iam.exceptions.NoSuchEntityException:
        make_role(lab, "deployer", policy_file("trust-ci"))
    iam.put_role_policy(RoleName="deployer", PolicyName="push", PolicyDocument=policy_file("push"))
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role_permissions_boundary(RoleName="deployer")
    keys = lab.client("sts", "ci").assume_role(
        RoleArn=role_arn("deployer"), RoleSessionName="night-7", Policy=policy_file("pull")
    )["Credentials"]
    command = "aws ecr initiate-layer-upload --repository-name my-web-app"
    try:
        client_with(lab, "ecr", keys).initiate_layer_upload(repositoryName=APP)
    except ClientError as error:
        return Result(command, 254, f"\n{error}\n")
    return Result(command, 0, "no refusal\n")


e9 = ReadError(
    id="06-e9",
    at="roles",
    objective="Tell from the end of a refusal which policy to look at.",
    prompt=(
        "The night job assumes the role `deployer` and wants to push. The role's own policy allows the whole push: you "
        "attached it. This is what it gets. Which cause fits?"
    ),
    cause=e9_cause,
    options=(
        Option(
            "a",
            "the role's own policy does not allow the push",
            "Then the sentence would end *because no identity-based policy allows*. And you attached it.",
            "role-is-group",
        ),
        Option(
            "b",
            "a Deny in the policy of my-web-app",
            "A Deny says so: *with an explicit deny in a resource-based policy*. Here it says *because no … allows*.",
            "not-allowed-is-forbidden",
        ),
        Option(
            "c",
            "the job asked for a narrower session when it assumed the role",
            "Yes: a **session policy**. Whoever assumes a role may pass a policy that narrows this one session.",
        ),
        Option(
            "d",
            "ci is not trusted by the role",
            "Then there would be no session. Look at who asks: `assumed-role/deployer/…`.",
            "role-is-group",
        ),
        Option(
            "e",
            "a boundary around the role",
            "Close: a boundary narrows too. But it would say *no permissions boundary allows*.",
            "boundary-grants",
        ),
    ),
    correct="c",
    parts=(
        ("assumed-role/deployer/night-7", "who: somebody who assumes `deployer`, in the session `night-7`"),
        ("ecr:InitiateLayerUpload", "wanted to begin an upload"),
        ("repository/my-web-app", "on your repository"),
        ("because no session policy allows", "the policy passed with AssumeRole does not include it"),
    ),
    hints=(
        "Four pieces: who, what, on which thing, and the ending. Which of them have you not seen before?",
        "The ending names a kind of policy. Each of the five causes has its own ending; you have met four.",
        "It says *session*. When does a session begin, and who could say something about it then?",
    ),
    solution=(
        "**A session policy.** You can pass a policy with `AssumeRole`. The session may then do only what the role "
        "may *and* that policy includes. It narrows, it never grants; the role itself is untouched.\n\n"
        "**Where to look:** not at the role. In the job's own `assume-role` call, the part `--policy`."
    ),
    accepts=(
        Attempt("session policy", answer="c"),
        Attempt("session policy, certain", answer="c", confidence=3),
    ),
    rejects=(
        Attempt("role's policy", answer="a", misconception="role-is-group", says="no identity-based policy allows"),
        Attempt("a deny", answer="b", misconception="not-allowed-is-forbidden", says="explicit deny in a resource"),
        Attempt("trust", answer="d", misconception="role-is-group", says="there would be no session"),
        Attempt("boundary", answer="e", misconception="boundary-grants", says="no permissions boundary allows"),
    ),
    neighbour="Ask your neighbour: why would anybody narrow a session on purpose?",
)


# e10: six small worlds; IAM decides them when they are judged


BEGIN, FETCH = "ecr:InitiateLayerUpload", "ecr:BatchGetImage"
EVERYTHING, NEVER = allow("*", "*"), {"Effect": "Deny", "Action": BEGIN, "Resource": "*"}


def world(*own: Mapping[str, Any], thing: object = None, fence: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the only policies of a world: the person's and its groups', the repository's principal, the boundary."""
    return {
        "identity": [document(statement) for statement in own],
        "resource": None if thing is None else document(let(thing, FETCH)),
        "boundary": None if fence is None else document(fence),
    }


WORLDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "one": ("ops", BEGIN, world(EVERYTHING, NEVER)),
    "two": ("auditor", FETCH, world(thing={"AWS": user_arn("auditor")})),
    "three": ("auditor", FETCH, world(thing={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
    "four": ("ci", BEGIN, world(allow(PUSH, "*"), fence=allow(PULL, "*"))),
    "five": ("ci", BEGIN, world(fence=EVERYTHING)),
    "six": ("partner", FETCH, world(thing={"AWS": PARTNER})),
}


def decided(lab: LabView) -> dict[str, str]:
    """Let IAM decide each world as if these were the only policies; return the key of the verdict."""
    verdicts = {}
    for name, (who, action, policies) in WORLDS.items():
        answer = lab.control.decide(who, action, arn(APP), policies=policies)
        forbidden = answer["verdict"] == "ExplicitlyDenied"
        verdicts[name] = "allowed" if answer["allowed"] else "deny" if forbidden else "nobody"
    return verdicts


NO_DENY = Miss(
    "deny",
    "refused, yes. But there is no Deny in it anywhere: nobody said yes, an implicit deny.",
    "not-allowed-is-forbidden",
)
E10_RIGHT = {"one": "deny", "two": "allowed", "three": "nobody", "four": "nobody", "five": "nobody", "six": "nobody"}

e10 = Match(
    id="06-e10",
    at="half-time",
    objective="Predict a decision from the policies there are.",
    prompt=(
        "Six small worlds. Each has only the policies named, and the resource is `my-web-app`. Mark what IAM will "
        "say. It decides when you answer: nobody has written the results down."
    ),
    items=(
        Item(
            "one",
            "Omar pushes. His user: Allow everything. His group: Deny push.",
            "one statement says yes to everything, one says no. A Deny is not outvoted.",
            "allow-beats-deny",
        ),
        Item(
            "two",
            "Aiko pulls. Her user: nothing. The repository policy: her user.",
            "within one account it is enough that the resource-based policy names the user.",
            "not-allowed-is-forbidden",
        ),
        Item(
            "three",
            "Aiko pulls. Her user: nothing. The repository policy: the account.",
            "the account is named, so it may pass the permission on. It has not.",
            "root-means-everybody",
            misses=(NO_DENY,),
        ),
        Item(
            "four",
            "The robot pushes. Its user: Allow push. Its boundary: pull only.",
            "the policy says yes, but the boundary does not include it. Both must.",
            "boundary-grants",
            misses=(NO_DENY,),
        ),
        Item(
            "five",
            "The robot pushes. Its user: nothing. Its boundary: everything.",
            "the fence includes everything, but nobody granted anything.",
            "boundary-grants",
            misses=(NO_DENY,),
        ),
        Item(
            "six",
            "The partner pulls. At home: nothing. Our repository policy: its account.",
            "our half says yes. At home nobody said that this user may ask.",
            "one-side-is-enough",
            misses=(NO_DENY,),
        ),
    ),
    bins=(
        Bin("allowed", "allowed"),
        Bin("nobody", "implicit deny: nobody said yes, or not everybody who must"),
        Bin("deny", "explicit deny: a Deny matches"),
    ),
    correct=decided,
    hints=(
        lambda state: (
            f"{6 - len(state['wrong'])} of 6 are right."
            if len(state["placed"]) == 6
            else "Ask of each world: is there a Deny? Then: who says yes, and does everybody who must?"
        ),
        "One world has a Deny. In one, one side is enough. In the other four, somebody who must say yes is silent.",
        "1: a Deny ends it · 2: one account, user named · 3: the account only *may* pass it on · 4 and 5: policy and "
        "boundary must both allow it · 6: two accounts, both must.",
    ),
    solution=(
        "1 **explicit deny** · 2 **allowed** · 3, 4, 5, 6 **implicit deny**: nobody said yes, or not everybody who "
        "must.\n\n"
        "**The five lines behind it:** nothing is allowed until something allows it · Allows add up · one Deny ends "
        "it · across accounts, both sides must allow · a fence never grants."
    ),
    accepts=(
        Attempt("all six", answer=E10_RIGHT),
        Attempt("all six, last one first", answer=dict(reversed(list(E10_RIGHT.items())))),
    ),
    rejects=(
        Attempt(
            "1 allowed",
            answer={**E10_RIGHT, "one": "allowed"},
            misconception="allow-beats-deny",
            says="not outvoted",
        ),
        Attempt(
            "2 refused",
            answer={**E10_RIGHT, "two": "nobody"},
            misconception="not-allowed-is-forbidden",
            says="names the user",
        ),
        Attempt(
            "3 allowed",
            answer={**E10_RIGHT, "three": "allowed"},
            misconception="root-means-everybody",
            says="may pass the permission on",
        ),
        Attempt(
            "5 allowed",
            answer={**E10_RIGHT, "five": "allowed"},
            misconception="boundary-grants",
            says="nobody granted anything",
        ),
        Attempt(
            "6 allowed",
            answer={**E10_RIGHT, "six": "allowed"},
            misconception="one-side-is-enough",
            says="our half says yes",
        ),
        Attempt(
            "4 by a Deny",
            answer={**E10_RIGHT, "four": "deny"},
            misconception="not-allowed-is-forbidden",
            says="there is no Deny in it anywhere",
        ),
    ),
    neighbour="Ask your neighbour: which of the six would change if the group in world 1 lost its policy?",
)


# i1: say it in an interview; it does not count


i1 = FreeAnswer(
    id="06-i1",
    objective="Explain how you find out why a pull is denied.",
    question="A pull is denied. What do you do?",
    points=(
        Point(
            "who",
            "first ask who I am: `aws sts get-caller-identity`, and compare it with the name in the refusal",
            FollowUp(
                "Which call tells you who you are even if you may do nothing at all?",
                "GetCallerIdentity: it needs no permission.",
            ),
        ),
        Point(
            "pieces",
            "read the refusal in four pieces: principal, action, resource, ending",
            FollowUp(
                "The resource shows a different Region than you expected: what now?",
                "Then the permission is not the problem, the address is.",
            ),
        ),
        Point(
            "ending",
            "the ending names the kind of policy, and whether it is an implicit deny (nobody said yes) or an explicit "
            "one",
            FollowUp(
                "What do you do differently with an explicit deny?",
                "I find it, and I ask why it was written before I touch it.",
            ),
        ),
        Point(
            "smallest",
            "add the smallest Allow that completes the pull: its two actions on this repository; the login only on `*`",
            FollowUp(
                "Why not ecr:\\* on \\* to be quick?",
                "Because nobody ever takes it back, and it allows deleting too.",
            ),
        ),
        Point(
            "sides",
            "across accounts look at both sides: their identity-based policy and our repository policy "
            "(resource-based)",
            FollowUp(
                "Could a role replace one side?",
                "Yes: a role in our account that they may assume.",
            ),
        ),
    ),
    model=(
        "First I ask who is calling, with get-caller-identity, and compare it with the name in the refusal. Then I "
        "read the refusal: who, which action, on which resource, and the ending. *Because no identity-based policy "
        "allows* is an implicit deny, nobody said yes, so I look at what the whole operation needs and add what is "
        "missing, no wider: the two pull actions on that repository; if it was the login, "
        "`ecr:GetAuthorizationToken`, on `*`. *Explicit deny* means somebody said no; I look for it and ask why. If "
        "the caller is in another account, I look at our repository policy as well as at theirs. Then I try again as "
        "the same principal."
    ),
    weak=(
        "“I would give it full access and see whether it works”, or “I would log in again”. The first never gets taken "
        "back. The second fixes nothing when the refusal names you: AWS knew you. (It does help against "
        "`authorization token has expired`, which names nobody.)"
    ),
    accepts=(
        Attempt(
            "an answer and its points",
            answer={
                "text": "I ask who I am, read the four pieces of the refusal, look at the ending, and add what the "
                "pull still lacks, no wider.",
                "made": ["who", "pieces", "ending", "smallest"],
            },
        ),
    ),
    rejects=(
        Attempt(
            "too short",
            answer={"text": "Give it more rights."},
            misconception="words-not-reasons",
            says="It is kept",
        ),
    ),
)

EXERCISES = [e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, i1]
