"""IAM's OpenID Connect providers over HTTP with boto3: AWS's texts, limits, rights, and what trust policies may say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

URL = "https://git.harbour-bikes.example"
ARN = "arn:aws:iam::123456789012:oidc-provider/git.harbour-bikes.example"
GITHUB = "token.actions.githubusercontent.com"
PRINT = "6938FD4D98BAB03FAADB97B34396831E3780AEA1"


def refused(code: str, text: str) -> Any:
    return pytest.raises(ClientError, match=rf"An error occurred \({code}\) when calling .*: {text}")


def test_a_provider_from_its_making_to_its_end(lab: Any) -> None:
    iam = lab.client("iam")
    made = iam.create_open_id_connect_provider(
        Url=URL, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[PRINT], Tags=[{"Key": "team", "Value": "web"}]
    )
    assert (made["OpenIDConnectProviderArn"], made["Tags"]) == (ARN, [{"Key": "team", "Value": "web"}])
    arn = {"OpenIDConnectProviderArn": ARN}
    for client in ("map", "map"):  # the second changes nothing
        iam.add_client_id_to_open_id_connect_provider(**arn, ClientID=client)
    for client in ("sts.amazonaws.com", "nobody"):
        iam.remove_client_id_from_open_id_connect_provider(**arn, ClientID=client)
    iam.update_open_id_connect_provider_thumbprint(**arn, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(**arn, Tags=[{"Key": "cost", "Value": "7"}])
    iam.untag_open_id_connect_provider(**arn, TagKeys=["team"])
    found = iam.get_open_id_connect_provider(**arn)
    assert found["Url"] == "git.harbour-bikes.example"
    assert (found["ClientIDList"], found["ThumbprintList"]) == (["map"], ["b" * 40])
    assert found["Tags"] == iam.list_open_id_connect_provider_tags(**arn)["Tags"] == [{"Key": "cost", "Value": "7"}]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": ARN}]
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 1
    with refused("EntityAlreadyExists", f"Provider with url {URL} already exists."):
        iam.create_open_id_connect_provider(Url=URL)
    iam.delete_open_id_connect_provider(**arn)
    with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {ARN}"):
        iam.get_open_id_connect_provider(**arn)
    with refused("NoSuchEntity", f"OpenId connect Provider {ARN} cannot be found."):
        iam.delete_open_id_connect_provider(**arn)


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"Url": "example.com"}, "ValidationError", "Invalid Open ID Connect Provider URL$"),
        ({"Url": "http://example.com"}, "InvalidInput", "Invalid Open ID .* The URL must begin with https://."),
        ({"Url": "https://example.com:8443"}, "InvalidInput", r"Invalid Open ID Connect Provider URL\.$"),
        ({"Url": "https://example.com?x=1"}, "InvalidInput", r"Invalid Open ID Connect Provider URL\.$"),
        (
            {"Url": "https://a.example", "ThumbprintList": ["a" * 40] * 6},
            "InvalidInput",
            "Thumbprint list must contain",
        ),
        (
            {"Url": "https://a.example", "ClientIDList": [str(number) for number in range(101)]},
            "LimitExceeded",
            "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100",
        ),
    ],
)
def test_what_cannot_be_a_provider_is_refused(lab: Any, params: dict[str, Any], code: str, text: str) -> None:
    with refused(code, text):
        lab.client("iam").create_open_id_connect_provider(**params)


def test_rights_are_asked_on_the_provider_s_arn_and_cloudtrail_has_its_name(lab: Any) -> None:
    ops = lab.client("iam", "ops")
    asked = f"iam:CreateOpenIDConnectProvider on resource: {ARN} because no identity-based policy allows"
    with refused("AccessDenied", f"User: .*user/ops is not authorized to perform: {asked}"):
        ops.create_open_id_connect_provider(Url=URL)
    lab.allow("ops", "iam:CreateOpenIDConnectProvider", resource=ARN)
    ops.create_open_id_connect_provider(Url=URL)
    with refused("AccessDenied", ".*iam:TagOpenIDConnectProvider"):
        ops.create_open_id_connect_provider(Url=URL, Tags=[{"Key": "a", "Value": "b"}])
    assert lab.control.decide("ops", "iam:GetOpenIDConnectProvider", "git.harbour-bikes.example")["allowed"] is False
    name = {"AttributeKey": "EventName", "AttributeValue": "CreateOpenIDConnectProvider"}
    events = lab.client("cloudtrail").lookup_events(LookupAttributes=[name])["Events"]
    asked_for = [json.loads(event["CloudTrailEvent"])["requestParameters"]["url"] for event in events]
    assert asked_for[:3] == [URL] * 3  # the newest first


def trust(host: str, **conditions: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    if conditions:
        statement["Condition"] = conditions
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (trust(GITHUB), f"must test {GITHUB}:sub"),
        (trust(GITHUB, StringEquals={f"{GITHUB}:aud": "sts.amazonaws.com"}), f"must test {GITHUB}:sub"),
        (trust(GITHUB, StringLike={f"{GITHUB}:sub": "*"}), f"must test {GITHUB}:sub"),
        (trust("oidc.vercel.com/team", StringEquals={"oidc.vercel.com:sub": "x"}), "must test oidc.vercel.com:aud"),
        (trust("*"), "Federated principals must be valid domain names or SAML metadata ARNs"),
    ],
)
def test_a_trust_policy_that_lets_in_everybody_of_a_shared_issuer_is_refused(
    lab: Any, document: str, text: str
) -> None:
    with refused("MalformedPolicyDocument", f".*{text}".replace("*)", r"\*)")):
        lab.client("iam").create_role(RoleName="pipeline", AssumeRolePolicyDocument=document)


@pytest.mark.parametrize(
    "document",
    [
        trust(GITHUB, StringLike={f"{GITHUB}:Sub": "repo:harbour-bikes/*"}),
        trust("git.harbour-bikes.example"),  # no shared issuer: IAM leaves it to its owner
        trust("accounts.google.com").replace("arn:aws:iam::123456789012:oidc-provider/", ""),
    ],
)
def test_other_trust_policies_are_taken(lab: Any, document: str) -> None:
    lab.client("iam").create_role(RoleName="pipeline", AssumeRolePolicyDocument=document)
