"""IAM's OpenID Connect providers: the issuers whose identity tokens an account reads at all (facts D092 to D094)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.tags import merged_tags, shown_tags
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError

PROVIDERS_PER_ACCOUNT = 100
CLIENT_IDS = 100
THUMBPRINTS = 5
_SIMPLIFIED = "No thumbprint is fetched, none is checked, and no issuer is asked whether it is there."
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.IGNORECASE)


def provider_name(url: str) -> str:
    """Return what stands for an issuer's URL in ARNs and condition keys: the URL without ``https://``."""
    return url.removeprefix("https://")


def _found(call: Call) -> Document:
    arn = call.params["OpenIDConnectProviderArn"]
    found = call.cloud.identities.oidc_provider(arn)
    if found is None or found["arn"].split(":")[4] != call.account:
        raise ApiError("NoSuchEntityException", f"OpenIDConnect Provider not found for arn {arn}")
    return found


def _checked_url(url: str) -> str:
    """Return the provider's name for its URL; the texts are those of facts D141 and D142."""
    wrong = "Invalid Open ID Connect Provider URL"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ApiError("ValidationError", wrong, 400) from None
    if not parts.scheme or not parts.netloc:
        raise ApiError("ValidationError", wrong, 400)
    if parts.scheme != "https":
        raise ApiError("InvalidInputException", f"{wrong}. The URL must begin with https://.")
    if port is not None or parts.query or parts.fragment or "@" in parts.netloc or not _HOST.fullmatch(parts.netloc):
        raise ApiError("InvalidInputException", f"{wrong}.")
    return provider_name(url)


def _checked_thumbprints(thumbprints: list[str]) -> list[str]:
    if len(thumbprints) > THUMBPRINTS:
        raise ApiError("InvalidInputException", "Thumbprint list must contain fewer than 5 entries.")
    return [each.lower() for each in thumbprints]


def _checked_clients(clients: list[str]) -> list[str]:
    if len(clients) > CLIENT_IDS:
        raise ApiError(
            "LimitExceededException", f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS}"
        )
    return list(dict.fromkeys(clients))


@operation("iam", "CreateOpenIDConnectProvider", simplified=_SIMPLIFIED)
def create_provider(call: Call) -> dict[str, Any]:
    """Make the provider of a URL; one a URL and account."""
    if "ContextProvider" in call.params or "IdentityCenterInstanceArn" in call.params:
        raise ApiError("InvalidInputException", "ECR Lab has no IAM Identity Center.")
    identities, url = call.cloud.identities, call.params["Url"]
    name = _checked_url(url)
    thumbprints = _checked_thumbprints(call.params.get("ThumbprintList", []))
    clients = _checked_clients(call.params.get("ClientIDList", []))
    if identities.taken("oidc_providers", call.account, name):
        raise ApiError("EntityAlreadyExistsException", f"Provider with url {url} already exists.")
    if len(identities.all("oidc_providers", call.account)) >= PROVIDERS_PER_ACCOUNT:
        quota = f"OpenIdConnectProvidersPerAccount: {PROVIDERS_PER_ACCOUNT}"
        raise ApiError("LimitExceededException", f"Cannot exceed quota for {quota}")
    provider: Document = {
        "name": name,
        "arn": f"arn:aws:iam::{call.account}:oidc-provider/{name}",
        "created": call.now,
        "clients": clients,
        "thumbprints": thumbprints,
        "tags": _tags({}, call.params.get("Tags", [])),
    }
    identities.put("oidc_providers", call.account, provider)
    return {"OpenIDConnectProviderArn": provider["arn"], "Tags": shown_tags(provider) or None}


@operation("iam", "GetOpenIDConnectProvider")
def get_provider(call: Call) -> dict[str, Any]:
    found = _found(call)
    return {
        "Url": found["name"],
        "ClientIDList": found["clients"],
        "ThumbprintList": found["thumbprints"],
        "CreateDate": found["created"],
        "Tags": shown_tags(found),
    }


@operation("iam", "ListOpenIDConnectProviders")
def list_providers(call: Call) -> dict[str, Any]:
    providers = call.cloud.identities.all("oidc_providers", call.account)
    return {"OpenIDConnectProviderList": [{"Arn": provider["arn"]} for provider in providers]}


@operation("iam", "DeleteOpenIDConnectProvider")
def delete_provider(call: Call) -> None:
    """Delete it; trust policies that name it stay as they are, and let nobody in any more."""
    arn = call.params["OpenIDConnectProviderArn"]
    try:
        found = _found(call)
    except ApiError:
        raise ApiError("NoSuchEntityException", f"OpenId connect Provider {arn} cannot be found.") from None
    call.cloud.identities.delete("oidc_providers", call.account, found["name"])


@operation("iam", "AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider")
def change_clients(call: Call) -> None:
    """Add an audience, or take one away; neither what is there already nor what is not there is refused."""
    found, client = _found(call), call.params["ClientID"]
    clients = [each for each in found["clients"] if each != client]
    if call.operation == "AddClientIDToOpenIDConnectProvider":
        clients = found["clients"] if client in found["clients"] else _checked_clients([*found["clients"], client])
    call.cloud.identities.put("oidc_providers", call.account, {**found, "clients": clients})


@operation("iam", "UpdateOpenIDConnectProviderThumbprint", simplified="They are kept and never used.")
def update_thumbprints(call: Call) -> None:
    found, thumbprints = _found(call), _checked_thumbprints(call.params["ThumbprintList"])
    call.cloud.identities.put("oidc_providers", call.account, {**found, "thumbprints": thumbprints})


def _tags(old: dict[str, str], new: list[dict[str, str]]) -> dict[str, str]:
    return merged_tags(old, new, "The number of tags has reached the maximum limit.")


@operation("iam", "TagOpenIDConnectProvider")
def tag_provider(call: Call) -> None:
    found = _found(call)
    changed = {**found, "tags": _tags(found["tags"], call.params["Tags"])}
    call.cloud.identities.put("oidc_providers", call.account, changed)


@operation("iam", "UntagOpenIDConnectProvider")
def untag_provider(call: Call) -> None:
    found, gone = _found(call), call.params["TagKeys"]
    tags = {key: value for key, value in found["tags"].items() if key not in gone}
    call.cloud.identities.put("oidc_providers", call.account, {**found, "tags": tags})


@operation("iam", "ListOpenIDConnectProviderTags")
def list_provider_tags(call: Call) -> dict[str, Any]:
    tags = sorted(shown_tags(_found(call)), key=lambda each: each["Key"])
    return paged(call, tags, "Tags")
