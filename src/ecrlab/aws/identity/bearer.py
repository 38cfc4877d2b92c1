"""Whoever comes with an identity token in place of a signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ecrlab.aws.identity.identities import Principal


@dataclass(frozen=True)
class Bearer:
    """Whoever came with an identity token for a role of ``account``: what the token says, true or not.

    ``audiences`` is what counts as its audience: `azp` where it has one, else `aud` (fact D102). ``subject`` is None
    for a token that names nobody.
    """

    account: str
    text: str
    algorithm: str
    key_id: str | None
    issuer: str
    subject: str | None
    audiences: tuple[str, ...]
    claims: dict[str, Any]

    @property
    def provider(self) -> str:
        """The ARN that the issuer's provider has in the role's account, if there is one."""
        return f"arn:aws:iam::{self.account}:oidc-provider/{self.issuer.removeprefix('https://')}"

    @property
    def user_id(self) -> str:
        """What CloudTrail calls its principalId (fact D106)."""
        return f"{self.provider}:{','.join(self.audiences)}:{self.subject or ''}"

    def principal(self) -> Principal:
        """Return the bearer of a verified token as IAM sees it: the provider, with the token's claims as context."""
        name = self.issuer.removeprefix("https://")
        context: dict[str, str | tuple[str, ...]] = {"aws:FederatedProvider": self.provider}
        context[f"{name}:aud"] = self.audiences[0] if len(self.audiences) == 1 else self.audiences
        if self.subject is not None:
            context[f"{name}:sub"] = self.subject
        if "azp" in self.claims:
            context[f"{name}:oaud"] = texts_of(self.claims["aud"])
        if amr := texts_of(self.claims.get("amr")):
            context[f"{name}:amr"] = amr
        subject = self.subject or ""
        return Principal("web identity", self.account, self.provider, self.user_id, subject, "", "", None, context)


def texts_of(value: Any) -> tuple[str, ...]:
    """The texts of a claim that is one text or a list of them; none for anything else."""
    values = [value] if isinstance(value, str) else value
    return tuple(values) if isinstance(values, list) and all(isinstance(each, str) for each in values) else ()
