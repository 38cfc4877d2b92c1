"""Answers to questions from outside a request: may this principal do that, now or as if other policies stood there?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecrlab.aws.authorization.explain import opened, reason
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.sts import bearers
from ecrlab.aws.what_if.actions import action_named
from ecrlab.aws.what_if.callers import bearer_named, documents, principal_named
from ecrlab.aws.what_if.edits import edit_of
from ecrlab.aws.what_if.errors import Unanswerable
from ecrlab.aws.what_if.proposals import proposal
from ecrlab.aws.what_if.questions import Asking, Reading, asking
from ecrlab.home import ACCOUNT
from ecrlab.policy import Decision, explain

MOST = 2000
"""The most questions in one call."""
KEPT = 50_000
"""How many answers of `allowed` are kept."""


def brief(asked: Asking, decision: Decision) -> dict[str, Any]:
    """Return the decision in short: what a matrix shows of it."""
    return {
        "principal": asked.request.principal,
        "action": asked.request.action,
        "resource": asked.request.resource,
        "allowed": decision.allowed,
        "decision": "allowed" if decision.allowed else "denied",
        "verdict": decision.verdict,
        "policy_type": decision.policy_type,
        "reason": reason(decision),
        "notes": asked.notes,
    }


def full(asked: Asking, decision: Decision) -> dict[str, Any]:
    """Return the decision opened: `brief`, the explanation and all of `ecrlab.aws.authorization.explain.opened`."""
    return {**brief(asked, decision), "explanation": explain(decision), **opened(decision, asked.policies)}


def decide(cloud: Cloud, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the control interface's POST decide.

    ``body`` is one question, answered by `full`; or {"questions": [question, …]}, answered by {"decisions": [`brief`,
    …]} in the same order, with "explained" each with its explanation. With "edits" all of it is decided as if these
    documents were saved. One question may bring a
    "statement": the answer's "proposal" says whether it would do and what else it would open (`proposal`).

    Raises Unanswerable for what cannot be made out, and PolicyError never.
    """
    given = body.get("edits", [])
    if not isinstance(given, list):
        raise Unanswerable("edits is a list.")
    edits = [edit_of(each) for each in given]
    questions, read = body.get("questions"), Reading(cloud)
    if questions is None:
        asked = asking(read, body, edits)
        answer = full(asked, asked.decide())
        if "statement" in body:
            answer["proposal"] = proposal(cloud, asked, body["statement"])
        return answer
    if not isinstance(questions, list) or len(questions) > MOST:
        raise Unanswerable(f"questions is a list of at most {MOST}.")
    answers = []
    for each in questions:
        asked = asking(read, each, edits)
        decision = asked.decide()
        answer = brief(asked, decision)
        answers.append({**answer, "explanation": explain(decision)} if body.get("explained") is True else answer)
    return {"decisions": answers}


_answers: dict[tuple[object, str, object], bool] = {}
"""What was answered, by all that it hangs on (`Reading.hangs_on`)."""


def allowed(cloud: Cloud, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the control interface's POST allowed: {"questions": [[principal, action, resource], …]}.

    The answer is {"allowed": [the places of those that IAM would allow, from 0]}. As `decide`, and quick where the same
    was asked before and nothing has changed that speaks of it: a matrix is asked again after each change.

    Raises Unanswerable for what cannot be made out.
    """
    questions, read = body.get("questions"), Reading(cloud)
    if not isinstance(questions, list) or len(questions) > MOST:
        raise Unanswerable(f"questions is a list of at most {MOST}.")
    found = []
    for place, each in enumerate(questions):
        if not isinstance(each, list) or len(each) != 3 or not all(isinstance(part, str) for part in each):
            raise Unanswerable("A question is a list of three texts: principal, action, resource.")
        name, action, what = each[0], action_named(each[1]), each[2]
        known = read.hangs_on(name, action, what)
        answer = None if known is None else _answers.get(known)
        if answer is None:
            answer = asking(read, {"principal": name, "action": action, "resource": what}).decide().allowed
            if known is not None:
                if len(_answers) >= KEPT:
                    _answers.clear()
                _answers[known] = answer
        if answer:
            found.append(place)
    return {"allowed": found}


def who(cloud: Cloud, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the control interface's POST who: {"principal"}; the ARN and the policies that speak about it.

    Of a bearer of an identity token: the claims, and of each role of the account what its trust policy says.
    """
    if bearers.is_token(str(body.get("principal", ""))):
        return _who_bears(cloud, str(body["principal"]))
    principal = principal_named(cloud, body.get("principal", ""))
    identity, boundary, session = cloud.identities.policies_of(principal)
    user = cloud.identities.get("users", principal.account, principal.name) if principal.kind == "user" else None
    return {
        "arn": principal.arn,
        "account": principal.account,
        "kind": {"user": "IAM user", "session": "session of an IAM role", "root": "root user"}[principal.kind],
        "groups": user["groups"] if user else [],
        "policies": [{"name": each.name, "arn": each.arn, "source": each.source} for each in identity],
        "boundary": boundary.name if boundary else None,
        "session_policy": session is not None,
    }


def _who_bears(cloud: Cloud, text: str) -> dict[str, Any]:
    bearer, read = bearer_named(cloud, text), Reading(cloud)
    roles = []
    for account, role in documents(cloud, "roles"):
        if account == ACCOUNT:
            asked = asking(read, {"principal": text, "action": bearers.ACTION, "resource": role["arn"]})
            decision = asked.decide()
            roles.append({"role": role["name"], "allowed": decision.allowed, "why": explain(decision)})
    return {
        "arn": bearer.provider,
        "account": ACCOUNT,
        "kind": "bearer of an identity token",
        "claims": bearer.claims,
        "roles": sorted(roles, key=lambda each: (not each["allowed"], each["role"])),
    }
