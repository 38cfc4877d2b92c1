"""IAM's policy language: parse a policy, evaluate a request, explain the decision.

Pure: no I/O, no clock (the time is a context key), no state. Facts: facts/iam.md; AWS: IAM User Guide.
"""

from ecrlab.policy.decision import Attached, Decision, Origin, Policies, PolicyType, Request, Row, Verdict
from ecrlab.policy.document import Mismatch, Policy, PolicyKind, Statement, read_policy, union
from ecrlab.policy.errors import PolicyError
from ecrlab.policy.evaluation import evaluate
from ecrlab.policy.explanation import explain, why_not
from ecrlab.policy.keys import context_keys
from ecrlab.policy.places import statement_places
from ecrlab.policy.validation import parse_policy, validate

__all__ = [
    "Attached",
    "Decision",
    "Mismatch",
    "Origin",
    "Policies",
    "Policy",
    "PolicyError",
    "PolicyKind",
    "PolicyType",
    "Request",
    "Row",
    "Statement",
    "Verdict",
    "context_keys",
    "evaluate",
    "explain",
    "parse_policy",
    "read_policy",
    "statement_places",
    "union",
    "validate",
    "why_not",
]
