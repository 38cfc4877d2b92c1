"""Principals: who calls, and whom a Principal element names (facts/iam.md 5)."""

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from ecrlab.policy.pattern import Context


class Kind(Enum):
    """What a caller is; it decides which policies can speak about it."""

    USER = "IAM user"
    ROLE = "IAM role"
    SESSION = "role session"
    FEDERATED = "federated user session"
    ROOT = "account root user"
    SERVICE = "AWS service"
    PROVIDER = "identity provider"
    ANONYMOUS = "anonymous caller"

    @property
    def has_identity(self) -> bool:
        """Tell whether identity-based policies exist for it; the others have only what a resource's policy grants."""
        return self not in (Kind.SERVICE, Kind.PROVIDER, Kind.ANONYMOUS)


class Match(IntEnum):
    """How directly a Principal element names the caller; facts/iam.md 2.2 says what each is worth in one account."""

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of a request, taken apart; make it with `caller`."""

    arn: str
    kind: Kind
    account: str
    # The role's ARN of a session, when known; else its name, which is all that a session ARN tells (I017).
    role: str
    role_name: str
    unique_id: str


def caller(principal: str, context: Context) -> Caller:
    """Read a request's principal: an ARN, a service's name, or "*" for an anonymous request.

    For a role session the role's ARN (with its path) is taken from aws:PrincipalArn (I018).
    """
    user_id = context.get("aws:userid")
    unique_id = user_id.partition(":")[0] if isinstance(user_id, str) else ""
    if principal == "*":
        return Caller(principal, Kind.ANONYMOUS, "", "", "", "")
    parts = principal.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return Caller(principal, Kind.SERVICE, "", "", "", "")
    account, resource = parts[4], parts[5]
    what, _, rest = resource.partition("/")
    if what == "assumed-role":
        name = rest.partition("/")[0]
        role = context.get("aws:principalarn")
        known = isinstance(role, str) and ":role/" in role
        return Caller(principal, Kind.SESSION, account, str(role) if known else "", name, unique_id)
    if what == "role":
        return Caller(principal, Kind.ROLE, account, principal, rest.rpartition("/")[2], unique_id)
    if what in ("oidc-provider", "saml-provider"):
        return Caller(principal, Kind.PROVIDER, "", "", "", "")
    kind = {"root": Kind.ROOT, "federated-user": Kind.FEDERATED}.get(what, Kind.USER)
    return Caller(principal, kind, account, "", "", unique_id)


@dataclass(frozen=True, slots=True)
class Principals:
    """A Principal or NotPrincipal element: (type, value) pairs as written, "*" being ("AWS", "*")."""

    entries: tuple[tuple[str, str], ...]
    everyone: bool = field(repr=False, compare=False)
    accounts: frozenset[str] = field(repr=False, compare=False)
    named: frozenset[tuple[str, str]] = field(repr=False, compare=False)

    def match(self, who: Caller) -> Match:
        """Tell how directly this element names the caller."""
        if self.everyone:
            return Match.DIRECT
        kind = who.kind
        if kind is Kind.SERVICE:
            return Match.DIRECT if ("Service", who.arn) in self.named else Match.NONE
        if kind is Kind.PROVIDER:
            return Match.DIRECT if ("Federated", who.arn) in self.named else Match.NONE
        if kind is Kind.ANONYMOUS:
            return Match.NONE
        if ("AWS", who.arn) in self.named:
            return Match.ROLE if kind is Kind.ROLE else Match.DIRECT
        if kind is Kind.ROOT:
            return Match.DIRECT if who.account in self.accounts else Match.NONE
        if who.unique_id and ("AWS", who.unique_id) in self.named:
            return Match.DIRECT if kind is Kind.USER else Match.ROLE
        if kind is Kind.SESSION and self._names_role(who):
            return Match.ROLE
        return Match.ACCOUNT if who.account in self.accounts else Match.NONE

    def _names_role(self, who: Caller) -> bool:
        if who.role:
            return ("AWS", who.role) in self.named
        for kind, value in self.entries:
            if kind == "AWS" and ":role/" in value:
                parts = value.split(":", 5)
                if parts[4] == who.account and parts[5].rpartition("/")[2] == who.role_name:
                    return True
        return False

    def excludes(self, who: Caller) -> bool:
        """Tell whether this element, as a NotPrincipal, leaves the caller out of its statement.

        Every form of the caller must be listed: the session, its role and its account (AWS: IAM User Guide,
        NotPrincipal; I027).
        """
        if self.everyone:
            return True
        if not who.kind.has_identity:
            return self.match(who) is Match.DIRECT
        if who.account not in self.accounts:
            return False
        if who.kind is Kind.ROOT:
            return True
        listed = ("AWS", who.arn) in self.named
        return listed and (who.kind is not Kind.SESSION or self._names_role(who))


def principals(entries: tuple[tuple[str, str], ...]) -> Principals:
    """Compile the pairs of a Principal element."""
    accounts: set[str] = set()
    for kind, value in entries:
        if kind != "AWS":
            continue
        if value.isdigit() and len(value) == 12:
            accounts.add(value)
        elif value.startswith("arn:") and value.endswith(":root"):
            accounts.add(value.split(":")[4] if value.count(":") == 5 else "")
    everyone = ("AWS", "*") in entries
    return Principals(entries, everyone, frozenset(accounts), frozenset(entries))
