"""Encryption settings of repositories: which key they name. Nothing is encrypted by them here."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from ecrlab.aws.ecr.request import invalid
from ecrlab.aws.wire.errors import ApiError

_KEY = re.compile(r"arn:aws[\w-]*:kms:([\w-]+):(\d{12}):key/([\w-]+)")
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_ALIAS = re.compile(r"(?:arn:aws[\w-]*:kms:([\w-]+):(\d{12}):)?(alias/.+)")
#: The AWS managed key, the only one with an alias in a lab without AWS KMS.
MANAGED = "alias/aws/ecr"


def encryption_of(params: Mapping[str, Any], account: str, region: str) -> dict[str, str]:
    """Return the encryption of a repository in this registry, with the ARN of its key (facts A032, E131).

    Raises ApiError: a key for a type that has none, a type that the Region does not have (facts E132), a key that is
    in another Region or is not there.
    """
    given = dict(params.get("encryptionConfiguration") or {"encryptionType": "AES256"})
    if given["encryptionType"] == "AES256":
        if given.get("kmsKey"):
            raise invalid("encryptionConfiguration", "kmsKey can only be given with encryptionType KMS or KMS_DSSE")
        return given
    if given["encryptionType"] == "KMS_DSSE" and not region.startswith("us-gov-"):
        raise invalid("encryptionConfiguration", f"encryptionType KMS_DSSE is not available in {region}")
    return {**given, "kmsKey": _key(given.get("kmsKey") or MANAGED, account, region)}


def managed_key(account: str, region: str) -> str:
    """Return the ARN of the key behind `MANAGED`, the same one for all repositories of a registry."""
    return f"arn:aws:kms:{region}:{account}:key/{uuid.uuid5(uuid.NAMESPACE_URL, f'{account}/{region}/{MANAGED}')}"


def _key(given: str, account: str, region: str) -> str:
    """Return the ARN of the key that a key id, an alias or the ARN of either names.

    There is no AWS KMS that knows customers' keys: one in this Region that has the form of a key counts as there.
    """
    key, alias = _KEY.fullmatch(given), _ALIAS.fullmatch(given)
    place = key or alias
    if place is not None and place[1] not in (None, region):
        raise _refused(f"The key {given} is in {place[1]}. A key must be in the Region of the repository, {region}.")
    if alias is not None and alias[3] == MANAGED and alias[2] in (None, account):
        return managed_key(account, region)
    if key is None and not _ID.fullmatch(given):
        raise _refused(f"{'Alias' if alias else 'Key'} {given} is not found.")
    return given if key else f"arn:aws:kms:{region}:{account}:key/{given}"


def _refused(text: str) -> ApiError:
    """ECR says it with AWS KMS's error, whose text is not known here."""
    return ApiError("KmsException", text, extra={"kmsError": "NotFoundException"})
