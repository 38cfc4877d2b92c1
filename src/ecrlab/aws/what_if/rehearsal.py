"""What would be refused if a policy were saved: the checks of the operations that save one, and nothing is saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.ecr.policies import checked_repository_policy
from ecrlab.aws.iam.documents import checked_policy
from ecrlab.aws.iam.inline import checked_inline
from ecrlab.aws.iam.roles import checked_trust
from ecrlab.aws.operations import Call
from ecrlab.aws.what_if.callers import principal_named
from ecrlab.aws.what_if.errors import Unanswerable
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.models import find
from ecrlab.aws.wire.serializing import wire_code
from ecrlab.aws.wire.validation import validate
from ecrlab.home import REGION

_PLACES: dict[str, tuple[str, str, str, str, Callable[[Call], object]]] = {
    "user": ("iam", "PutUserPolicy", "UserName", "PolicyDocument", checked_inline),
    "group": ("iam", "PutGroupPolicy", "GroupName", "PolicyDocument", checked_inline),
    "role": ("iam", "PutRolePolicy", "RoleName", "PolicyDocument", checked_inline),
    "trust": ("iam", "UpdateAssumeRolePolicy", "RoleName", "PolicyDocument", checked_trust),
    "repository": ("ecr", "SetRepositoryPolicy", "repositoryName", "policyText", checked_repository_policy),
}


def rehearse(cloud: Cloud, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the control interface's POST rehearse: what saving a policy would be refused with.

    ``body`` names a place and has the policy's text: {"user": "ops", "policy": "pull", "document": "{…}"}, the same
    with group or role, {"repository": …, "document"} or {"trust": …, "document"}; without a place the text is read as
    an inline policy of nobody. The answer is {"refused": None} or {"refused": {"code", "message"}}, as the operation
    would say it to admin. Raises Unanswerable for another body.
    """
    text, named = body.get("document"), [place for place in _PLACES if isinstance(body.get(place), str)]
    if not isinstance(text, str) or len(named) > 1:
        raise Unanswerable(f'Wanted: a "document" that is a text, and at most one of {", ".join(_PLACES)}.')
    place = named[0] if named else "role"
    service, name, holder, member, check = _PLACES[place]
    params = {holder: body.get(place, "nobody"), member: text}
    if place in ("user", "group", "role"):
        params["PolicyName"] = str(body.get("policy") or "nothing")
    operation = find(service, name)
    assert operation is not None
    admin = principal_named(cloud, "admin")
    now = cloud.clock.time()
    call = Call(cloud, admin, service, name, params, REGION, now, "", "127.0.0.1", "")
    try:
        validate(operation, params)
        if named:
            check(call)
        else:
            checked_policy(text, "identity")
    except ApiError as error:
        code = wire_code(operation, error.code, operation.is_json)[0]
        return {"refused": {"code": code, "message": error.message}}
    return {"refused": None}
