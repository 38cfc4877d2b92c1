"""Context keys that a policy asks for, in its conditions and in its policy variables."""

from collections.abc import Iterator

from ecrlab.policy.document import Statement
from ecrlab.policy.pattern import variables


def context_keys(statement: Statement, version: str) -> Iterator[str]:
    """Yield the keys of a statement's conditions as written, and those of its variables; the same one possibly twice.

    Args:
        statement: one statement of a policy.
        version: the version of the policy's language; only in 2012-10-17 there are variables (facts I036).
    """
    for condition in statement.conditions:
        yield condition.key
    if version != "2012-10-17":
        return
    texts = list(statement.resources.values) if statement.resources is not None else []
    texts += [value for condition in statement.conditions for value in condition.values]
    for text in texts:
        yield from variables(text)
