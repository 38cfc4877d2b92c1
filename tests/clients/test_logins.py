"""Docker's logins: one for each registry, several side by side in one DOCKER_CONFIG, none that opens another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ACCOUNTS = (("admin", "123456789012"), ("partner", "444455556666"))
REGIONS = ("us-east-1", "eu-west-1")
APP = "my-web-app"


@pytest.fixture
def places(lab: Any) -> dict[str, tuple[str, str]]:
    """A repository in each of two accounts and two regions: its address by profile and region."""
    found = {}
    for profile, account in ACCOUNTS:
        for region in REGIONS:
            ecr = lab.client("ecr", profile, region=region)
            address = ecr.create_repository(repositoryName=APP)["repository"]["repositoryUri"]
            assert address.endswith(f"/{account}.dkr.ecr.{region}.amazonaws.com/{APP}")
            found[address] = (profile, region)
    assert len({host(address) for address in found}) == len(found)
    return found


def host(address: str) -> str:
    """The part of an address that docker logs in to."""
    return address.split("/")[0]


def log_in(sh: Any, address: str, profile: str, region: str, folder: Path) -> tuple[int, str]:
    """Log in to a registry as AWS documents it, keeping the login in ``folder``."""
    command = f"aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin"
    done: tuple[int, str] = sh(f"{command} {host(address)}", profile, DOCKER_CONFIG=str(folder))
    return done


def images(lab: Any, profile: str, region: str) -> list[dict[str, Any]]:
    """The images of a profile's repository in a region."""
    found: list[dict[str, Any]] = lab.client("ecr", profile, region=region).list_images(repositoryName=APP)["imageIds"]
    return found


def test_two_accounts_and_two_regions_are_logged_in_together(
    sh: Any, image: Callable[..., str], lab: Any, places: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    for address, (profile, region) in places.items():
        status, output = log_in(sh, address, profile, region, tmp_path)
        assert status == 0, output
        assert "Login Succeeded" in output
    logins = json.loads((tmp_path / "config.json").read_text())["auths"]
    assert set(logins) == {host(address) for address in places}
    assert len({login["auth"] for login in logins.values()}) == len(places)

    # Only the four logins count here: no profile of the AWS CLI is asked again, and no login is made again.
    before = lab.control.xray()["last"]
    made = image(b"to every registry")
    for address in places:
        command = f"docker tag {made} {address}:1 && docker push {address}:1 && docker rmi {address}:1"
        status, output = sh(f"{command} && docker pull {address}:1", "auditor", DOCKER_CONFIG=str(tmp_path))
        assert status == 0, output
    rows = lab.control.xray(before)["rows"]
    assert {row["service"] for row in rows} == {"registry"}
    for profile, account in ACCOUNTS:
        user = f"arn:aws:iam::{account}:user/{profile}"
        for region in REGIONS:
            assert [found["imageTag"] for found in images(lab, profile, region)] == ["1"]
            who = {row["principal"] for row in rows if (row["account"], row["region"]) == (account, region)}
            assert user in who
            assert who <= {user, None}


def test_after_a_logout_nothing_passes_without_a_login(
    sh: Any, image: Callable[..., str], lab: Any, places: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    made = image(b"nobody's")
    for address, (profile, region) in places.items():
        status, output = log_in(sh, address, profile, region, tmp_path)
        assert status == 0, output
        command = f"docker tag {made} {address}:1 && docker push {address}:1 && docker rmi {address}:1"
        status, output = sh(command, profile, DOCKER_CONFIG=str(tmp_path))
        assert status == 0, output
    gone, *kept = places
    status, output = sh(f"docker logout {host(gone)}", DOCKER_CONFIG=str(tmp_path))
    assert status == 0, output

    before = lab.control.xray()["last"]
    status, output = sh(f"docker tag {made} {gone}:2 && docker push {gone}:2", DOCKER_CONFIG=str(tmp_path))
    assert status == 1
    assert output.strip().endswith("no basic auth credentials")
    status, output = sh(f"docker pull {gone}:1", DOCKER_CONFIG=str(tmp_path))
    assert status == 1
    url = f"http://{host(gone)}/v2/{gone.partition('/')[2]}/manifests/1"
    assert output.strip().endswith(f'Error response from daemon: Head "{url}": no basic auth credentials')
    # The registry was asked, knew nobody and answered 401 each time.
    rows = lab.control.xray(before)["rows"]
    assert rows
    assert {(row["principal"], row["status"]) for row in rows} == {(None, 401)}
    assert [found["imageTag"] for found in images(lab, *places[gone])] == ["1"]

    # The other three logins are what they were; without them nothing passes there either.
    for address in kept:
        status, output = sh(f"docker pull {address}:1 && docker rmi {address}:1", DOCKER_CONFIG=str(tmp_path))
        assert status == 0, output
    for address in kept:
        status, output = sh(f"docker logout {host(address)}; docker pull {address}:1", DOCKER_CONFIG=str(tmp_path))
        assert status == 1
        assert output.strip().endswith("no basic auth credentials")


def test_a_token_of_another_region_is_refused(
    sh: Any, image: Callable[..., str], lab: Any, places: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    america, europe = (address for address, (profile, _) in places.items() if profile == "admin")
    for address, wrong in ((america, "eu-west-1"), (europe, "us-east-1")):
        status, output = log_in(sh, address, "admin", wrong, tmp_path)
        assert status == 1
        assert "401 Unauthorized" in output
    status, output = log_in(sh, america, "admin", "us-east-1", tmp_path)
    assert status == 0, output
    logins = json.loads((tmp_path / "config.json").read_text())["auths"]
    assert set(logins) == {host(america)}
    push = f"docker tag {image(b'wrong token')} {europe}:1 && docker push {europe}:1"
    status, output = sh(push, DOCKER_CONFIG=str(tmp_path))
    assert status == 1
    assert output.strip().endswith("no basic auth credentials")

    # The same with a login written by hand, which no `docker login` has tried: the push itself is refused.
    (tmp_path / "config.json").write_text(json.dumps({"auths": {host(europe): logins[host(america)]}}))
    before = lab.control.xray()["last"]
    status, output = sh(push, DOCKER_CONFIG=str(tmp_path))
    assert status == 1
    assert output.strip().endswith("unauthorized: Not Authorized")
    assert {row["status"] for row in lab.control.xray(before)["rows"]} <= {401, 403}
    assert images(lab, "admin", "eu-west-1") == []


def test_a_wrong_password_is_refused(sh: Any) -> None:
    status, output = sh("echo wrong | docker login --username AWS --password-stdin ${REGISTRY%%/*}", "auditor")
    assert status == 1
    assert "401 Unauthorized" in output
