"""Lab 02: what the milestones look at: how the doors stand, what is open beyond the table, and by which statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

from ecrlab.policy.sets import LOGIN
from ecrlab_course.authoring import Lab, as_words, in_code
from ecrlab_course.authoring.beyond import Beyond, beyond
from ecrlab_course.authoring.evidence import repositories
from ecrlab_course.authoring.matrix import ASSUME, Here
from ecrlab_course.authoring.rights import as_list
from ecrlab_course.authoring.team import Member, team
from ecrlab_course.documents.matrix import HALF, Door, Stand, counted
from ecrlab_course.documents.xray_row import Row

from .table import ACCOUNT, MATRIX, MEMBERS, PIPELINE, REPOSITORIES, ROBOT, arn, user

CHANGES = re.compile(
    r"(Put|Attach|Detach|Create|Delete|Update|Add|Remove|Set|Tag|Untag)\w*"
    r"(Policy|Policies|Role|Group|User|Boundary|Resource|PolicyVersion|Profile|Key|Description)$"
)
"""Operations that change who may do what."""


RIGHTS = re.compile(
    r"iam:((Put|Attach)\w+Policy|AddUserToGroup|Create(PolicyVersion|AccessKey|LoginProfile)|SetDefaultPolicyVersion"
    r"|Update(AssumeRolePolicy|LoginProfile)|DeleteUserPermissionsBoundary|DeleteRolePermissionsBoundary)"
)
"""Actions by which somebody writes permissions, or takes another's name."""

ENTITY = re.compile(r"(user|role)/[\w+=,.@-]+")
"""A user or a role of ours, as a witness is named."""


class Look:
    """The doors of some people now, and what else is open to them.

    ``names`` are the people in question (default: all); ``doors`` are doors of others that are looked at, too;
    ``others_may`` are actions of everybody else that are another milestone's matter; ``outside`` says whose own
    policies are looked at for anybody whom they let in; ``members`` is the wish.
    """

    def __init__(
        self,
        lab: Lab,
        names: Sequence[str] = (),
        doors: Iterable[Door] = (),
        others_may: Sequence[str] = (),
        outside: Literal["all", "roles", "none"] = "all",
        members: Mapping[str, Member] = MEMBERS,
    ) -> None:
        self.changed = [row for row in lab.rows() if CHANGES.match(str(row["operation"] or ""))]
        self._read_refusal()
        self.locked = locked_out(lab)
        """The repository whose policy shuts out the administrator as well; "" when none does, "iam" when IAM does."""
        self.right, self.all, self.sources = 0, 0, ""
        self.who = self.door = self.because = self.kind = self.asked = self.written = self.pattern = ""
        self.wider = self.surplus = self.surplus_kind = self.place = self.unsure = self.remark = ""
        self.opened_who = self.opened = self.on = self.gone = self.version = ""
        self.whom, self.denies = "", False
        if self.locked == "iam":
            return
        here = Here(lab, MATRIX)
        own = names or [person.name for person in MATRIX.people]
        stands = [each for each in here.stands() if each.door.person in own or each.door in doors]
        self.right, self.all = counted(stands), len(stands)
        there = repositories(lab)
        self.gone = next((name for name in REPOSITORIES if name not in there), "")
        """A repository of Monday that is there no more."""
        self.here, self.stands = here, stands
        self.sources = _sources(lab, here, stands)
        shut = [each for each in stands if each.door.wanted and not each.right]
        if shut:
            self._read_shut(lab, shut[0])
            return
        wrong = [each for each in stands if not each.right]
        found = beyond(lab, team(lab, here, members, names, others_may, outside))
        if found.wider:
            self._read_surplus(lab, found)
        elif wrong:
            self._read_open(wrong[0])
        self.unsure = found.why
        self.remark = next((in_code(text) for text in found.remarks), "")

    # What is shut --------------------------------------------------------------------------------------------------

    def _read_shut(self, lab: Lab, stand: Stand) -> None:
        self.who, self.door = stand.door.person, stand.door.words
        self.whom = inside(self.who)
        if not stand.answer:
            self.kind = "no-role" if stand.door.person in (ROBOT.name, PIPELINE.name) else "gone"
            if stand.door.person == ROBOT.name and ROBOT not in self.here.there:
                self.kind = "gone"
            return
        answer = lab.control.decide(stand.by, stand.answer["action"], stand.answer["resource"])
        if answer["allowed"]:  # the keys that a trust policy wants make no difference here
            answer = {**stand.answer, "statements": []}
        self.asked = str(answer["action"])
        self.because = in_code(str(answer["explanation"]))
        self.kind, self.place = self._shut_kind(lab, stand, answer)

    def _shut_kind(self, lab: Lab, stand: Stand, answer: Mapping[str, Any]) -> tuple[str, str]:
        """Return what shut a door, and the policy or word that it is about."""
        rows = [row for row in answer["statements"] if row["effect"] == "Allow"]
        held = lab.control.who(stand.by)
        if answer["verdict"] == "ExplicitlyDenied":
            one = next((row for row in answer["statements"] if row["decided"]), None)
            return "forbidden", f"statement {one['label']} of {one['origin']}" if one else ""
        if held["boundary"] and not held["policies"]:
            return "only-boundary", str(held["boundary"])
        if answer["policy_type"] == "permissions boundary":
            return "boundary", str(held["boundary"])
        if answer["policy_type"] == "role trust":
            conditional = any(row["mismatch"] == "condition" for row in rows if row["policy_type"] == "role trust")
            return "trust-condition" if conditional else "trust", ""
        if answer["policy_type"] == "resource-based":
            return "ours", ""
        invented = _invented(lab, rows)
        if invented:
            return "misspelt", invented
        mine = [row for row in rows if row["policy_type"] == "identity-based"]
        for row in mine:
            if row["mismatch"] == "condition":
                by_label = "ResourceTag/" in str(row["statement"].get("Condition"))
                return "label" if by_label else "condition", str(row["origin"])
        near = [row for row in mine if row["mismatch"] == "resource"]
        if near:
            written = as_list(near[0]["statement"].get("Resource"))
            if answer["action"] == LOGIN:
                return "login-scoped", as_words(written)
            return _elsewhere(str(answer["resource"]), near)
        if stand.state == HALF:
            return "half", str(answer["action"])
        name = _unused(lab, answer["action"], str(answer["resource"]), stand.by)
        return ("unused", name) if name else ("nothing", "")

    # What is open --------------------------------------------------------------------------------------------------

    def _read_open(self, stand: Stand) -> None:
        """Read a door that is open, and that the search found no words for: its own decision says why."""
        self.opened_who, self.wider = stand.door.person, "yes"
        self.surplus = f"{stand.door.person}, {stand.door.words}: {in_code(str(stand.answer.get('explanation', '')))}"
        self.surplus_kind = "become" if stand.door.verb == "become" else "wide"

    def _read_surplus(self, lab: Lab, found: Beyond) -> None:
        self.wider, self.surplus, self.place = "yes", found.text, found.place
        self.opened, self.on, self.opened_who = found.action, found.on, found.who
        self.written, self.pattern = found.written, found.pattern
        self.denies = self._has_deny(lab, found.who)
        """Whether some of it is denied to whoever may do it."""
        self.surplus_kind = self._surplus_kind(lab, found)

    def _surplus_kind(self, lab: Lab, found: Beyond) -> str:
        managed = self._managed_of(lab, found)
        if found.place.endswith("of group harbour"):
            return "harbour"
        if found.action.startswith("sts:"):
            return "become"
        if found.place.startswith("the repository policy"):
            return "repository"
        if found.written == "NotAction":
            return "not-action"
        if found.action in ("ecr:TagResource", "ecr:UntagResource") and not managed and "*" not in found.written:
            return "tagger"
        writes = found.written.startswith("iam:") and fnmatchcase("iam:PutUserPolicy", found.written)
        if writes or RIGHTS.fullmatch(found.action):
            return "rights"
        if managed:
            return "managed"
        if found.who.startswith("role/") and found.who not in ("role/pipeline", "role/runtime"):
            return "by-role"
        if found.who.startswith("user/") and found.who not in [member.who for member in MEMBERS.values()]:
            return "somebody"
        if found.differs in ("service", "region", "account"):
            return found.differs
        if re.fullmatch(r"ecr:\w+\*", found.written):
            return "names"
        if re.search(r"repository/[a-z]+\*$", found.pattern):
            return "prefix"
        if found.pattern.endswith("*") and self.denies:
            return "deny"
        self.version = _later_version(lab, found)
        return "old-version" if self.version else "wide"

    def _managed_of(self, lab: Lab, found: Beyond) -> str:
        """Return the name of AWS's policy that opens it, when one does."""
        if not ENTITY.fullmatch(found.who) or not found.place.startswith("the identity"):
            return ""
        held = lab.control.who(found.who)["policies"]
        ready = [each["name"] for each in held if str(each["arn"]).startswith("arn:aws:iam::aws:policy/")]
        return next((each for each in ready if f"policy {each} of" in found.place), "")

    def _has_deny(self, lab: Lab, who: str) -> bool:
        if not ENTITY.fullmatch(who):
            return False
        answer = lab.control.decide(who, "ecr:BatchGetImage", arn("dev/booking"))
        return any(row["effect"] == "Deny" and row["policy_type"] == "identity-based" for row in answer["statements"])

    # What was tried ------------------------------------------------------------------------------------------------

    def _read_refusal(self) -> None:
        """Read the last change, where it was refused for who asked, or as no policy, and nothing was accepted after it.

        Nothing is said of what was there already, or was gone.
        """
        self.accepted = any(row["status"] < 400 for row in self.changed)
        last = self.changed[-1] if self.changed else None
        error = str(last["error"]) if last is not None and last["status"] >= 400 else ""
        self.not_admin = error.startswith("AccessDenied")
        self.malformed = error in ("MalformedPolicyDocument", "InvalidParameterException")
        self.refused = error if self.not_admin or self.malformed else ""
        self.refused_on = self.refused_asked = self.refused_by = self.refused_said = ""
        if last is not None and self.refused:
            self.refused_on, self.refused_asked = _thing(last), f"{last['service']}:{last['operation']}"
            self.refused_by = str(last["principal"] or "").rpartition("/")[2]
            self.refused_said = in_code(str(last.get("shows", {}).get("message", ""))).rstrip(".")
            """AWS's own sentence."""

    @property
    def lacks(self) -> bool:
        """Whether a door is not as it should be, or something else is open."""
        return bool(self.kind or self.wider)


def holds(lab: Lab, who: str, *held: str) -> bool:
    """Tell whether somebody has exactly these policies, each written as "work of group harbour"."""
    found = [f"{each['name']} of {each['source']}" for each in lab.control.who(who)["policies"]]
    return sorted(found) == sorted(held)


def inside(name: str) -> str:
    """Return a name as it is written inside a sentence: the runtime."""
    return f"the {name[4:]}" if name.startswith("The ") else name


def _thing(row: Row) -> str:
    return str(row["resource"] or "").rpartition(":")[2]


def locked_out(lab: Lab) -> str:
    """Return a repository that even the administrator cannot open again; "iam" when IAM itself is shut; else ""."""
    asked = [("user/admin", "iam:PutUserPolicy", user("ops")), ("user/admin", "iam:ListRoles", "*")]
    asked += [("user/admin", "ecr:SetRepositoryPolicy", arn(name)) for name in REPOSITORIES]
    answers = lab.control.decide_all(asked)
    if not (answers[0]["allowed"] and answers[1]["allowed"]):
        return "iam"
    return next((name for name, found in zip(REPOSITORIES, answers[2:], strict=True) if not found["allowed"]), "")


def _sources(lab: Lab, here: Here, stands: Sequence[Stand]) -> str:
    """Return for each person how many doors are right, and the policies that speak, as the first hint says it."""
    found = []
    for person in MATRIX.people:
        own = [each for each in stands if each.door.person == person.name]
        if not own or person.who.partition(":")[0].isdigit():
            continue
        if person not in here.there:
            found.append(f"{person.name}: not there yet.")
            continue
        held = [f"{each['name']} of {each['source']}" for each in lab.control.who(person.who)["policies"]]
        found.append(f"{person.name}: {counted(own)} of {len(own)}, by {as_words(held) or 'no policy'}.")
    return " ".join(found)


def _elsewhere(asked: str, near: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return how the resources of Allow statements miss the one that was asked about, and the nearest of them."""
    written = [str(each) for row in near for each in as_list(row["statement"].get("Resource"))]
    wanted = asked.split(":", 5)
    for each in written:
        parts = each.split(":", 5)
        if len(parts) == 6 and parts[5].startswith("repository/"):
            if parts[4] not in (wanted[4], "*"):
                return "other-account", f"`{each}`"
            if not fnmatchcase(wanted[3], parts[3]):
                return "other-region", f"`{each}`"
    return "narrow", as_words(written)


def _invented(lab: Lab, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return an action of these statements that ECR does not have; "" when all are known."""
    known = {action.lower() for action in lab.control.actions()}
    for row in rows:
        for action in as_list(row["statement"].get("Action")):
            of_lab = action.lower().partition(":")[0] in ("ecr", "sts", "iam")
            if of_lab and "*" not in action and "?" not in action and action.lower() not in known:
                return str(action)
    return ""


def _unused(lab: Lab, action: str, resource: str, who: str) -> str:
    """Return a group or policy of ours that allows the action there and that nobody has: "group operators"."""
    iam = lab.client("iam")
    asked = (action, resource)
    for row in iam.list_groups()["Groups"]:
        name = row["GroupName"]
        members = [each["UserName"] for each in iam.get_group(GroupName=name)["Users"]]
        if who.removeprefix("user/") in members or name == "harbour":
            continue
        inline = iam.list_group_policies(GroupName=name)["PolicyNames"]
        documents = [iam.get_group_policy(GroupName=name, PolicyName=each)["PolicyDocument"] for each in inline]
        attached = iam.list_attached_group_policies(GroupName=name)["AttachedPolicies"]
        documents += [_managed_document(iam, each["PolicyArn"]) for each in attached]
        if any(_allows(document, *asked) for document in documents):
            return f"group `{name}`"
    for row in iam.list_policies(Scope="Local")["Policies"]:
        attached_to = row["AttachmentCount"] or row.get("PermissionsBoundaryUsageCount")
        if not attached_to and _allows(_managed_document(iam, row["Arn"]), *asked):
            return f"policy `{row['PolicyName']}`"
    return ""


def _managed_document(iam: Any, policy: str) -> Mapping[str, Any]:
    """Return the document of a managed policy that counts: its default version's."""
    version = iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
    document: Mapping[str, Any] = iam.get_policy_version(PolicyArn=policy, VersionId=version)["PolicyVersion"][
        "Document"
    ]
    return document


def _allows(document: Mapping[str, Any], action: str, resource: str) -> bool:
    """Tell whether an Allow of a policy names an action and a resource, whatever its conditions."""
    return any(
        each["Effect"] == "Allow"
        and any(fnmatchcase(action.lower(), str(one).lower()) for one in as_list(each.get("Action")))
        and any(fnmatchcase(resource, str(one)) for one in as_list(each.get("Resource")))
        for each in as_list(document["Statement"])
    )


def _later_version(lab: Lab, found: Beyond) -> str:
    """Return the newest version of the policy of ours that opens it, when an older one is the one that counts."""
    if not ENTITY.fullmatch(found.who):
        return ""
    iam = lab.client("iam")
    own = [each for each in lab.control.who(found.who)["policies"] if f"policy {each['name']} of" in found.place]
    for each in own:
        arn = str(each["arn"] or "")
        if arn.startswith(f"arn:aws:iam::{ACCOUNT}:"):
            versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
            newest = max(versions, key=lambda one: int(one["VersionId"][1:]))
            if not newest["IsDefaultVersion"]:
                return str(newest["VersionId"])
    return ""


def became(stand: Stand) -> bool:
    """Tell whether a door is about taking a role."""
    return stand.door.actions == (ASSUME,)


def by_roles(look: Look, *names: str) -> bool:
    """Tell whether one of these people gets to a door by a role, not by own permissions."""
    people = {person.name: person.who for person in MATRIX.people if person.name in names}
    return any(each.door.wanted and each.by != people.get(each.door.person, each.by) for each in look.stands)
