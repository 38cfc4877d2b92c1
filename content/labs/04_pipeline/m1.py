"""lab-04-m1: there is no key. What a learner reads is in m1.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ecrlab_course.authoring import Lab, Sentence, as_words, in_code
from ecrlab_course.authoring.rights import as_list

from .line import (
    LATEST,
    SHORT,
    delete_keys,
    give,
    keyless_role,
    keys_of,
    let_in,
    only_main,
    push,
    rights_of_pipeline,
)
from .look import Look, Run
from .state import fresh
from .town import AUDIENCE_ALONE, HOST, MAIN, PIPELINE, ROBOT, SOURCE, document, git, role_arn, trust

CHANGES = ("UpdateAssumeRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "DetachRolePolicy", "DeleteRole")
"""What changes who comes in, or what the role may do."""


class Seen(Look):
    """The robot's keys, the letters that come in, and the newest run of main."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        iam = lab.client("iam")
        try:
            held = iam.list_access_keys(UserName=ROBOT)["AccessKeyMetadata"]
        except iam.exceptions.NoSuchEntityException:
            held = []
        self.active = [each["AccessKeyId"] for each in held if each["Status"] == "Active"]
        self.inactive = len(held) > len(self.active)
        self.last: Run | None = self.of_main[-1] if self.of_main else None
        self.number = self.last.number if self.last else 0
        self.code = self.last.code if self.last else 0
        self.users = self.last.users if self.last else []
        self.user = self.users[0] if self.users else ""
        self.signers = (
            as_words(self.users) if self.users else as_words([self._role]) if self._role else Sentence("nobody")
        )
        self.role = self._role or PIPELINE
        self.opened, self.stranger = self._open_door()
        self.commits = len(self._commits_with_key())
        refused = self.last.refused if self.last else None
        self.turned_away = refused is not None and refused["operation"] == "AssumeRoleWithWebIdentity"
        self.reason = in_code(refused["decisions"][-1]["explanation"]) if refused and refused["decisions"] else ""
        self.said: str | Sentence = self._said(refused)
        self.words = (self.last.output.strip().splitlines() or [""])[-1][-200:] if self.last else ""
        self.older = self._is_older()

    @property
    def _role(self) -> str:
        """The role whose session the newest run worked in; "" without one."""
        if self.last is None:
            return ""
        names = [
            str(row["principal"]) for row in self.last.rows if str(row["principal"]).endswith(f"/run-{self.number}")
        ]
        return names[-1].split("/")[-2] if names else ""

    @property
    def as_at_first(self) -> bool:
        """Whether nothing was changed: the key, and who comes in."""
        wanted = trust(self.lab, AUDIENCE_ALONE)
        return bool(self.active) and self.trusts == {PIPELINE: json.loads(wanted)} and not self.of_main

    def _open_door(self) -> tuple[str, str]:
        """Return a role that lets in a letter that is not main's, and what that letter is called; "" for none.

        The role that the pipeline uses comes first, and of its strangers the first.
        """
        for role in sorted(self.trusts, key=lambda name: name != self.role):
            found = [*self.strangers(role), *self._drawn(role)]
            if found:
                return role, found[0]
            if others := self._others(self.trusts[role]):
                return role, others[0]
        return "", ""

    def _drawn(self, role: str) -> list[str]:
        """Return subjects in the git server's form, made of the trust policy's own patterns, that are let in."""
        found = []
        for statement in as_list(self.trusts[role].get("Statement")):
            for wanted in (statement.get("Condition") or {}).values():
                for value in as_list(wanted.get(f"{HOST}:sub")):
                    text = str(value).replace("*", "x").replace("?", "x")
                    if text.startswith("repo:") and text != MAIN and self.comes_in(self.trusts[role], text):
                        found.append(f"`{text}`")
        return found

    def _others(self, policy: Mapping[str, Any]) -> list[str]:
        """Return whom else a trust policy names, as written."""
        named = []
        for statement in as_list(policy.get("Statement")):
            principal = statement.get("Principal")
            if statement.get("Effect") != "Allow":
                continue
            if not isinstance(principal, Mapping):
                named.append(f"`{principal}`")
                continue
            named += [
                f"`{each}`" for kind, values in principal.items() if kind != "Federated" for each in as_list(values)
            ]
        return named

    def _commits_with_key(self) -> set[str]:
        """Return the commits of the repository that hold a key of the robot's that works."""
        if not self.active:
            return set()
        commits = self.git("rev-list", "--all").split()
        named = [word for key in self.active for word in ("-e", key)]
        return {line.partition(":")[0] for line in self.git("grep", "-l", *named, *commits).splitlines()}

    def _said(self, refused: Mapping[str, Any] | None) -> str | Sentence:
        """Return the refusal's own sentence, as the run printed it; its code where it printed none."""
        if refused is None or self.last is None:
            return Sentence("unsaid")
        lines = [line for line in self.last.output.splitlines() if "An error occurred" in line]
        return lines[-1].strip() if lines else str(refused["error"])

    def _is_older(self) -> bool:
        """Tell whether a role was changed after the newest run of main."""
        if self.last is None or not self.last.rows:
            return False
        last = self.last.rows[-1]["seq"]
        return any(row["seq"] > last and row["operation"] in CHANGES and row["status"] < 400 for row in self.rows)


def judge(seen: Seen) -> str:
    """Return the verdict's name in m1.md: first whose keys work, then who comes in, then whether it delivers."""
    if seen.as_at_first:
        return "untouched"
    if seen.users:
        return "signed" if ROBOT in seen.users else "another-user"
    if seen.active:
        return "in-history" if seen.commits else "rewritten"
    if seen.opened:
        return _open(seen)
    if seen.last is None:
        return "no-run"
    if seen.turned_away:
        return "did-nothing" if seen.last.good else "nobody-in"
    if not seen.last.good:
        return "refused" if seen.reason else "red"
    if not seen.last.delivered:
        return "did-nothing"
    if seen.older:
        return "older"
    return "inactive" if seen.inactive else "passed"


def _open(seen: Seen) -> str:
    if seen.opened != seen.role:
        return "old-door"
    if seen.stranger == "a pull request":
        return "pull-request"
    if seen.stranger == "a letter without a subject":
        return "no-subject"
    return "other-caller" if seen._others(seen.trusts[seen.opened]) else "stranger"


def again(lab: Lab) -> None:
    """Build the beginning again: a key that was deleted is in no policy that could be put back."""
    fresh(lab)


# Tries

BLIND = LATEST.replace("set -euo pipefail\n", "") + "echo delivered\n"
WITHOUT_PIPEFAIL = """#!/usr/bin/env bash
aws sts get-caller-identity | tee identity.log
echo delivered
"""


def keyless(lab: Lab) -> None:
    """Do all of it: the door, the role, the pipeline, the key."""
    keyless_role(lab)
    push(lab, LATEST)


def switched_off(lab: Lab) -> None:
    """Do all of it, and make the key inactive."""
    let_in(lab, only_main(lab))
    give(lab, PIPELINE, rights_of_pipeline(lab))
    for key in keys_of(lab):
        lab.client("iam").update_access_key(UserName=ROBOT, AccessKeyId=key, Status="Inactive")
    push(lab, LATEST)


def own_role(shut: bool) -> Callable[[Lab], None]:
    """Return a step that lets the pipeline come in as a role of one's own; the old one is shut to everybody, or not."""

    def act(lab: Lab) -> None:
        iam = lab.client("iam")
        iam.create_role(RoleName="deliver", AssumeRolePolicyDocument=only_main(lab))
        give(lab, "deliver", rights_of_pipeline(lab))
        if shut:
            iam.delete_role(RoleName=PIPELINE)
        delete_keys(lab)
        lab.ci.repository(SOURCE, role=role_arn(lab, "deliver"))
        push(lab, LATEST)

    return act


def trusting(condition: Mapping[str, Any], **more: Any) -> Callable[[Lab], None]:
    """Return a step that ends the key, and lets letters in by this condition."""

    def act(lab: Lab) -> None:
        delete_keys(lab)
        let_in(lab, trust(lab, condition, **more))

    return act


def like(*subjects: str, operator: str = "StringLike") -> Mapping[str, Any]:
    """Return the condition that compares `sub` with these."""
    return {**AUDIENCE_ALONE, operator: {f"{HOST}:sub": list(subjects)}}


def with_keys(of: str, new: bool = False, before: str = "") -> Callable[[Lab], None]:
    """Return a step that pushes a pipeline which names a user's key, in the environment or in a file beside it."""

    def act(lab: Lab) -> None:
        iam = lab.client("iam")
        if new:
            delete_keys(lab)
        key = iam.create_access_key(UserName=of)["AccessKey"]
        named = f"export AWS_ACCESS_KEY_ID={key['AccessKeyId']} AWS_SECRET_ACCESS_KEY={key['SecretAccessKey']}\n"
        asked = "aws sts get-caller-identity\n"
        if before:
            push(lab, f"#!/usr/bin/env bash\n{before}\n{asked}", keys_env=named)
        else:
            push(lab, f"#!/usr/bin/env bash\n{named}{asked}")

    return act


def line_taken_out(lab: Lab) -> None:
    """Let main in, and take the key's line out of the file."""
    let_in(lab, only_main(lab))
    push(lab, "#!/usr/bin/env bash\naws sts get-caller-identity\n")


def history_rewritten(lab: Lab) -> None:
    """Put one commit without the key in the place of main's history."""
    let_in(lab, only_main(lab))
    script = "#!/usr/bin/env bash\naws sts get-caller-identity\n"
    git(lab, "update-ref", "-d", "refs/heads/main")
    stream = "commit refs/heads/main\ncommitter You <you@harbour-bikes.example> 1796000000 +0000\ndata 1\nx\n"
    git(lab, "fast-import", "--quiet", given=f"{stream}M 100755 inline pipeline.sh\ndata {len(script)}\n{script}\n")
    push(lab, script, README_md="Booking\n")


def changed_afterwards(lab: Lab) -> None:
    """Change the role's rights once it has delivered."""
    keyless(lab)
    give(lab, PIPELINE, rights_of_pipeline(lab), "more")


def at_the_door(lab: Lab) -> None:
    """End the key, and let main in as a role that may do nothing."""
    delete_keys(lab)
    let_in(lab, only_main(lab))


def without_rights(lab: Lab) -> None:
    """Let main in as a role that may do nothing, and ask for something."""
    at_the_door(lab)
    push(lab, SHORT + "aws ecr get-login-password > /dev/null\n")


def shut_door(lab: Lab) -> None:
    """End the key, and let in a letter whose subject nobody has."""
    delete_keys(lab)
    let_in(lab, trust(lab, like("main", operator="StringEquals")))


def asks_who(lab: Lab) -> None:
    """Push a pipeline that asks who it is."""
    push(lab, SHORT + "aws sts get-caller-identity\n")


def fails_by_itself(lab: Lab) -> None:
    """Deliver by a pipeline that fails of its own accord."""
    keyless_role(lab)
    push(lab, SHORT + 'aws sts get-caller-identity\necho "no such branch"\nexit 3\n')


def of_another(lab: Lab) -> None:
    """Let the robot assume the role by its keys, too."""
    delete_keys(lab)
    robot = {"Principal": {"AWS": f"arn:aws:iam::{lab.account}:user/{ROBOT}"}, "Action": "sts:AssumeRole"}
    one = json.loads(only_main(lab))["Statement"][0]
    let_in(lab, document(one, robot))


TRIES = {
    "passed": {"key deleted": keyless, "a role of one's own, the old one is gone": own_role(shut=True)},
    "inactive": {"key inactive": switched_off},
    "signed": {
        "a new key": with_keys(ROBOT, new=True),
        "in a file beside it": with_keys(ROBOT, before=". ./keys.env"),
    },
    "another-user": {"the key of admin": with_keys("admin")},
    "in-history": {"the line is out": line_taken_out},
    "rewritten": {"the history is new": history_rewritten},
    "stranger": {
        "aud alone": trusting(AUDIENCE_ALONE),
        "no condition": trusting({}),
        "a longer name": trusting(like("repo:harbour-bikes*/booking:ref:refs/heads/main")),
        "a star at the end": trusting(like(f"{MAIN}*")),
        "one more branch": trusting(like(MAIN, f"repo:{SOURCE}:ref:refs/heads/next")),
    },
    "pull-request": {"any ref, but tags and branches": trusting(like(MAIN, f"repo:{SOURCE}:pull_request"))},
    "no-subject": {"ForAllValues": trusting(like(MAIN, operator="ForAllValues:StringEquals"))},
    "old-door": {"a role of one's own": own_role(shut=False)},
    "other-caller": {"the robot, too": of_another},
    "no-run": {"changed, and not run": at_the_door},
    "older": {"changed afterwards": changed_afterwards},
    "nobody-in": {"a door that is shut": [shut_door, asks_who]},
    "refused": {"a role without rights": without_rights},
    "did-nothing": {
        "no pipefail": [shut_door, lambda lab: push(lab, WITHOUT_PIPEFAIL)],
        "no rights, and no set -e": [at_the_door, lambda lab: push(lab, BLIND)],
    },
    "red": {"it fails by itself": fails_by_itself},
}
