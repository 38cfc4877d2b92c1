"""Callers: the principals that are looked at, and everybody whom a resource's own policy can tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.surplus.reach import accounts_in, stranger
from ecrlab.aws.surplus.wish import Wish
from ecrlab.aws.what_if.callers import principal_named
from ecrlab.aws.what_if.errors import Unanswerable
from ecrlab.home import ACCOUNT
from ecrlab.policy import Attached, Policy, Statement, read_policy
from ecrlab.policy.condition import Condition
from ecrlab.policy.pattern import Context, Style, pattern
from ecrlab.policy.principal import Caller, Kind, Match, caller
from ecrlab.policy.words import ACCOUNT as TWELVE_DIGITS
from ecrlab.policy.words import ENTITY, Words

EVERYTHING = Attached(read_policy({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}), None, "", "")
"""What a caller of another account can at most hold at home: the half of a question that a door does not look at."""
OF_CALLER = ("aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid", "aws:username")
"""Condition keys that follow from who the caller is."""


@dataclass(frozen=True)
class Asker:
    """Somebody who asks: a principal with its policies, or for a door anybody, with all rights at home.

    ``rank`` puts witnesses in order: 0 a third account, 1 somebody else, 2 one whom the wish is about. ``fresh`` is a
    caller that was made up: its tags are open.
    """

    arn: str
    account: str
    context: Context
    name: str
    rank: int
    identity: tuple[Attached, ...] = ()
    boundary: Attached | None = None
    session: Policy | None = None
    fresh: bool = False

    @cached_property
    def caller(self) -> Caller:
        """Return who it is to a Principal element."""
        return caller(self.arn, {key.lower(): value for key, value in self.context.items()})


def subject(cloud: Cloud, text: str) -> Asker:
    """Return a principal with all its policies; raises Unanswerable when there is none of this name."""
    principal = principal_named(cloud, text)
    if principal.kind == "root":
        raise Unanswerable(
            f"{text} is an account's root user, who may do everything in it: ask about a user or a role."
        )
    identity, boundary, session = cloud.identities.policies_of(principal)
    name = _name(str(principal.context["aws:PrincipalArn"]))
    return Asker(principal.arn, principal.account, principal.context, name, 2, identity, boundary, session)


def _name(arn: str) -> str:
    """A caller in words: "user/ops", one of another account with its number."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return arn
    return parts[5] if parts[4] == ACCOUNT else f"{parts[5]} of account {parts[4]}"


def named(statement: Statement, who: Caller) -> Match:
    """Return how a statement's Principal names a caller."""
    return statement.principals.match(who) if statement.principals is not None else Match.NONE


def at_door(account: str, policies: Sequence[Policy], wish: Wish) -> list[Asker]:
    """Return everybody whom the policies of a resource can tell apart, strangers first.

    Args:
        account: the resource's.
        policies: its own, and its registry's.
        wish: whom it was meant for.
    """
    conditions = [each for policy in policies for statement in policy.statements for each in statement.conditions]
    wished = [value for statement in wish.all if statement.principals for _, value in statement.principals.entries]
    ours = list(dict.fromkeys([account, *accounts_in(" ".join(wished))]))
    found: dict[object, Asker] = {}
    for arn, name in _arns(policies, conditions, wished, ours).items():
        asker = _anybody(arn, name)
        who = asker.caller
        if any(named(each, who) for each in wish.all):
            asker = replace(asker, rank=2)
        elif who.kind.has_identity and asker.account not in ours:
            asker = replace(asker, rank=0)
        if asker.account == account or not who.kind.has_identity:
            asker = replace(asker, identity=())
        at_home = asker.account == account
        found.setdefault((asker.rank, at_home, _told(asker, policies, conditions, wish)), asker)
    return list(found.values())


def _arns(
    policies: Sequence[Policy], conditions: Sequence[Condition], wished: Sequence[str], ours: Sequence[str]
) -> dict[str, str]:
    """Callers to try, each with a name where its ARN does not tell enough."""
    entries = [
        entry
        for policy in policies
        for statement in policy.statements
        for element in (statement.principals, statement.not_principals)
        for entry in (element.entries if element is not None else ())
    ]
    texts = " ".join([*(value for _, value in entries), *(value for each in conditions for value in each.values)])
    third = stranger(f"{texts} {' '.join(ours)}")
    accounts = list(dict.fromkeys([third, *accounts_in(texts), *_accounts(conditions), *ours]))
    found = {f"arn:aws:iam::{each}:user/anybody": f"anybody in account {each}" for each in accounts}
    found[f"arn:aws:iam::{third}:user/anybody"] = f"anybody in an account that nobody named (such as {third})"
    callers = [value for kind, value in entries if kind in ("Service", "Federated") or value.startswith("arn:")]
    callers += [value for value in wished if value.startswith("arn:")]
    for arn in (*callers, *_by_conditions(conditions, accounts)):
        if not arn.endswith(":root"):  # it stands for its account
            found.setdefault(arn, "")
    return found


def _accounts(conditions: Sequence[Condition]) -> Iterator[str]:
    """Accounts for each way in which conditions on the caller's account can hold."""
    values = [value for each in conditions if each.lookup == "aws:principalaccount" for value in each.values]
    tokens = (pattern(value, Style.GLOB, True).resolve({}) for value in values)
    words = Words((each for each in tokens if each is not None), Style.GLOB)
    return iter(words.each(TWELVE_DIGITS).values() if values else ())


def _by_conditions(conditions: Sequence[Condition], accounts: Sequence[str]) -> Iterator[str]:
    """Callers for each way in which conditions on the caller's name and ARN can hold."""
    values = [value for each in conditions if each.lookup == "aws:principalarn" for value in each.values]
    if values:
        tokens = (pattern(value, Style.ARN, True).resolve({}) for value in values)
        words = Words((each for each in tokens if each is not None), Style.ARN)
        for account in accounts:
            for what in ("user", "role"):
                stem = f"arn:aws:iam::{account}:{what}/"
                yield from (stem + name for name in words.each(ENTITY, words.after(stem)).values())
    for each in conditions:
        if each.lookup == "aws:username":
            yield from (f"arn:aws:iam::{account}:user/{value}" for account in accounts for value in each.values)


def _anybody(arn: str, name: str) -> Asker:
    """A caller of this ARN, with all rights that its own account can give."""
    parts = arn.split(":", 5)
    account = parts[4] if len(parts) == 6 else ""
    what, _, path = parts[-1].partition("/")
    holder = arn
    if what == "role":
        arn = f"arn:aws:sts::{account}:assumed-role/{path.rpartition('/')[2]}/any"
    elif what == "assumed-role":
        holder = f"arn:aws:iam::{account}:role/{path.partition('/')[0]}"
    context: dict[str, str | tuple[str, ...]] = {}
    if what in ("user", "role", "assumed-role"):
        context = {"aws:PrincipalArn": holder, "aws:PrincipalAccount": account}
        context["aws:PrincipalType"] = "User" if what == "user" else "AssumedRole"
    if what == "user":
        context["aws:username"] = path.rpartition("/")[2]
    return Asker(arn, account, context, name or _name(holder), 1, (EVERYTHING,), fresh=True)


def _told(asker: Asker, policies: Sequence[Policy], conditions: Sequence[Condition], wish: Wish) -> object:
    """What policies and the wish tell of a caller."""
    who = asker.caller
    context = {key.lower(): value for key, value in asker.context.items()}
    statements = [statement for policy in policies for statement in policy.statements]
    return (
        who.kind.has_identity,
        who.kind is Kind.PROVIDER,
        tuple(named(each, who) for each in (*statements, *wish.all)),
        tuple(each.not_principals is not None and each.not_principals.excludes(who) for each in statements),
        tuple(each.holds(context) for each in conditions if each.lookup in OF_CALLER),
    )
