"""AssumeRoleWithWebIdentity with real tokens: the table of its refusals, its decision, and the clients that use it."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa

from ecrlab import cli
from ecrlab_course.toolbox.lab import Lab

HOST = "git.harbour-bikes.example"
URL = f"https://{HOST}"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
ROLE = "arn:aws:iam::123456789012:role/pipeline"
MAIN = "repo:harbour-bikes/booking:ref:refs/heads/main"
AUDIENCE = {f"{HOST}:aud": "sts.amazonaws.com"}
NO_KEY = (
    r"Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity doc"
)
NO_JWT = r"The ID Token provided is not a valid JWT. \(You may see this error if you sent an Access Token\)"


def trust(condition: dict[str, Any] | None = None, **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition or {"StringEquals": {**AUDIENCE, f"{HOST}:sub": MAIN}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]})


def door(lab: Any, document: str | None = None) -> None:
    """Make the provider, and the role `pipeline` that may list images, with this trust policy."""
    iam = lab.client("iam")
    iam.create_open_id_connect_provider(Url=URL, ClientIDList=["sts.amazonaws.com"])
    iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=document or trust())
    allowed = {"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="pipeline", PolicyName="look", PolicyDocument=policy)


def token(lab: Any, ref: str = "main", **more: Any) -> str:
    return str(lab.control.identity_token(ref, **more)["token"])


def exchange(lab: Any, text: str, role: str = ROLE, **more: Any) -> dict[str, Any]:
    """Exchange a token as nobody: boto3 with no credentials at all."""
    sts = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{lab.port}",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, proxies={}),
    )
    found: dict[str, Any] = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="run-7", WebIdentityToken=text, **more
    )
    return found


def refused(code: str, text: str) -> Any:
    return pytest.raises(ClientError, match=rf"An error occurred \({code}\) when calling .*: {text}")


def test_a_bearer_is_asked_about_before_anything_is_done(lab: Any, tmp_path: Path) -> None:
    """`ecrlab can`: which role a token may take, and the trust policy that says so; a refused token says why."""
    door(lab)
    lab.client("iam").create_role(
        RoleName="other", AssumeRolePolicyDocument=trust({"StringEquals": AUDIENCE | {f"{HOST}:sub": "x"}})
    )

    def can(text: str, *more: str) -> tuple[int, str]:
        (tmp_path / "main.jwt").write_text(text + "\n")
        done = CliRunner().invoke(cli.main, ["can", "--home", str(lab.home.path), f"@{tmp_path}/main.jwt", *more])
        return done.exit_code, done.output

    begin = lab.control.xray(limit=1)["last"]
    code, said = can(token(lab))
    assert code == 0
    for words in (f"sub: {MAIN}", "✓ may take role/pipeline", "role/other: Denied", PROVIDER):
        assert words in said
    code, said = can(token(lab), "AssumeRoleWithWebIdentity", "role/pipeline", "--details")
    assert (code, "✓" in said, f"{HOST}:sub = {MAIN}" in said) == (0, True, True)
    code, said = can(token(lab, "other"), "sts:AssumeRoleWithWebIdentity", "role/pipeline")
    assert code == 1
    assert "AWS says: Not authorized to perform sts:AssumeRoleWithWebIdentity" in said
    assert can(token(lab, "other"))[0] == 1
    for text, words in (
        (token(lab, age=400), "ExpiredTokenException: Token expired"),
        (token(lab, audience="else"), "InvalidIdentityToken: Incorrect token audience (the token is addressed to else"),
        (token(lab)[:-8] + "AAAAAAAA", "the token's signature does not fit what it says"),
    ):
        code, said = can(text)
        assert (code, words in " ".join(said.split())) == (2, True), said
    code, said = can(token(lab), "ecr:PutImage", "*")
    assert (code, "A token is good for one request" in said) == (2, True)
    code, said = can("no token")
    assert (code, "holds no identity token" in said) == (2, True)
    assert lab.control.xray(limit=1)["last"] == begin


def last(lab: Any) -> dict[str, Any]:
    """The X-ray's newest row."""
    rows: list[dict[str, Any]] = lab.control.xray(opened=True, limit=10_000)["rows"]
    return rows[-1]


def test_a_token_becomes_a_session_of_the_role(lab: Any) -> None:
    door(lab)
    lab.repository("booking")
    answer = exchange(lab, token(lab) + "\n", DurationSeconds=900)  # a file's last line ends with a line break
    row = last(lab)
    assert answer["SubjectFromWebIdentityToken"] == MAIN
    assert (answer["Provider"], answer["Audience"]) == (PROVIDER, "sts.amazonaws.com")
    keys = answer["Credentials"]
    session = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    ecr = lab.client_with("ecr", *session)
    assert [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]] == ["booking"]
    with pytest.raises(
        ClientError, match=r"assumed-role/pipeline/run-7 is not authorized to perform: ecr:DeleteReposi"
    ):
        ecr.delete_repository(repositoryName="booking")
    assert (row["principal"], row["action"], row["decision"]) == (None, "sts:AssumeRoleWithWebIdentity", "allowed")
    arn = "arn:aws:sts::123456789012:assumed-role/pipeline/run-7"
    said = {"subject": MAIN, "audience": ["sts.amazonaws.com"], "issuer": URL, "session_name": "run-7"}
    assert row["shows"] == {**said, "session": arn}
    lab.control.advance(901)
    with pytest.raises(ClientError, match="ExpiredToken"):
        ecr.describe_repositories()


def test_the_decision_says_which_claim_kept_a_bearer_out_and_what_would_let_him_in(lab: Any) -> None:
    door(lab)
    with refused("AccessDenied", r"Not authorized to perform sts:AssumeRoleWithWebIdentity$"):
        exchange(lab, token(lab, "refs/pull/7/merge"))
    row = last(lab)
    opened = row["decisions"][0]["opened"]
    assert (
        "asks git.harbour-bikes.example:sub for repo:harbour-bikes/booking:ref:refs/heads/main and"
        in (opened["statements"][0]["why"])
    )
    assert opened["message"] == "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    statement = opened["suggestion"]["statements"][0]["statement"]
    assert statement["Principal"] == {"Federated": PROVIDER}
    assert statement["Condition"]["StringEquals"][f"{HOST}:sub"] == "repo:harbour-bikes/booking:pull_request"
    assert row["shows"]["subject"] == "repo:harbour-bikes/booking:pull_request"
    with refused("AccessDenied", r"Not authorized to perform sts:AssumeRoleWithWebIdentity$"):
        exchange(lab, token(lab), role=ROLE + "s")
    assert last(lab)["reason"] == f"there is no role {ROLE}s, which STS does not tell"


@pytest.mark.parametrize(
    ("condition", "let_in"),
    [
        ({"StringEquals": AUDIENCE}, {"main", "tag", "pull", "stranger", "nobody"}),
        ({"StringLike": {f"{HOST}:sub": "repo:harbour-bikes/booking:*"}}, {"main", "tag", "pull"}),
        ({"StringEquals": {f"{HOST}:sub": "repo:harbour-bikes/booking:*"}}, set()),
        ({"ForAllValues:StringEquals": {f"{HOST}:sub": MAIN}}, {"main", "nobody"}),
        ({"StringEquals": {f"{HOST}:Sub": MAIN}}, {"main"}),
    ],
)
def test_a_trust_policy_tells_bearers_apart_as_far_as_it_tests_their_claims(
    lab: Any, condition: dict[str, Any], let_in: set[str]
) -> None:
    door(lab, trust(condition))
    bearers = {
        "main": token(lab),
        "tag": token(lab, "refs/tags/v1"),
        "pull": token(lab, "refs/pull/7/merge"),
        "stranger": token(lab, repository="stranger/booking"),
        "nobody": token(lab, without=["sub"]),
    }
    seen = set()
    for name, text in bearers.items():
        with contextlib.suppress(ClientError):  # the test of refusals looks at how
            exchange(lab, text)
            seen.add(name)
    assert seen == let_in


def forged(text: str) -> str:
    """The same token with another subject and the old signature."""
    head, _, signature = text.split(".")
    claims = {**jwt.decode(text, options={"verify_signature": False}), "sub": MAIN}
    return f"{head}.{jwt.utils.base64url_encode(json.dumps(claims).encode()).decode()}.{signature}"


def signed_elsewhere(text: str) -> str:
    claims, kid = jwt.decode(text, options={"verify_signature": False}), jwt.get_unverified_header(text)["kid"]
    return jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256", headers={"kid": kid})


def unsigned(text: str) -> str:
    return jwt.encode(jwt.decode(text, options={"verify_signature": False}), None, algorithm="none")


def test_each_refusal_has_aws_s_words(lab: Any) -> None:
    iam = lab.client("iam")
    with refused("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {URL}$"):
        exchange(lab, token(lab))
    door(lab)
    good = token(lab)
    for text in (forged(token(lab, "teal")), signed_elsewhere(good)):
        with refused("InvalidIdentityToken", NO_KEY):
            exchange(lab, text)
        assert "signature does not fit" in last(lab)["reason"]
    for text in (unsigned(good), "abcd", "a.b.c", good[:40], good.replace(".", "\n", 1), good[:-9] + "é" * 9):
        with refused("InvalidIdentityToken", NO_JWT):
            exchange(lab, text)
    with refused("InvalidIdentityToken", "Missing a required claim: aud"):
        exchange(lab, token(lab, without=["aud"]))
    for end in ("tomorrow", 10**400, True, None, float("inf")):
        with refused("InvalidIdentityToken", NO_JWT):
            exchange(lab, token(lab, claims={"exp": end}))
    with refused("InvalidIdentityToken", "Incorrect token audience"):
        exchange(lab, token(lab, audience="https://github.com/harbour-bikes"))
    with refused("InvalidIdentityToken", "Incorrect token audience"):  # azp counts in place of aud (D102)
        exchange(lab, token(lab, claims={"azp": "map"}))
    with refused(
        "ExpiredTokenException", r"Token expired: current date/time \d+ must be before the expiration date/time"
    ):
        exchange(lab, token(lab, age=330))
    with refused("InvalidIdentityToken", "No OpenIDConnect provider found in your account for"):
        exchange(lab, good, role="arn:aws:iam::444455556666:role/pipeline")
    lab.control.issuer(on=False)
    with refused("InvalidIdentityToken", NO_KEY):
        exchange(lab, good)
    assert last(lab)["reason"] == f"the keys of {URL} cannot be fetched"
    lab.control.issuer(on=True)
    with refused("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration"):
        exchange(lab, good, DurationSeconds=3601)
    lab.control.issuer(rotate=True)
    with refused("InvalidIdentityToken", NO_KEY):
        exchange(lab, good)
    exchange(lab, token(lab))
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    with refused("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {URL}$"):
        exchange(lab, token(lab))


def test_the_clock_of_the_lab_judges(lab: Any) -> None:
    door(lab)
    old = token(lab)
    lab.control.advance(13 * 3600)
    exchange(lab, token(lab))  # by real time it was issued in the future
    with refused("ExpiredTokenException", "Token expired"):
        exchange(lab, old)


def test_cloudtrail_names_the_bearer_also_of_a_refused_token_and_keeps_no_token(lab: Any) -> None:
    door(lab)
    text = token(lab)
    answer = exchange(lab, text)
    with pytest.raises(ClientError):
        exchange(lab, token(lab, "teal"))
    keys = answer["Credentials"]
    lab.client_with("ecr", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]).describe_repositories()
    events = [
        json.loads(event["CloudTrailEvent"]) for event in lab.client("cloudtrail").lookup_events(MaxResults=3)["Events"]
    ]
    described, denied, made = events
    assert made["userIdentity"] == {
        "type": "WebIdentityUser",
        "principalId": f"{PROVIDER}:sts.amazonaws.com:{MAIN}",
        "userName": MAIN,
        "identityProvider": PROVIDER,
    }
    assert made["requestParameters"] == {"roleArn": ROLE, "roleSessionName": "run-7"}
    assert made["responseElements"]["subjectFromWebIdentityToken"] == MAIN
    assert denied["errorCode"] == "AccessDenied"
    assert denied["userIdentity"]["userName"] == MAIN.replace("main", "teal")
    federation = described["userIdentity"]["sessionContext"]["webIdFederationData"]
    assert federation == {"federatedProvider": PROVIDER, "attributes": {}}
    time.sleep(0.8)  # until the X-ray is on the disk
    assert text.split(".")[2] not in (lab.home.lab / "xray.jsonl").read_text()


# ----------------------------------------------------------------------------------------- aws and boto3, by themselves

WHO = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"


def run(lab: Any, folder: Path, command: list[str], **more: str) -> tuple[int, str]:
    """Run a command with the lab's address, an empty home, and these variables; return its status and output."""
    paths = {name: value for name, value in lab.environ().items() if name in ("PATH", "NO_PROXY", "no_proxy")}
    variables = {
        **paths,
        "HOME": str(folder),
        "AWS_ENDPOINT_URL": f"http://localhost:{lab.port}",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        **more,
    }
    done = subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=60, cwd=folder, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout + done.stderr


def test_aws_and_boto3_exchange_the_token_of_two_variables(lab: Any, tmp_path: Path) -> None:
    door(lab)
    letter = tmp_path / "main.jwt"
    letter.write_text(token(lab) + "\n")
    variables = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(letter), "AWS_ROLE_ARN": ROLE}
    asked = ["aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
    born = r"arn:aws:sts::123456789012:assumed-role/pipeline/botocore-session-\d+\n"
    assert re.fullmatch(born, run(lab, tmp_path, asked, **variables)[1])
    assert re.fullmatch(born, run(lab, tmp_path, ["python", "-c", WHO], **variables)[1])
    # A profile of the environment loses to the token; one that is named on the line wins (D105).
    files = {
        "AWS_CONFIG_FILE": str(lab.home.aws_config),
        "AWS_SHARED_CREDENTIALS_FILE": str(lab.home.aws_credentials),
        "AWS_PROFILE": "admin",
    }
    assert re.fullmatch(born, run(lab, tmp_path, asked, **variables, **files)[1])
    assert run(lab, tmp_path, [*asked, "--profile", "ci"], **variables, **files)[1].endswith(":user/ci\n")
    named = {**variables, "AWS_ROLE_SESSION_NAME": "run-3"}
    assert run(lab, tmp_path, asked, **named)[1].endswith("assumed-role/pipeline/run-3\n")
    letter.write_text(token(lab, repository="stranger/booking"))
    status, said = run(lab, tmp_path, asked, **named)
    assert status != 0
    assert "(AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform" in said


def test_anybody_can_ask_with_curl_or_nothing_at_all(lab: Any) -> None:
    door(lab)
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "me",
        "WebIdentityToken": token(lab),
    }

    def post() -> str:
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{lab.port}/", body, timeout=10) as answer:
            return str(answer.read().decode())

    assert f"<SubjectFromWebIdentityToken>{MAIN}</SubjectFromWebIdentityToken>" in post()
    del form["RoleSessionName"]
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post()


def test_a_check_that_tries_tokens_leaves_no_event(lab: Any) -> None:
    """The names of those whom a judge tries would be the answer of an exercise."""
    door(lab)
    before = {each["EventId"] for each in exchanges(lab)}
    quiet = Lab(lab.home).looking().client("sts")
    for ref in ("main", "try"):
        with contextlib.suppress(ClientError):
            quiet.assume_role_with_web_identity(
                RoleArn=ROLE, RoleSessionName="a-letter", WebIdentityToken=token(lab, ref)
            )
    exchange(lab, token(lab))
    added = [json.loads(each["CloudTrailEvent"]) for each in exchanges(lab) if each["EventId"] not in before]
    assert [event["requestParameters"]["roleSessionName"] for event in added] == ["run-7"]


def exchanges(lab: Any) -> list[dict[str, Any]]:
    """Return the newest of the events in which a token was exchanged, at most fifty."""
    asked = {"AttributeKey": "EventName", "AttributeValue": "AssumeRoleWithWebIdentity"}
    found: list[dict[str, Any]] = lab.client("cloudtrail").lookup_events(LookupAttributes=[asked])["Events"]
    return found
