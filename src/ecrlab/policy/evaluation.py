"""Evaluation: AWS's logic for one request (facts/iam.md 2; AWS: IAM User Guide, policy evaluation logic)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecrlab.policy.decision import Decision, Origin, Policies, PolicyType, Request, Row, type_name
from ecrlab.policy.document import Mismatch, Policy
from ecrlab.policy.pattern import Context
from ecrlab.policy.principal import Caller, Kind, Match, caller

_TRUST_ACTIONS = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext")


@dataclass(slots=True)
class _Search:
    """One pass over all statements of a request; it collects the trace and what each policy says."""

    action: str
    resource: str
    who: Caller
    context: Context
    rows: list[Row] = field(default_factory=list)
    deny: Row | None = None

    def look(self, policy: Policy, origin: Origin) -> tuple[Match, Row | None]:
        """Match every statement of a policy; return its strongest Allow."""
        best: Row | None = None
        strength = Match.NONE
        for index, statement in enumerate(policy.statements):
            found = statement.match(self.action, self.resource, self.who, self.context)
            if isinstance(found, Mismatch):
                self.rows.append(Row(origin, index, statement, found))
                continue
            row = Row(origin, index, statement, None)
            self.rows.append(row)
            if statement.effect == "Deny":
                self.deny = self.deny or row
            elif found > strength:
                best, strength = row, found
        return strength, best


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decide a request by the policies in force for it.

    The caller hands in every policy that applies to the principal and to the resource; nothing is looked up here.
    Assuming a role always needs an Allow of its trust policy, and a KMS key one of its key policy (I012).

    Args:
        request: who asks for what, with the context keys.
        policies: the policies in force.

    Returns:
        The decision with its trace. It is never an exception: a context value that an operator cannot read
        does not match.
    """
    context = _context(request.context)
    who = caller(request.principal, context)
    action = request.action.lower()
    search = _Search(action, request.resource, who, context)
    trust = action.startswith(_TRUST_ACTIONS) or (policies.resource is not None and policies.resource.kind == "trust")
    own: PolicyType = "role trust" if trust else "resource-based"
    cross_account = who.kind.has_identity and who.account != request.resource_account

    scp_allows = True
    for level, scps in enumerate(policies.scps):
        origin = Origin("service control", f"level {level + 1}", None, "the organization")
        matches = [search.look(policy, origin)[0] for policy in scps]
        scp_allows = scp_allows and any(matches)
    named, resource_row = Match.NONE, None
    for policy, name in ((policies.resource, type_name(own)), (policies.registry, "registry policy")):
        if policy is not None:
            match, row = search.look(policy, Origin(own, name, None, ""))
            if match > named:
                named, resource_row = match, row
    identity_row: Row | None = None
    for attached in policies.identity:
        origin = Origin("identity-based", attached.name, attached.arn, attached.source)
        row = search.look(attached.policy, origin)[1]
        identity_row = identity_row or row
    boundary_allows = session_allows = True
    if policies.boundary is not None:
        edge = policies.boundary
        origin = Origin("permissions boundary", edge.name, edge.arn, edge.source)
        boundary_allows = bool(search.look(edge.policy, origin)[0])
    if policies.session is not None:
        origin = Origin("session", "session policy", None, "")
        session_allows = bool(search.look(policies.session, origin)[0])
    trace = tuple(search.rows)

    def allowed(by: PolicyType | None, row: Row | None) -> Decision:
        return Decision(request, "Allowed", by, row, trace, cross_account, context)

    def missing(kind: PolicyType) -> Decision:
        return Decision(request, "ImplicitlyDenied", kind, None, trace, cross_account, context)

    if search.deny is not None:
        kind = search.deny.origin.policy_type
        return Decision(request, "ExplicitlyDenied", kind, search.deny, trace, cross_account, context)
    if who.kind is Kind.ROOT and action == "sts:assumerole":
        # AWS: STS API reference, AssumeRole: root user credentials cannot call it. No policy type is to blame.
        return Decision(request, "ImplicitlyDenied", None, None, trace, cross_account, context)
    if who.kind.has_identity and not scp_allows:
        return missing("service control")
    if not who.kind.has_identity:
        return allowed(own, resource_row) if named else missing(own)

    must_name = cross_account or trust or (action.startswith("kms:") and ":key/" in request.resource)
    if must_name and not named:
        # Across accounts with neither side allowing, which type AWS names is unconfirmed (I053); a public log shows
        # this one.
        return missing(own)
    if who.kind is Kind.ROOT:
        return allowed(own, resource_row) if must_name else allowed(None, None)
    if not cross_account and named is Match.DIRECT:
        # A user, a session or everyone: no implicit denial of another policy limits it (facts/iam.md 2.2).
        return allowed(own, resource_row)
    granted_here = not cross_account and named is Match.ROLE
    if identity_row is None and not granted_here:
        return missing("identity-based")
    if not boundary_allows:
        return missing("permissions boundary")
    if not session_allows:
        return missing("session")
    if identity_row is None or cross_account:
        return allowed(own, resource_row)
    return allowed("identity-based", identity_row)


def _context(given: Mapping[str, str | tuple[str, ...]]) -> Context:
    """Key names in lower case (I033); a key with no values at all counts as absent."""
    return {
        key.lower(): value if isinstance(value, str) else tuple(value)
        for key, value in given.items()
        if isinstance(value, str) or value
    }
