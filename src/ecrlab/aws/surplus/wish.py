"""The wish: what was asked for, compiled to statements that requests are matched with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.what_if.callers import principal_named
from ecrlab.aws.what_if.errors import Unanswerable
from ecrlab.policy import PolicyError, Statement, read_policy
from ecrlab.policy.principal import Caller
from ecrlab.policy.wanted import Grant, Wanted


@dataclass(frozen=True)
class Wish:
    """The wish compiled: statements that match what was asked for, and what passes without a remark."""

    may: tuple[Statement, ...]
    passes: tuple[Statement, ...]

    @property
    def all(self) -> tuple[Statement, ...]:
        return self.may + self.passes

    def of(self, who: Caller) -> Wish:
        """Return the part that is about one caller."""

        def about(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
            return tuple(each for each in statements if each.principals is not None and each.principals.match(who))

        return Wish(about(self.may), about(self.passes))


def principal_entry(cloud: Cloud, text: str) -> tuple[str, str]:
    """A caller of the wish as an entry of a Principal element."""
    if text == "*" or re.fullmatch(r"\d{12}", text):
        return "AWS", text
    if text.endswith(".amazonaws.com"):
        return "Service", text
    if re.match(r"arn:aws:iam::\d{12}:(oidc|saml)-provider/", text):
        return "Federated", text
    return "AWS", str(principal_named(cloud, text).context["aws:PrincipalArn"])


def compiled(cloud: Cloud, wanted: Wanted) -> Wish:
    def statement(grant: Grant) -> Statement:
        named: dict[str, list[str]] = {}
        for text in grant.who or wanted.who:
            kind, value = principal_entry(cloud, text)
            named.setdefault(kind, []).append(value)
        if not named:
            raise Unanswerable("Without who in wanted, each entry of may and passes needs its own who.")
        body = {"Effect": "Allow", "Principal": named, "Action": list(grant.actions), "Resource": list(grant.resources)}
        document = {"Version": "2012-10-17", "Statement": [{**body, "Condition": dict(grant.condition)}]}
        try:
            return read_policy(document, "resource").statements[0]
        except PolicyError as error:
            raise Unanswerable(f"What is wanted cannot be read as a policy: {error.message}: {body!r:.200}") from None

    return Wish(tuple(map(statement, wanted.may)), tuple(map(statement, wanted.passes)))
