"""A Region that is switched off: what stops, what goes on, what clients say, and what is caught up with."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ConnectionClosedError

from ecrlab.client import LabError

OWN = "123456789012"
EUROPE = {"region": "eu-west-1", "registryId": OWN}


def port(lab: Any, region: str, account: str = OWN) -> int:
    return int(lab.control.registry(account, region)["port"])


def listens(number: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", number)) == 0


def token(lab: Any, region: str = "us-east-1") -> dict[str, str]:
    data = lab.client("ecr", region=region).get_authorization_token()["authorizationData"][0]
    return {"Authorization": f"Basic {data['authorizationToken']}"}


def test_a_region_off_is_as_one_that_cannot_be_reached(lab: Any) -> None:
    europe = lab.client("ecr", region="eu-west-1")
    europe.create_repository(repositoryName="web")
    own, theirs = port(lab, "eu-west-1"), port(lab, "eu-west-1", "444455556666")
    assert listens(own)
    assert listens(theirs)
    assert lab.control.region("eu-west-1", on=False) == {"regions_off": ["eu-west-1"]}
    assert lab.control.status()["regions_off"] == ["eu-west-1"]
    with pytest.raises(ConnectionClosedError):
        europe.describe_repositories()
    with pytest.raises(ConnectionClosedError):
        lab.client("cloudtrail", region="eu-west-1").lookup_events()
    assert not listens(own)
    assert not listens(theirs)
    # Everything else goes on: other Regions, IAM, and STS in every Region.
    lab.client("ecr").describe_repositories()
    lab.client("ecr", region="eu-west-2").describe_repositories()
    lab.client("iam").list_users()
    assert lab.client("sts", region="eu-west-1").get_caller_identity()["Account"] == OWN
    assert lab.control.region("eu-west-1", on=True) == {"regions_off": []}
    assert port(lab, "eu-west-1") == own
    assert listens(own)
    assert listens(theirs)
    [found] = europe.describe_repositories()["repositories"]
    assert found["repositoryUri"].startswith(f"localhost:{own}/")


def test_the_main_region_off_leaves_the_main_port_to_the_others(lab: Any) -> None:
    lab.repository("web")
    digest = lab.push("web", "1")
    headers = token(lab)
    layer = lab.client("ecr").batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}])["images"][0]
    name = json.loads(layer["imageManifest"])["layers"][0]["digest"]
    address = lab.client("ecr").get_download_url_for_layer(repositoryName="web", layerDigest=name)["downloadUrl"]
    base = f"http://127.0.0.1:{lab.port}/v2/"
    with requests.Session() as session:
        assert session.get(base, headers=headers, timeout=5).status_code == 200
        lab.control.region("us-east-1", on=False)
        # On the connection that is open already, on a new one, with a login or without, and for a layer's address.
        for path in (base, f"{base}web/manifests/{digest}", address):
            with pytest.raises(requests.ConnectionError):
                session.get(path, headers=headers, timeout=5)
        with pytest.raises(requests.ConnectionError):
            requests.get(base, timeout=5)
    with pytest.raises(ConnectionClosedError):
        lab.client("ecr").describe_repositories()
    lab.client("ecr", region="eu-west-1").describe_repositories()
    lab.client("iam").list_users()
    lab.control.region("us-east-1", on=True)
    assert requests.get(base, headers=headers, timeout=5).status_code == 200
    assert requests.get(address, timeout=5).status_code == 200


def test_an_open_connection_to_a_port_of_the_region_is_cut_too(lab: Any) -> None:
    headers, number = token(lab, "eu-west-1"), port(lab, "eu-west-1")
    with requests.Session() as session:
        assert session.get(f"http://127.0.0.1:{number}/v2/", headers=headers, timeout=5).status_code == 200
        lab.control.region("eu-west-1", on=False)
        with pytest.raises(requests.ConnectionError):
            session.get(f"http://127.0.0.1:{number}/v2/", headers=headers, timeout=5)
    lab.control.region("eu-west-1", on=True)
    assert requests.get(f"http://127.0.0.1:{number}/v2/", headers=headers, timeout=5).status_code == 200


def test_a_registry_can_get_its_port_while_its_region_is_off(lab: Any) -> None:
    lab.control.region("ap-south-1", on=False)
    number = port(lab, "ap-south-1")
    assert not listens(number)
    assert port(lab, "ap-south-1") == number
    lab.control.region("ap-south-1", on=True)
    assert listens(number)


def test_the_x_ray_shows_what_was_cut(lab: Any) -> None:
    lab.control.region("eu-west-1", on=False)
    last = lab.control.xray(after=2**53, limit=1)["last"]
    with pytest.raises(ConnectionClosedError):
        lab.client("ecr", region="eu-west-1").describe_repositories()
    [row] = lab.control.xray(after=last)["rows"]
    assert (row["operation"], row["region"], row["status"]) == ("DescribeRepositories", "eu-west-1", 0)
    assert row["reason"] == "eu-west-1 is switched off"
    assert row["decision"] == "not asked"
    shown = command(lab, "ecrlab", "trace", "--last", "1")
    assert "no answer" in shown.stdout
    assert "eu-west-1 is switched off" in shown.stdout


def command(lab: Any, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=lab.environ(), capture_output=True, text=True, timeout=60, check=check)


def test_the_commands_switch_and_show_it(lab: Any) -> None:
    off = command(lab, "ecrlab", "region", "us-east-1", "off")
    assert off.stdout == "us-east-1 is off. Regions that are off: us-east-1. IAM and STS go on.\n"
    assert "· us-east-1 is off ·" in command(lab, "ecrlab", "status").stdout
    again = command(lab, "ecrlab", "region", "us-east-1", "off")
    assert again.stdout == off.stdout
    failed = command(lab, "aws", "ecr", "describe-repositories", check=False)
    assert failed.returncode != 0
    assert "Connection was closed before we received a valid response" in failed.stderr
    assert command(lab, "aws", "iam", "list-users").returncode == 0
    on = command(lab, "ecrlab", "region", "us-east-1", "on")
    assert "Regions that are off: none." in on.stdout
    command(lab, "aws", "ecr", "describe-repositories")
    wrong = command(lab, "ecrlab", "region", "us-east-9", "off", check=False)
    assert wrong.returncode == 1
    assert "'us-east-9'" in wrong.stderr


def test_the_aws_cli_gives_up_soon(lab: Any) -> None:
    lab.control.region("us-east-1", on=False)
    last = lab.control.xray(after=2**53, limit=1)["last"]
    command(lab, "aws", "ecr", "describe-repositories", check=False)
    # Standard retries: three attempts, at most three seconds apart from the start of the program.
    assert len(lab.control.xray(after=last)["rows"]) == 3


def test_only_regions_can_be_switched(lab: Any) -> None:
    for region, on in (("us-east-9", False), (None, False), ("us-east-1", "off"), ("us-east-1", None), (["x"], True)):
        with pytest.raises(LabError, match="Expected"):
            lab.control.region(region, on)
    assert lab.control.status()["regions_off"] == []


def test_it_survives_a_restart_and_a_reset_ends_it(make_lab: Callable[[], Any]) -> None:
    lab = make_lab()
    number = port(lab, "eu-west-1")
    lab.control.region("eu-west-1", on=False)
    lab.control.region("us-east-1", on=False)
    lab.stop()
    lab.start()
    assert lab.control.status()["regions_off"] == ["eu-west-1", "us-east-1"]
    assert not listens(number)
    with pytest.raises(ConnectionClosedError):
        lab.client("ecr").describe_repositories()
    removed = lab.control.reset()["removed"]
    assert "the switch that kept eu-west-1 off" in removed
    assert listens(number)
    lab.client("ecr").describe_repositories()
    lab.stop()


def test_one_more_address_follows_the_switch(lab: Any) -> None:
    number = port(lab, "eu-west-1")
    lab.control.region("eu-west-1", on=False)
    lab.control.listen("127.0.0.2")
    try:

        def reached() -> list[bool]:
            found = []
            for where in (number, lab.port):
                with socket.socket() as probe:
                    found.append(probe.connect_ex(("127.0.0.2", where)) == 0)
            return found

        assert reached() == [False, True]
        lab.control.region("eu-west-1", on=True)
        assert reached() == [True, True]
        lab.control.region("eu-west-1", on=False)
        assert reached() == [False, True]
    finally:
        lab.control.listen(None)
    assert reached() == [False, False]
    lab.control.region("eu-west-1", on=True)
    assert listens(number)


def test_replication_waits_and_catches_up(lab: Any) -> None:
    lab.repository("web")
    europe = lab.client("ecr", region="eu-west-1")
    lab.client("ecr").put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [EUROPE]}]})
    lab.control.region("eu-west-1", on=False)
    wanted = [lab.push("web", str(number), str(number).encode()) for number in range(3)]
    lab.control.advance(3600)
    lab.control.region("eu-west-1", on=True)
    # What waited has happened when the switch answers.
    found = europe.list_images(repositoryName="web")["imageIds"]
    assert [(each["imageTag"], each["imageDigest"]) for each in found] == [(str(n), wanted[n]) for n in range(3)]


def test_a_notebooks_lab_has_the_switch(lab: Any) -> None:
    from ecrlab_course.toolbox.lab import Lab

    region = Lab(lab.home, Path.cwd()).region("eu-west-1")
    assert region.off() == "eu-west-1 is off. IAM and the other Regions go on."
    assert lab.control.status()["regions_off"] == ["eu-west-1"]
    assert region.on() == "eu-west-1 is on."
    assert lab.control.status()["regions_off"] == []
