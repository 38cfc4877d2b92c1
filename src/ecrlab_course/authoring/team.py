"""What a team may do beyond its table: a wish for each member, made into one for `beyond`.

It looks at the members, at every role that they reach on the way (who reaches a role may do what the role may), at
users and roles that nobody named, and at whom repositories and roles let in from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from ecrlab_course.authoring.beyond import Grant, Wanted
from ecrlab_course.authoring.matrix import ASSUME, Here
from ecrlab_course.documents.lab_view import LabView

_ADMIN = "user/admin"


@dataclass(frozen=True)
class Member:
    """One of a team: the principal, what it is to be able to do, and what passes without a remark.

    ``doors``: who else stands for it at a resource's own policy: its account's number, or a service. ``outside``: it
    belongs to another account, whose own policies are its own business.
    """

    who: str
    may: tuple[Grant, ...] = ()
    passes: tuple[Grant, ...] = ()
    doors: tuple[str, ...] = ()
    outside: bool = False

    def grants(self, which: Sequence[Grant], *more: str) -> Iterable[Grant]:
        """Return these sentences as ones about this member, whoever stands for it, and these roles."""
        return (Grant(each.actions, each.resources, (self.who, *self.doors, *more), each.condition) for each in which)


def team(
    lab: LabView,
    here: Here,
    members: Mapping[str, Member],
    looked_at: Iterable[str] = (),
    others_may: Sequence[str] = (),
    doors: Literal["all", "roles", "none"] = "all",
) -> Wanted:
    """Return the wish of a team for `beyond`.

    Args:
        lab: the lab.
        here: its roles, and who reaches them.
        members: by the names that ``here`` uses.
        looked_at: the members in question; default: all, and then users and roles that nobody named are, too.
        others_may: actions that members who are not in question may do.
        doors: whose own policies are looked at for anybody whom they let in: all repositories and roles, or roles.
    """
    names = list(looked_at) or list(members)
    there = {person.name: members[person.name] for person in here.there}
    roles_of_members = {each.who for each in members.values()}
    who: list[str] = [there[name].who for name in names if name in there and not there[name].outside]
    may: list[Grant] = []
    passes = [Grant(("*",), "*", _ADMIN)]
    tags = _tags(lab)
    reachers: dict[str, list[str]] = {}
    for name, roles in here.reached.items():
        for role in roles:
            if role not in roles_of_members:
                reachers.setdefault(role, []).append(name)
    for name, member in there.items():
        taken = [role for role, by in reachers.items() if name in by]
        becoming = [Grant((ASSUME, "sts:TagSession"), here.trusts[role[5:]][0]) for role in taken]
        passes += member.grants(becoming, *taken)  # by one role to the next, too
        if name not in names:
            passes += member.grants((*member.may, *member.passes))
            passes += member.grants([Grant(others_may)] if others_may else [])
            continue
        mine = [role for role, by in reachers.items() if by == [name]]
        may += member.grants(member.may, *mine)
        passes += member.grants((*member.passes, *_by_tags((*member.may, *member.passes), tags)), *mine)
        who += [role for role in taken if role not in who]
    for role, by in reachers.items():  # whoever of several takes it: what each of them may do, and no more
        if len(by) > 1 and set(by) & set(names):
            may += (Grant(each.actions, each.resources, role) for each in _shared([there[one] for one in by]))
    if not list(looked_at):
        who += [each for name in here.users if (each := f"user/{name}") not in (_ADMIN, *who)]
    trusts = [f"role/{name}" for name in here.trusts]
    looked = [*_repositories(lab), *trusts] if doors == "all" else trusts if doors == "roles" else []
    return Wanted(who, may, passes, looked)


def _shared(members: Sequence[Member]) -> Iterable[Grant]:
    """Return what each of several members may do: the sentences of one that every other's cover."""
    for member in members:
        for grant in (*member.may, *member.passes):
            for resource in grant.resources:
                if not grant.condition and all(_covers(other, grant.actions, resource) for other in members):
                    yield Grant(grant.actions, resource)


def _covers(member: Member, actions: Sequence[str], resource: str) -> bool:
    """Tell whether a member may do each of these actions on everything that a resource's pattern takes."""
    return all(
        any(
            not grant.condition
            and any(fnmatchcase(action, pattern) for pattern in grant.actions)
            and any(fnmatchcase(resource, pattern) for pattern in grant.resources)
            for grant in (*member.may, *member.passes)
        )
        for action in actions
    )


def _repositories(lab: LabView) -> list[str]:
    """Return the ARNs of the repositories in the Regions of the course."""
    found = []
    for region in ("us-east-1", "eu-west-1"):
        pages = lab.client("ecr", region=region).get_paginator("describe_repositories").paginate()
        found += [str(each["repositoryArn"]) for page in pages for each in page["repositories"]]
    return found


def _tags(lab: LabView) -> dict[tuple[str, str], list[str]]:
    """Return the tags of the account's repositories in the home Region, each with the ARNs that carry it."""
    ecr = lab.client("ecr")
    found: dict[tuple[str, str], list[str]] = {}
    for page in ecr.get_paginator("describe_repositories").paginate():
        for each in page["repositories"]:
            arn = str(each["repositoryArn"])
            for tag in ecr.list_tags_for_resource(resourceArn=arn)["tags"]:
                found.setdefault((tag["Key"], tag.get("Value", "")), []).append(arn)
    return found


def _by_tags(grants: Sequence[Grant], tags: Mapping[tuple[str, str], list[str]]) -> Iterable[Grant]:
    """Return what passes because a tag says the same as a pattern: all that carry it now are wanted anyway.

    Who may set the tag is looked at as everything else is.
    """
    for grant in grants:
        for (key, value), arns in tags.items():
            if all(any(fnmatchcase(arn, pattern) for pattern in grant.resources) for arn in arns):
                for prefix in ("aws", "ecr"):
                    condition: dict[str, dict[str, Any]] = {"StringEquals": {f"{prefix}:ResourceTag/{key}": value}}
                    yield Grant(grant.actions, "*", (), condition)
