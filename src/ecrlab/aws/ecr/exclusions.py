"""Pull-time update exclusions: principals whose pulls do not count for lastRecordedPullTime (facts E015)."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.ecr.request import invalid, page_after, page_of, page_size
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError

_QUOTA = "pull time update exclusions per registry"  # facts E065


def pull_left_out(cloud: Cloud, account: str, region: str, principal: Principal) -> bool:
    """Tell whether the registry of ``account`` in ``region`` leaves out the pulls of this user, or of this role's
    sessions."""
    listed = _listed(cloud, account, region)
    if not listed:
        return False
    return principal.arn in listed or (principal.holder is not None and principal.holder.get("arn") in listed)


def _listed(cloud: Cloud, account: str, region: str) -> dict[str, float]:
    found: dict[str, float] = cloud.registry_settings(account, region).get("pull_time_exclusions") or {}
    return found


@operation("ecr", "RegisterPullTimeUpdateExclusion")
def register_pull_time_update_exclusion(call: Call) -> dict[str, Any]:
    arn = call.params["principalArn"]
    if arn.split(":")[4] != call.account:
        raise invalid("principalArn", f"The principal must belong to the account {call.account}")
    with call.cloud.store.transaction():
        listed = _listed(call.cloud, call.account, call.region)
        if arn in listed:
            raise ApiError(
                "ExclusionAlreadyExistsException",
                f"A pull time update exclusion for the principal '{arn}' already exists in the registry with id "
                f"'{call.account}'",
            )
        registry = f"{call.account}/{call.region}"
        if not call.cloud.quotas.allows(registry, _QUOTA, len(listed) + 1):
            raise ApiError(
                "LimitExceededException",
                f"The registry with id '{call.account}' already has the maximum of "
                f"{call.cloud.quotas.value(registry, _QUOTA)} pull time update exclusions",
            )
        call.cloud.change_registry(call.account, call.region, pull_time_exclusions={**listed, arn: call.now})
    return {"principalArn": arn, "createdAt": call.now}


@operation("ecr", "DeregisterPullTimeUpdateExclusion")
def deregister_pull_time_update_exclusion(call: Call) -> dict[str, Any]:
    arn = call.params["principalArn"]
    with call.cloud.store.transaction():
        listed = _listed(call.cloud, call.account, call.region)
        if arn not in listed:
            raise ApiError(
                "ExclusionNotFoundException",
                f"A pull time update exclusion for the principal '{arn}' does not exist in the registry with id "
                f"'{call.account}'",
            )
        left = {name: created for name, created in listed.items() if name != arn}
        call.cloud.change_registry(call.account, call.region, pull_time_exclusions=left or None)
    return {"principalArn": arn}


@operation("ecr", "ListPullTimeUpdateExclusions")
def list_pull_time_update_exclusions(call: Call) -> dict[str, Any]:
    [last], size = page_after(call, 1) or [""], page_size(call, 100)
    left = sorted(arn for arn in _listed(call.cloud, call.account, call.region) if arn > last)
    shown, token = page_of(left, size, lambda arn: (arn,))
    return {"pullTimeUpdateExclusions": shown, "nextToken": token}
