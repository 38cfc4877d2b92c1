"""IAM's policy simulator: SimulateCustomPolicy, SimulatePrincipalPolicy, and the context keys that they want.

One result for each action, with one for each resource inside it (botocore's texts of 2026: "The simulator now returns a
single EvaluationResult per action"). Nothing is looked up about the resources; a resource policy comes with the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ecrlab.aws.arns import entity_of
from ecrlab.aws.authorization.rules import RULES
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.identity.identities import Document, Identities, parsed
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.policy import (
    Attached,
    Decision,
    Policies,
    Policy,
    PolicyError,
    PolicyKind,
    Request,
    Row,
    context_keys,
    evaluate,
    statement_places,
)

Answer = Literal["allowed", "implicitDeny", "explicitDeny"]
_ANSWERS: dict[str, Answer] = {
    "Allowed": "allowed",
    "ImplicitlyDenied": "implicitDeny",
    "ExplicitlyDenied": "explicitDeny",
}
_STRICTNESS: dict[Answer, int] = {"allowed": 0, "implicitDeny": 1, "explicitDeny": 2}
_RESOURCE_TYPES = {
    "repository": "arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}",
    "repositories": "arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}",
    "arn": "arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}",
    "user": "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}",
    "group": "arn:${Partition}:iam::${Account}:group/${GroupNameWithPath}",
    "role": "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}",
    "role to assume": "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}",
    "policy": "arn:${Partition}:iam::${Account}:policy/${PolicyNameWithPath}",
}


def _invalid(text: str) -> ApiError:
    return ApiError("InvalidInputException", text)


@dataclass(frozen=True)
class Source:
    """One policy of a simulation: its id in the results, its text and, when attached, what PolicyExclusionList says."""

    id: str
    text: str
    kind: PolicyKind
    type: str = ""  # "inline", "aws-managed", "user-managed"
    arn: str = ""
    inline: tuple[str, str, str] = ("", "", "")  # policy name, "user" | "group" | "role", name of the holder

    @property
    def policy(self) -> Policy:
        try:
            return parsed(self.text, self.kind)
        except PolicyError as error:
            raise _invalid(f"Invalid Input Policy: {self.id}: {error.message}") from None


@dataclass(frozen=True)
class Simulation:
    """Everything that is the same for all actions and resources of a call."""

    caller: str
    account: str
    context: dict[str, str | tuple[str, ...]]
    identity: tuple[Source, ...]
    boundary: Source | None
    resource: Source | None
    scps: tuple[tuple[Policy, ...], ...]
    owner: str | None
    places: dict[str, tuple[tuple[tuple[int, int], tuple[int, int]], ...]] = field(default_factory=dict)

    def policies(self) -> Policies:
        boundary = None
        if self.boundary is not None:
            boundary = Attached(self.boundary.policy, None, self.boundary.id, "")
        # Two policies may have one id: their place in the list tells them apart, where an ARN would stand.
        identity = tuple(Attached(each.policy, str(at), each.id, "") for at, each in enumerate(self.identity))
        resource = self.resource.policy if self.resource is not None else None
        return Policies(identity=identity, resource=resource, boundary=boundary, scps=self.scps)


# ------------------------------------------------------------------------------------------------------------ the input


def _inputs(texts: Iterable[str], name: str, kind: PolicyKind) -> tuple[Source, ...]:
    return tuple(Source(f"{name}.{number}", text, kind) for number, text in enumerate(texts, 1))


def _entity(call: Call, arn: str) -> tuple[str, Document]:
    """Return ("user" | "group" | "role", document) of an ARN of the caller's account."""
    account, kind, name = entity_of(arn)
    found = call.cloud.identities.get(f"{kind}s", call.account, name)
    if found is None or account not in ("", call.account):
        raise ApiError("NoSuchEntityException", f"The {kind} with name {name} cannot be found.")
    return kind, found


def _held(identities: Identities, kind: str, holder: Document) -> Iterator[Source]:
    for name, text in holder["inline"].items():
        inline = (name, kind, holder["name"])
        yield Source(f"{kind}_{holder['name']}_{name}", text, "identity", "inline", inline=inline)
    for arn in holder["attached"]:
        text = identities.text_of(arn)
        if text is not None:
            managed = "aws-managed" if arn.startswith("arn:aws:iam::aws:") else "user-managed"
            yield Source(arn.rpartition("/")[2], text, "identity", managed, arn=arn)


def _attached(call: Call, kind: str, holder: Document) -> tuple[Source, ...]:
    """Return the policies of an entity, those of a user's groups among them."""
    identities = call.cloud.identities
    found = list(_held(identities, kind, holder))
    for name in holder.get("groups", ()):
        group = identities.get("groups", call.account, name)
        if group is not None:
            found.extend(_held(identities, "group", group))
    return tuple(found)


def _excluded(source: Source, identifiers: list[dict[str, Any]]) -> bool:
    for each in identifiers:
        inline = each.get("InlinePolicyIdentifier")
        named = inline and (inline["PolicyName"], inline["AttachmentType"], inline["AttachmentName"]) == source.inline
        if named or (source.arn and each.get("PolicyArn") == source.arn) or each.get("PolicyType") == source.type != "":
            return True
    return False


def _context(call: Call) -> dict[str, str | tuple[str, ...]]:
    given: dict[str, str | tuple[str, ...]] = {}
    for entry in call.params.get("ContextEntries", ()):
        name, values = entry.get("ContextKeyName", ""), tuple(entry.get("ContextKeyValues", ()))
        if ":" not in name:
            raise _invalid(f"Invalid Context Key Name: {name}")
        many = entry.get("ContextKeyType", "string").endswith("List") or len(values) > 1
        if values:
            given[name] = values if many else values[0]
    return given


def _caller(call: Call, source: tuple[str, Document] | None) -> tuple[str, str, dict[str, str | tuple[str, ...]]]:
    """Return ARN, account and own context keys of the simulated caller."""
    arn, with_resource = call.params.get("CallerArn"), "ResourcePolicy" in call.params
    if arn is None and source is not None and source[0] != "group":
        arn = source[1]["arn"]
    if arn is None:
        if with_resource:
            raise _invalid("Invalid caller - Caller cannot be null or empty.")
        return f"arn:aws:iam::{call.account}:user/simulated", call.account, {}
    account, kind, name = entity_of(arn)
    account = account or call.account
    if with_resource and kind != "user":
        raise _invalid("Invalid caller - Caller must be an IAM user in this context.")
    keys: dict[str, str | tuple[str, ...]] = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": account}
    holder = call.cloud.identities.get(f"{kind}s", account, name) if account == call.account else None
    if kind == "user":
        keys |= {"aws:username": name, "aws:PrincipalType": "User"}
        keys |= {"aws:userid": holder["id"]} if holder is not None else {}
    elif kind == "role":
        keys["aws:PrincipalType"] = "AssumedRole"
    for tag, value in (holder.get("tags", {}) if holder is not None else {}).items():
        keys[f"aws:PrincipalTag/{tag}"] = value
    return arn, account, keys


def _simulation(call: Call, source: tuple[str, Document] | None) -> Simulation:
    params = call.params
    caller, account, keys = _caller(call, source)
    identity = _inputs(params.get("PolicyInputList", ()), "PolicyInputList", "identity")
    boundaries = _inputs(
        params.get("PermissionsBoundaryPolicyInputList", ()), "PermissionsBoundaryPolicyInputList", "boundary"
    )
    if len(boundaries) > 1:
        raise _invalid("Only one permissions boundary policy can be simulated.")
    boundary = boundaries[0] if boundaries else None
    if source is not None:
        kind, holder = source
        exclude = params.get("PolicyExclusionList", [])
        identity = tuple(each for each in _attached(call, kind, holder) if not _excluded(each, exclude)) + identity
        arn = holder.get("boundary")
        left_out = any(each.get("PolicyType") == "permission-boundary" for each in exclude)
        if boundary is None and arn and not left_out:
            text = call.cloud.identities.text_of(arn)
            if text is not None:
                boundary = Source(arn.rpartition("/")[2], text, "boundary")
    resource = Source("ResourcePolicy", params["ResourcePolicy"], "resource") if "ResourcePolicy" in params else None
    scps = tuple(
        tuple(each.policy for each in _inputs(level.get("ServiceControlPolicyInputList", ()), f"scp{number}", "scp"))
        for number, level in enumerate(params.get("OrderedOrganizationPolicyInputList", ()), 1)
    )
    owner = params.get("ResourceOwner")
    if owner is not None:
        owner = owner.split(":")[4] if owner.count(":") == 5 else owner
    return Simulation(caller, account, {**keys, **_context(call)}, identity, boundary, resource, scps, owner)


# ---------------------------------------------------------------------------------------------------------- the results


def _decide(simulation: Simulation, action: str, resource: str) -> Decision:
    parts = resource.split(":", 5)
    owner = parts[4] if len(parts) == 6 and parts[4] else simulation.owner or simulation.account
    if simulation.resource is None:
        # Without a policy of the resource's side only the caller's side is asked.
        owner = simulation.account
    return evaluate(Request(simulation.caller, action, resource, owner, simulation.context), simulation.policies())


def _side(decision: Decision, *kinds: str) -> Answer:
    """What the policies of some kinds say by themselves."""
    effects = {row.effect for row in decision.trace if row.applied and row.origin.policy_type in kinds}
    return "explicitDeny" if "Deny" in effects else "allowed" if "Allow" in effects else "implicitDeny"


def _matched(simulation: Simulation, decision: Decision) -> list[dict[str, Any]]:
    """The statements that determine the result: the denying ones, else the allowing ones (no boundaries, no SCPs)."""
    shown = [
        row
        for row in decision.trace
        if row.applied and row.origin.policy_type in ("identity-based", "resource-based", "role trust")
    ]
    wanted = "Deny" if any(row.effect == "Deny" for row in shown) else "Allow"
    return [_statement(simulation, row) for row in shown if row.effect == wanted]


def _statement(simulation: Simulation, row: Row) -> dict[str, Any]:
    identity = row.origin.policy_type == "identity-based"
    source = simulation.identity[int(row.origin.arn or 0)] if identity else simulation.resource
    assert source is not None
    if source.text not in simulation.places:
        simulation.places[source.text] = statement_places(source.text)
    start, end = simulation.places[source.text][row.index]
    return {
        "SourcePolicyId": source.id,
        "SourcePolicyType": "IAM Policy" if identity else "Resource Policy",
        # One column behind each of the two braces, as AWS counts (facts A055).
        "StartPosition": {"Line": start[0], "Column": start[1] + 1},
        "EndPosition": {"Line": end[0], "Column": end[1]},
    }


def _missing(simulation: Simulation, decision: Decision) -> list[str]:
    """The context keys that statements for this action and resource ask for, and that nobody gave."""
    given = {key.lower() for key in simulation.context}
    found: dict[str, str] = {}
    for row in decision.trace:
        if row.origin.policy_type not in ("identity-based", "resource-based", "permissions boundary"):
            continue
        if row.mismatch is not None and row.mismatch.element in ("action", "principal"):
            continue
        version = "2012-10-17"
        if row.origin.policy_type == "identity-based":
            version = simulation.identity[int(row.origin.arn or 0)].policy.version
        for key in context_keys(row.statement, version):
            if key.lower() not in given:
                found.setdefault(key.lower(), key)
    return list(found.values())


def _details(simulation: Simulation, decision: Decision) -> dict[str, Answer]:
    if not decision.cross_account:
        return {}
    sides: dict[str, Answer] = {
        "IAM Policy": _side(decision, "identity-based"),
        "Resource Policy": _side(decision, "resource-based", "role trust"),
    }
    if simulation.boundary is not None:
        sides["Permissions Boundary Policy"] = _side(decision, "permissions boundary")
    return sides


def _boundary(simulation: Simulation, decision: Decision) -> dict[str, bool] | None:
    if simulation.boundary is None:
        return None
    return {"AllowedByPermissionsBoundary": _side(decision, "permissions boundary") == "allowed"}


def _specific(simulation: Simulation, decision: Decision) -> dict[str, Any]:
    return {
        "EvalResourceName": decision.request.resource,
        "EvalResourceDecision": _ANSWERS[decision.verdict],
        "MatchedStatements": _matched(simulation, decision),
        "MissingContextValues": _missing(simulation, decision),
        "EvalDecisionDetails": _details(simulation, decision) or None,
        "PermissionsBoundaryDecisionDetail": _boundary(simulation, decision),
    }


def _evaluation(simulation: Simulation, action: str, resources: list[str]) -> dict[str, Any]:
    decisions = [_decide(simulation, action, resource) for resource in resources]
    answers = [_ANSWERS[decision.verdict] for decision in decisions]
    answer = max(answers, key=_STRICTNESS.__getitem__)
    matched: list[dict[str, Any]] = []
    details: dict[str, Answer] = {}
    missing: dict[str, None] = {}
    for decision in decisions:
        if answer != "implicitDeny" and _ANSWERS[decision.verdict] == answer:
            matched += [each for each in _matched(simulation, decision) if each not in matched]
        missing |= dict.fromkeys(_missing(simulation, decision))
        for side, said in _details(simulation, decision).items():
            details[side] = max(details.get(side, said), said, key=_STRICTNESS.__getitem__)
    named = resources != ["*"]
    service, _, name = action.lower().partition(":")
    rule = next((rule for (owner, known), rule in RULES.items() if (owner, known.lower()) == (service, name)), None)
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": _RESOURCE_TYPES.get(rule.target, "*") if rule is not None else "*",
        "EvalDecision": answer,
        "MatchedStatements": matched,
        "MissingContextValues": list(missing),
        "EvalDecisionDetails": details if named else None,
        "PermissionsBoundaryDecisionDetail": None,
        "ResourceSpecificResults": [_specific(simulation, each) for each in decisions] if named else None,
    }
    if simulation.boundary is not None:
        by_boundary = all(_side(each, "permissions boundary") == "allowed" for each in decisions)
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": by_boundary}
    if simulation.scps:
        blocked = any(each.policy_type == "service control" for each in decisions)
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": not blocked}
    return result


def _answer(call: Call, source: tuple[str, Document] | None) -> dict[str, Any]:
    simulation = _simulation(call, source)
    simulation.policies()  # an invalid document is an error even where it would not matter
    resources = list(dict.fromkeys(call.params.get("ResourceArns") or ["*"]))
    for resource in resources:
        if resource != "*" and (not resource.startswith("arn:") or resource.count(":") < 5):
            raise _invalid(f"Invalid Entity Arn: {resource} does not clearly define entity type and name.")
    if simulation.resource is not None and resources == ["*"]:
        raise _invalid("Invalid Entity Arn: * does not clearly define entity type and name.")
    actions = call.params.get("ActionNames", ())
    for action in actions:
        service, colon, name = action.partition(":")
        if not (service and colon and name) or ":" in name or "*" in action or "?" in action:
            raise _invalid(f"Invalid Action Name: {action}")
    # Only the page that is asked for is worked out.
    answer = paged(call, list(actions), "EvaluationResults")
    answer["EvaluationResults"] = [_evaluation(simulation, each, resources) for each in answer["EvaluationResults"]]
    return answer


@operation("iam", "SimulateCustomPolicy")
def simulate_custom_policy(call: Call) -> dict[str, Any]:
    return _answer(call, None)


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(call: Call) -> dict[str, Any]:
    return _answer(call, _entity(call, call.params["PolicySourceArn"]))


@operation("iam", "GetContextKeysForCustomPolicy", "GetContextKeysForPrincipalPolicy")
def get_context_keys(call: Call) -> dict[str, Any]:
    sources = _inputs(call.params.get("PolicyInputList", ()), "PolicyInputList", "identity")
    if call.operation == "GetContextKeysForPrincipalPolicy":
        sources = _attached(call, *_entity(call, call.params["PolicySourceArn"])) + sources
    found: dict[str, str] = {}
    for source in sources:
        for statement in source.policy.statements:
            for key in context_keys(statement, source.policy.version):
                found.setdefault(key.lower(), key)
    return {"ContextKeyNames": list(found.values())}
