"""The question to IAM: asked with the policies as they are now, answered, and noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecrlab.aws.authorization.explain import Asked
from ecrlab.aws.authorization.keys import KEYS, Context, condition_keys, tag_pairs
from ecrlab.aws.authorization.rules import RULES
from ecrlab.aws.authorization.targets import TARGETS, Target
from ecrlab.aws.context import RequestContext
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.operations import Call
from ecrlab.aws.wire.errors import ApiError
from ecrlab.policy import Attached, Decision, Policies, Policy, Request, evaluate

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud


Held = tuple[tuple[Attached, ...], Attached | None, Policy | None]
"""What a principal holds: identity policies, permissions boundary, session policy (`Identities.policies_of`)."""


def question(
    cloud: Cloud,
    principal: Principal,
    action: str,
    target: Target,
    context: RequestContext,
    keys: Mapping[str, str | tuple[str, ...]] | None = None,
) -> tuple[Request, Policies]:
    """Return one question to IAM and the policies in force for it, read now."""
    told = condition_keys(principal.context, action, target, context)
    if keys:
        told.update(keys)
    request = Request(principal.arn, action, target.arn, target.account, told)
    registry = cloud.registry_policy(target.account, context.region) if asks_registry(action, target) else None
    return request, in_force(cloud.identities.policies_of(principal), target, registry)


def asks_registry(action: str, target: Target) -> bool:
    """Tell whether the registry policy speaks in a question about this action and target.

    No resource type and no repository policy: only an identity-based policy can grant it (facts E126).
    """
    return action.startswith("ecr:") and target.arn != "*"


def in_force(held: Held, target: Target, registry: Policy | None) -> Policies:
    """Return the policies of one question: those the principal holds, the target's own and the registry's."""
    identity, boundary, session = held
    return Policies(identity=identity, resource=target.policy, boundary=boundary, session=session, registry=registry)


def ask(
    cloud: Cloud,
    principal: Principal,
    action: str,
    target: Target,
    context: RequestContext,
    *,
    keys: Mapping[str, str | tuple[str, ...]] | None = None,
    decisions: list[dict[str, Any]],
) -> Decision:
    """Put one question to IAM, with the policies as they are now, and note the answer in ``decisions``."""
    request, policies = question(cloud, principal, action, target, context, keys)
    decision = evaluate(request, policies)
    decisions.append(Asked(decision, policies))
    return decision


def allowed_as_if(call: Call, action: str, target: Target) -> bool:
    """Tell whether the caller might do ``action`` if ``target`` had the policy that it has here. Nothing is noted."""
    request, policies = question(call.cloud, call.principal, action, target, call.context)
    return evaluate(request, policies).allowed


def authorize(call: Call) -> None:
    """Ask IAM everything that an API operation needs; raise AccessDenied with AWS's sentence at the first refusal."""
    rule = RULES[call.service, call.operation]
    keys: Context = {}
    for name in rule.keys:
        keys.update(KEYS[name](call))
    actions = (*rule.actions, rule.tagging) if rule.tagging and tag_pairs(call.params) else rule.actions
    for target in TARGETS[rule.target](call):
        for action in actions:
            require(call, action, target, keys)


def require(call: Call, action: str, target: Target, keys: Mapping[str, str | tuple[str, ...]] | None = None) -> None:
    """Ask one question for an API call and raise AccessDenied with AWS's sentence when the answer is no."""
    decision = ask(
        call.cloud,
        call.principal,
        action,
        target,
        call.context,
        keys=keys,
        decisions=call.decisions,
    )
    if not decision.allowed:
        raise ApiError("AccessDenied", decision.message)
