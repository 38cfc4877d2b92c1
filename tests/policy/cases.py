"""The verdict of ecrlab.policy on a line of iam_cases.jsonl."""

from collections.abc import Mapping
from typing import Any

from ecrlab.policy import Attached, Policies, Request, evaluate, read_policy


def request(case: Mapping[str, Any]) -> Request:
    """Read a case's request."""
    asked = dict(case["request"])
    context = {key: value if isinstance(value, str) else tuple(value) for key, value in asked.pop("context").items()}
    return Request(**asked, context=context)


def policies(case: Mapping[str, Any]) -> Policies:
    """Read a case's policies."""
    given = case["policies"]
    boundary = given["boundary"]
    return Policies(
        identity=tuple(
            Attached(read_policy(document), None, f"policy{number}", "the principal")
            for number, document in enumerate(given["identity"])
        ),
        resource=given["resource"] and read_policy(given["resource"], "resource"),
        boundary=boundary and Attached(read_policy(boundary, "boundary"), None, "boundary", "the principal"),
        session=given["session"] and read_policy(given["session"], "session"),
        scps=tuple(tuple(read_policy(document, "scp") for document in level) for level in given["scps"]),
    )


def verdict(case: Mapping[str, Any]) -> str:
    """Return "Allowed", "ExplicitlyDenied" or "ImplicitlyDenied" for a case."""
    return evaluate(request(case), policies(case)).verdict
