"""The process: start, stop, what survives, ports, the control interface and its guard."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from ecrlab.aws.backends.login import why_refused
from ecrlab.client import LabClient, LabError, LabNotRunning
from ecrlab.home import Home


def test_it_says_where_it_listens_and_stops_without_a_trace(make_lab: Callable[[], Any]) -> None:
    lab = make_lab()
    control = json.loads(lab.home.control.read_text())
    assert control == {"port": lab.port, "secret": control["secret"], "pid": lab.process.pid}
    assert lab.home.control.stat().st_mode & 0o777 == 0o600
    output = lab.stop()
    assert output == f"ECR Lab listens at http://localhost:{lab.port} (not AWS). Home: {lab.home.path}\n"
    assert not lab.home.control.exists()
    with pytest.raises(LabNotRunning, match="ecrlab start"):
        lab.control.status()


def test_it_stops_while_somebody_follows_and_somebody_pushes(make_lab: Callable[[], Any]) -> None:
    lab = make_lab()
    lab.repository("app")
    secret = json.loads(lab.home.control.read_text())["secret"]
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    following = socket.create_connection(("127.0.0.1", lab.port))
    request = (
        f"GET /_ecrlab/xray?after=999999&wait=200 HTTP/1.1\r\nHost: localhost:{lab.port}\r\nX-Ecrlab-Secret: {secret}"
    )
    following.sendall(f"{request}\r\n\r\n".encode())
    start = requests.post(
        f"http://127.0.0.1:{lab.port}/v2/app/blobs/uploads/", headers={"Authorization": f"Basic {token}"}, timeout=5
    )
    pushing = socket.create_connection(("127.0.0.1", lab.port))
    request = (
        f"PATCH {start.headers['Location']} HTTP/1.1\r\nHost: localhost:{lab.port}\r\nAuthorization: Basic {token}"
    )
    pushing.sendall(f"{request}\r\nContent-Length: 1000000\r\n\r\nhalf".encode())
    begun = time.monotonic()
    output = lab.stop()
    assert time.monotonic() - begun < 10
    assert output.count("\n") == 1, output
    following.close()
    pushing.close()


def test_state_survives_a_restart(make_lab: Callable[[], Any]) -> None:
    lab = make_lab()
    lab.repository("app")
    europe = lab.client("ecr", region="eu-west-1").create_repository(repositoryName="app")["repository"][
        "repositoryUri"
    ]
    lab.control.advance(3600)
    lab.allow("ci", "ecr:ListImages")
    files = lab.home.aws_credentials.read_text()
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    last = lab.control.xray()["last"]
    port = lab.port
    lab.stop()
    lab.start()
    assert lab.port == port
    assert lab.home.aws_credentials.read_text() == files
    lab.client("ecr", "ci").list_images(repositoryName="app")
    status = lab.control.status()
    assert 3599 < status["clock"]["offset_seconds"] < 3601
    assert {
        "account": "123456789012",
        "region": "eu-west-1",
        "port": int(europe.split("/")[0].split(":")[1]),
    } in status["registries"]
    assert lab.control.xray()["last"] > last
    assert lab.control.xray()["rows"][0]["seq"] == 1
    headers = {"Authorization": f"Basic {token}"}
    assert requests.get(f"http://127.0.0.1:{port}/v2/", headers=headers, timeout=5).status_code == 200
    lab.stop()


def test_a_kill_loses_nothing_acknowledged(make_lab: Callable[[], Any]) -> None:
    lab = make_lab()
    lab.repository("app")
    lab.process.send_signal(signal.SIGKILL)
    lab.process.wait()
    lab.process.stdout.close()
    lab.home.control.unlink()
    lab.start()
    assert len(lab.client("ecr").describe_repositories()["repositories"]) == 1
    lab.stop()


def test_a_second_process_on_one_home_is_refused(running_lab: Any) -> None:
    command = [sys.executable, "-m", "ecrlab.server", "--home", str(running_lab.home.path), "--port", "5399"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 1
    assert f"is in use by process {running_lab.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert running_lab.control.status()["pid"] == running_lab.process.pid


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "ecrlab.server", "--home", str(tmp_path), "--port", str(port)]
        refused = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert refused.returncode == 1
    assert refused.stderr == f"Port {port} is in use by another program. Stop that program and try again.\n"


def test_the_learners_changes_to_the_aws_files_stay(make_lab: Callable[[], Any]) -> None:
    lab = make_lab()
    lab.stop()
    config = lab.home.aws_config
    text = config.read_text().replace("output = json", "output = table", 1)
    config.write_text(text + "[profile mine]\nregion = eu-west-1\n")
    changed = config.read_text()
    lab.start()
    assert config.read_text() == changed
    assert "[profile ci]" in changed
    assert oct(config.stat().st_mode & 0o777) in ("0o600", "0o644")
    lab.stop()


def call(lab: Any, method: str = "GET", path: str = "status", **headers: str) -> requests.Response:
    secret = json.loads(lab.home.control.read_text())["secret"]
    every = {"X-Ecrlab-Secret": secret, **headers}
    return requests.request(method, f"http://127.0.0.1:{lab.port}/_ecrlab/{path}", headers=every, timeout=10)


def test_the_control_interface_is_guarded(lab: Any) -> None:
    assert call(lab).json()["account"] == "123456789012"
    assert call(lab, **{"X-Ecrlab-Secret": "wrong"}).status_code == 403
    assert call(lab, Host="evil.example").status_code == 403
    assert call(lab, Origin="http://evil.example").status_code == 403
    assert call(lab, Origin=f"http://127.0.0.1:{lab.port}").status_code == 200
    assert call(lab, path="nothing").status_code == 404
    other = lab.control.registry("123456789012", "eu-west-1")["port"]
    secret = json.loads(lab.home.control.read_text())["secret"]
    url = f"http://127.0.0.1:{other}/_ecrlab/status"
    assert requests.get(url, headers={"X-Ecrlab-Secret": secret}, timeout=5).status_code == 404


def test_clock_registries_and_accounts_by_the_client(lab: Any) -> None:
    control: LabClient = lab.control
    assert control.advance(90)["offset_seconds"] == 90
    assert control.reset_clock()["offset_seconds"] == 0
    for wrong in (-1, "x", 1e300):
        with pytest.raises(LabError):
            control.advance(wrong)  # type: ignore[arg-type]
    answer = control.registry("999988887777", "ap-south-1")
    assert answer["registry"] == f"localhost:{answer['port']}/999988887777.dkr.ecr.ap-south-1.amazonaws.com"
    assert control.registry("999988887777", "ap-south-1") == answer
    with pytest.raises(LabError, match="not an AWS Region"):
        control.registry("999988887777", "mars-1")
    with pytest.raises(LabError, match="12 digits"):
        control.account("1")
    key = control.account("999988887777")
    assert control.account("999988887777") == key
    sts = lab.client_with("sts", key["access_key_id"], key["secret_access_key"])
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::999988887777:user/admin"


def test_reset_of_one_user_and_one_repository(lab: Any) -> None:
    lab.repository("app")
    lab.repository("other")
    iam = lab.client("iam")
    lab.allow("ci", "ecr:*")
    iam.attach_user_policy(UserName="ci", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.detach_user_policy(UserName="ci", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly")
    iam.create_access_key(UserName="ci")
    removed = lab.control.reset(users=["ci"], repositories=["app", "absent"])["removed"]
    assert "repository app of 123456789012/us-east-1" in removed
    assert "inline policy test of user ci" in removed
    assert len(removed) == 4
    attached = iam.list_attached_user_policies(UserName="ci")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonEC2ContainerRegistryPullOnly"]
    assert len(iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]) == 1
    assert [r["repositoryName"] for r in lab.client("ecr").describe_repositories()["repositories"]] == ["other"]


def test_reset_of_everything_keeps_keys_and_logins(lab: Any) -> None:
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    lab.repository("app")
    lab.client("iam").create_user(UserName="extra")
    lab.client("iam").create_role(
        RoleName="r",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}],
            }
        ),
    )
    lab.control.advance(60)
    lab.control.reset()
    assert lab.client("ecr").describe_repositories()["repositories"] == []
    assert len(lab.client("iam").list_users()["Users"]) == 5
    assert lab.client("iam").list_roles()["Roles"] == []
    assert lab.control.status()["clock"]["offset_seconds"] == 0
    answer = requests.get(f"http://127.0.0.1:{lab.port}/v2/", headers={"Authorization": f"Basic {token}"}, timeout=5)
    assert answer.status_code == 200


def test_an_account_is_emptied_in_every_region_and_no_other_is(lab: Any) -> None:
    other = "777788889999"
    key = lab.control.account(other)["access_key_id"]
    secret = lab.control.account(other)["secret_access_key"]
    anyone = {"Effect": "Allow", "Principal": {"AWS": other}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
    deny = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    lab.repository("ours")
    lab.client("iam").create_group(GroupName="ours")
    for region in ("us-east-1", "eu-west-1", "ap-south-1"):
        ecr = lab.client_with("ecr", key, secret, region=region)
        ecr.create_repository(repositoryName="theirs")
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="public", upstreamRegistryUrl="public.ecr.aws")
    lab.control.quota("Images per repository", 7, account=other, region="ap-south-1")
    iam = lab.client_with("iam", key, secret)
    iam.create_user(UserName="u")
    iam.create_access_key(UserName="u")
    iam.create_group(GroupName="g")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=deny)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=deny)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.tag_user(UserName="admin", Tags=[{"Key": "k", "Value": "v"}])
    iam.put_user_policy(UserName="admin", PolicyName="oops", PolicyDocument=deny)

    removed = lab.control.reset(everything=True, account=other)["removed"]
    assert [each for each in removed if "123456789012" in each] == []
    assert lab.control.account(other)["access_key_id"] == key
    held = iam.get_account_authorization_details(Filter=["User", "Group", "Role", "LocalManagedPolicy"])
    assert [user["UserName"] for user in held["UserDetailList"]] == ["admin"]
    assert held["UserDetailList"][0].get("UserPolicyList", []) == []
    assert iam.list_user_tags(UserName="admin")["Tags"] == []
    assert held["GroupDetailList"] == held["RoleDetailList"] == held["Policies"] == []
    for region in ("us-east-1", "eu-west-1", "ap-south-1"):
        ecr = lab.client_with("ecr", key, secret, region=region)
        assert ecr.describe_repositories()["repositories"] == []
        assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
    assert not any(each["set"] for each in lab.control.quotas(account=other, region="ap-south-1")["quotas"])
    assert [each["repositoryName"] for each in lab.client("ecr").describe_repositories()["repositories"]] == ["ours"]
    assert [each["GroupName"] for each in lab.client("iam").list_groups()["Groups"]] == ["ours"]
    with pytest.raises(LabError, match="goes with an account"):
        lab.control.reset(everything=True)


def test_following_the_xray(lab: Any) -> None:
    last = lab.control.xray()["last"]
    begun = time.monotonic()
    assert lab.control.xray(after=last, wait=0.2)["rows"] == []
    assert 0.15 < time.monotonic() - begun < 2
    lab.client("sts").get_caller_identity()
    [row] = lab.control.xray(after=last, wait=5)["rows"]
    assert (row["service"], row["operation"], row["decision"], row["client"]) == (
        "sts",
        "GetCallerIdentity",
        "not asked",
        "boto3",
    )
    assert row["principal"] == "arn:aws:iam::123456789012:user/admin"
    assert row["duration_ms"] < 1000
    assert row["bytes_out"] > 100


def test_what_is_not_an_api_is_a_client_error(lab: Any) -> None:
    base = f"http://127.0.0.1:{lab.port}"
    assert "Not AWS" in requests.get(base, timeout=5).text
    assert requests.post(base, data="x", timeout=5).status_code == 400
    assert requests.put(base, timeout=5).status_code == 405
    assert requests.get(base + "/nothing", timeout=5).status_code == 404
    fuzz = {
        "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
        "Authorization": "AWS4-HMAC-SHA256 x",
    }
    for data in (b"", b"\xff\xfe", b"[" * 10000, os.urandom(1000)):
        assert requests.post(base, data=data, headers=fuzz, timeout=5).status_code == 400


def raw(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes over a socket and return status, headers and body of the answer, which must come within 5 s."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


@pytest.mark.parametrize("path", ["/", "/v2/", "/v2/app/blobs/uploads/", "/_blobs/x", "/_ecrlab/status", "/nothing"])
@pytest.mark.parametrize("expectation", [b"\xff\xfe", b"100-continue\xff", b"200-ok"])
def test_an_expectation_that_is_not_100_continue_is_refused(lab: Any, path: str, expectation: bytes) -> None:
    for method in ("GET", "POST"):
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost:{lab.port}\r\nConnection: close\r\nContent-Length: 0\r\n"
        status, _, body = raw(lab.port, head.encode() + b"Expect: " + expectation + b"\r\n\r\n")
        assert status == 417
        assert b"100-continue" in body
    assert lab.control.status()["port"] == lab.port


def test_a_fault_of_the_registry_is_answered_as_a_registry_answers(tmp_path: Path) -> None:
    """The backend raises what nobody expects: the client hears an error in registry form, the log the cause."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    program = (
        "from ecrlab.aws.backends.private import PrivateBackend\n"
        "from ecrlab.server.serve import main\n"
        "async def fail(*_):\n"
        "    raise RuntimeError('a fault made by the test')\n"
        "PrivateBackend.authorize = PrivateBackend.locate = fail\n"
        f"raise SystemExit(main(['--home', {str(tmp_path)!r}, '--port', '{free}']))\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    home = Home(tmp_path)
    try:
        deadline = time.monotonic() + 20
        while not home.control.exists():
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        port = home.port
        host = f"Host: localhost:{port}\r\nConnection: close\r\n"
        for begin, body in (
            ("GET /v2/", ""),
            ("GET /v2/app/manifests/v1", ""),
            ("POST /v2/app/blobs/uploads/", ""),
            ("PUT /v2/app/manifests/v1", "{}"),
        ):
            request = f"{begin} HTTP/1.1\r\n{host}Content-Length: {len(body)}\r\n\r\n{body}"
            status, headers, answer = raw(port, request.encode())
            assert (status, headers["content-type"]) == (400, "application/json; charset=utf-8")
            assert headers["docker-distribution-api-version"] == "registry/2.0"
            [error] = json.loads(answer)["errors"]
            assert error["code"] == "UNKNOWN"
            assert "a fault of the lab, not yours" in error["message"]
        status, _, answer = raw(port, f"HEAD /v2/app/manifests/v1 HTTP/1.1\r\n{host}\r\n".encode())
        assert (status, answer) == (400, b"")
        rows = LabClient(home).xray()["rows"]
        assert {(row["status"], row["error"]) for row in rows} == {(400, "UNKNOWN")}
    finally:
        server.terminate()
        output = server.communicate(timeout=20)[0]
    assert output.count("RuntimeError: a fault made by the test") == 5


def test_the_client_names_the_command_that_starts_a_lab(tmp_path: Path) -> None:
    with pytest.raises(LabNotRunning, match=r"is not running .*ecrlab start"):
        LabClient(Home(tmp_path)).status()


def test_the_x_ray_says_what_is_wrong_with_a_login() -> None:
    def basic(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    wrapped = basic("AWS:secret").partition(" ")[2]
    flaws = {
        "": "",
        f"Bearer {wrapped}": "it is called Bearer: this registry takes Basic",
        "Basic secret": "it is not NAME:PASSWORD in base64",
        basic(f"AWS:{wrapped}"): "its password is wrapped in base64 once more",
        basic("AKIA1:secret"): "its user is AKIA1 and not AWS",
        basic("AWS:secret"): "its password is not one that ECR handed out",
    }
    for authorization, flaw in flaws.items():
        assert why_refused(authorization, None, "us-east-1") == (flaw and f"a login was sent, and {flaw}")
