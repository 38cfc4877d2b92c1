"""Requests, the policies in force for them, and the decision with its trace."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ecrlab.policy.document import Mismatch, Policy, Statement
from ecrlab.policy.pattern import Context

PolicyType = Literal[
    "service control",
    "resource-based",
    "role trust",
    "identity-based",
    "permissions boundary",
    "session",
]
# A policy type as AWS's sentences write it, with the article of the sentence about an explicit deny (I051).
_NAMED: dict[PolicyType, tuple[str, str]] = {
    "service control": ("a", "service control policy"),
    "resource-based": ("a", "resource-based policy"),
    "role trust": ("the", "role trust policy"),
    "identity-based": ("an", "identity-based policy"),
    "permissions boundary": ("a", "permissions boundary"),
    "session": ("a", "session policy"),
}
Verdict = Literal["Allowed", "ExplicitlyDenied", "ImplicitlyDenied"]


def type_name(policy_type: PolicyType) -> str:
    """Return a policy type as AWS's sentences write it: "identity-based policy", "permissions boundary"."""
    return _NAMED[policy_type][1]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: `principal` (an ARN, a service's name, or "*" when anonymous) wants `action` on `resource`.

    `resource` is an ARN, or "*" for an action without resource type; `resource_account` is the 12-digit account that
    owns it. `context` maps condition keys to a value, or to a tuple of values for a multivalued key.
    """

    principal: str
    action: str
    resource: str
    resource_account: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attached:
    """A policy with where it comes from: `source` is for example "user ci" or "group devs"; `arn` when managed."""

    policy: Policy
    arn: str | None
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies in force for a request.

    `identity` holds those of the user and its groups, or of the role; `resource` the resource's own (repository
    policy, trust policy); `registry` the registry policy, which counts as resource-based too; `scps` one tuple of
    policies for each level from the root of the organization down to the principal's account.
    """

    identity: tuple[Attached, ...] = ()
    resource: Policy | None = None
    boundary: Attached | None = None
    session: Policy | None = None
    scps: tuple[tuple[Policy, ...], ...] = ()
    registry: Policy | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement of the trace stands: its policy's type, name, ARN (managed policies) and source."""

    policy_type: PolicyType
    name: str
    arn: str | None
    source: str

    def __str__(self) -> str:
        kind = type_name(self.policy_type)
        if self.name in ("", kind):
            return f"the {kind}" + (f" ({self.source})" if self.source else "")
        if self.name.endswith("policy"):
            return f"the {self.name} ({kind})"
        return f"the {kind} {self.name}" + (f" of {self.source}" if self.source else "")


@dataclass(frozen=True, slots=True)
class Row:
    """One statement's part in a decision: it applied, or `mismatch` is the first thing that did not match."""

    origin: Origin
    index: int
    statement: Statement
    mismatch: Mismatch | None

    @property
    def applied(self) -> bool:
        return self.mismatch is None

    @property
    def sid(self) -> str | None:
        return self.statement.sid

    @property
    def effect(self) -> Literal["Allow", "Deny"]:
        return self.statement.effect

    @property
    def policy_name(self) -> str:
        return self.origin.name

    @property
    def label(self) -> str:
        """Return the statement's Sid in quotes, or its number, counted from 1."""
        return f'"{self.sid}"' if self.sid else f"number {self.index + 1}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request and how it came about.

    `policy_type` is the type of policy that decided (allowed, or denied explicitly) or that lacks an Allow (denied
    implicitly), None where policies have no say: a root user may do all of its account's, but never assume a role;
    `statement` the row of the statement that decided, None for an implicit denial and for an account's
    root user, whom no policy has to allow. `trace` has a row for every statement in force.
    """

    request: Request
    verdict: Verdict
    policy_type: PolicyType | None
    statement: Row | None
    trace: tuple[Row, ...]
    cross_account: bool
    context: Context = field(repr=False, compare=False)

    @property
    def allowed(self) -> bool:
        return self.verdict == "Allowed"

    @property
    def context_text(self) -> str:
        """Return the end of AWS's sentence, which tells the policy type; "" when allowed (I051)."""
        if self.verdict == "Allowed" or self.policy_type is None:
            return ""
        if self.verdict == "ExplicitlyDenied":
            return f"with an explicit deny in {' '.join(_NAMED[self.policy_type])}"
        return f"because no {type_name(self.policy_type)} allows the {self.request.action} action"

    @property
    def message(self) -> str:
        """Return AWS's sentence for a denial (I050); "" when allowed."""
        if self.allowed:
            return ""
        if self.request.action == "sts:AssumeRoleWithWebIdentity":
            return f"Not authorized to perform {self.request.action}"  # and no word about whom or why (D103)
        if self.policy_type is None:
            return "Roles may not be assumed by root accounts."
        who = "anonymous" if self.request.principal == "*" else self.request.principal
        asked = f"User: {who} is not authorized to perform: {self.request.action} on resource: {self.request.resource}"
        return f"{asked} {self.context_text}"
