"""Bearers of identity tokens in questions to IAM: which role may one take, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ecrlab.aws.identity.bearer import Bearer
from ecrlab.aws.sts import web_identity
from ecrlab.aws.wire.errors import ApiError

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

ACTION = web_identity.ACTION
_TOKEN = re.compile(r"\s*[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\s*")


class TokenRefused(ValueError):  # noqa: N818 (an answer, not a failure)
    """STS refuses a token before it looks at a role; the text has STS's words, and why."""


def is_token(text: str) -> bool:
    """Tell whether a text has the form of an identity token: no name of a principal has it."""
    return _TOKEN.fullmatch(text) is not None and len(text) > 60


def bearer(cloud: Cloud, text: str, account: str) -> Bearer:
    """Return the bearer of a token, verified as STS does for a role of an account. Raises TokenRefused."""
    try:
        found = web_identity.read(text, account)
        web_identity.verify(cloud, found, cloud.clock.time())
    except ApiError as error:
        why = f" ({error.why})" if error.why else ""
        code = error.code.removesuffix("Exception") if error.code.startswith("Invalid") else error.code
        text = f"STS refuses this token before any trust policy is asked: {code}: {error.message}{why}"
        raise TokenRefused(text) from None
    return found
