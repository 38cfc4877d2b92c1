"""A statement that somebody would add for a denial: would it do, and what else would it open?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ecrlab.aws.authorization.suggest import where as place_of_policy
from ecrlab.aws.authorization.suggest import with_statement
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.seed import ADMINISTRATOR
from ecrlab.aws.what_if.actions import actions
from ecrlab.aws.what_if.callers import documents
from ecrlab.aws.what_if.errors import Unanswerable, some
from ecrlab.aws.what_if.questions import Asking
from ecrlab.home import ACCOUNT, REGION
from ecrlab.policy import Attached, Policies, PolicyError, PolicyType, evaluate, read_policy

STRANGER = "111122223333"
"""An account that nobody in the course belongs to; `opens` asks for it when a policy names principals."""


def proposal(cloud: Cloud, asked: Asking, statement: object) -> dict[str, Any]:
    """Try a statement that somebody would add for a denial: would it do, and what else would it open?

    It is put where the denial says something is missing (an identity policy when nothing is). Returns enough, where,
    opens ({"principal", "action", "resource"} that become allowed beside what was asked; the first 200), count, and
    warning ("" when it opens nothing else). Asked about: every action of the lab on every repository of the registry
    and on one that does not exist; for a repository policy, the same action for everybody and for a third account.
    """
    decision = asked.decide()
    kind = decision.policy_type if not decision.allowed and decision.policy_type is not None else "identity-based"
    try:
        after = with_statement(asked.policies, kind, statement)
    except PolicyError as error:
        raise Unanswerable(f"The statement is none: {error.code}: {error.message}") from None
    enough = evaluate(asked.request, after).allowed
    found = list(_opened_by(cloud, asked, after))
    if kind in ("resource-based", "role trust"):
        found += _opened_to(cloud, asked, kind, statement)
    return {
        "enough": enough,
        "where": place_of_policy(asked.request, asked.policies, kind),
        "opens": found[:200],
        "count": len(found),
        "warning": _opens_words(found),
    }


def _opened_by(cloud: Cloud, asked: Asking, after: Policies) -> Iterator[dict[str, str]]:
    request = asked.request
    account, region = ACCOUNT, REGION
    if request.resource.startswith("arn:aws:ecr:"):
        region, account = request.resource.split(":")[3:5]
    names = [found.name for found in cloud.store.repositories(f"{account}/{region}", limit=100)]
    stem = f"arn:aws:ecr:{region}:{account}:repository/"
    for action, target in actions().items():
        if target in ("repository", "repositories", "arn") and action.startswith("ecr:"):
            resources = [stem + name for name in (*names, "a-repository-of-tomorrow")]
        elif target == "none":
            continue
        elif target.startswith(("*", "public ", "ecs ")):
            resources = ["*"]
        else:
            resources = [f"arn:aws:iam::{request.resource_account}:{target.split()[0]}/any"]
        for resource in resources:
            if (action, resource) == (request.action, request.resource):
                continue
            same = resource == request.resource
            trial = replace(request, action=action, resource=resource)
            # Another repository's own policy is not this one's.
            before = asked.policies if same else replace(asked.policies, resource=None)
            then = after if same else replace(after, resource=None)
            if not evaluate(trial, before).allowed and evaluate(trial, then).allowed:
                yield {"principal": request.principal, "action": action, "resource": resource}


def _opened_to(cloud: Cloud, asked: Asking, kind: PolicyType, statement: object) -> Iterator[dict[str, str]]:
    """Who else a repository policy's statement lets do the same."""
    request = asked.request
    others = [
        found
        for account, user in documents(cloud, "users")
        if (found := cloud.identities.user_principal(account, user["name"], "")) is not None
        and found.arn != request.principal
    ]
    everything = cloud.identities.text_of(ADMINISTRATOR)
    assert everything is not None
    for other in [*others, _user_of_tomorrow()]:
        identity, boundary, session = cloud.identities.policies_of(other)
        if other.account == STRANGER:
            identity = (Attached(read_policy(everything), ADMINISTRATOR, "AdministratorAccess", "user anybody"),)
        policies = replace(asked.policies, identity=identity, boundary=boundary, session=session)
        context = {key: value for key, value in request.context.items() if not key.startswith("aws:Principal")}
        trial = replace(request, principal=other.arn, context={**context, **other.context})
        after = with_statement(policies, kind, statement)
        if not evaluate(trial, policies).allowed and evaluate(trial, after).allowed:
            yield {"principal": other.arn, "action": request.action, "resource": request.resource}


def _user_of_tomorrow() -> Principal:
    arn = f"arn:aws:iam::{STRANGER}:user/anybody"
    context: dict[str, str | tuple[str, ...]] = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": STRANGER}
    return Principal("user", STRANGER, arn, "AIDAANYBODY", "anybody", "AIDAANYBODY", "", None, context)


def _opens_words(found: list[dict[str, str]]) -> str:
    if not found:
        return ""

    def short(each: dict[str, str]) -> str:
        return each["resource"].split(":", 5)[-1].removeprefix("repository/")

    writing = [each for each in found if re.search(r":(Batch)?(Delete|Put|Set|Upload|Attach|Create)", each["action"])]
    shown = (writing or found)[:3]
    principals = {each["principal"] for each in found}
    examples = "; ".join(f"{each['action']} on {short(each)}" for each in shown)
    words = f"It opens {len(found)} more than was asked for: {examples}{'; …' if len(found) > len(shown) else '.'}"
    if len(principals) > 1 or any(STRANGER in principal for principal in principals):
        words += f" It also opens it to {some(sorted(each.split(':', 4)[-1] for each in principals), 4)}."
    return words
