"""The lab's environment: it reaches the lab, nothing else, from any shell and any folder name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecrlab.cli.shell import shell_lines
from ecrlab.engine import Engine
from ecrlab.environment import apply, environment, obeys_endpoint, version_of
from ecrlab.home import PROFILES, Home


@pytest.fixture
def plain(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").make()


def test_home_is_found_upwards_or_named(tmp_path: Path) -> None:
    below = tmp_path / "one" / "two"
    below.mkdir(parents=True)
    assert Home.find({}, below).path == below / ".ecrlab"
    (tmp_path / ".ecrlab").mkdir()
    assert Home.find({}, below).path == tmp_path / ".ecrlab"
    (tmp_path / "one" / ".ecrlab").mkdir()
    assert Home.find({}, below).path == tmp_path / "one" / ".ecrlab"
    assert Home.find({"ECRLAB_HOME": str(tmp_path / "named")}, below).path == tmp_path / "named"


def test_home_folders_are_the_owners_alone(plain: Home) -> None:
    assert [folder.stat().st_mode & 0o777 for folder in (plain.path, plain.lab, plain.run)] == [0o700] * 3
    plain.remember_port(4512)
    assert (plain.lab / "port").stat().st_mode & 0o777 == 0o600
    assert Home(plain.path).port == 4512


def test_a_damaged_control_file_is_not_a_traceback(plain: Home) -> None:
    plain.control.write_text('{"port": 45')
    assert plain.port == 4510
    assert plain.read_control() == {}


def test_sockets_lie_in_a_short_path(tmp_path: Path) -> None:
    long = Home(tmp_path / ("x" * 200))
    assert len(f"{long.sockets}/containerd.sock.ttrpc") < 100
    assert long.sockets != Home(tmp_path / ("y" * 200)).sockets


@pytest.mark.parametrize("profile", PROFILES)
def test_every_variable_that_could_lead_to_aws_is_replaced_or_unset(plain: Home, profile: str) -> None:
    foreign = {
        "AWS_SESSION_TOKEN": "real",
        "AWS_ACCESS_KEY_ID": "real",
        "AWS_ENDPOINT_URL_ECR": "https://real",
        "AWS_ROLE_ARN": "real",
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL": "https://real",
        "AWS_CONFIG_FILE": "/real",
        "AWS_ANYTHING_THAT_COMES": "real",
    }
    result = apply(environment(plain, profile, foreign), foreign)
    assert [name for name, value in result.items() if "real" in value] == []
    assert result["AWS_PROFILE"] == profile
    assert result["DOCKER_CONFIG"].endswith(f"/lab/docker/{profile}")
    assert result["AWS_ENDPOINT_URL"] == "http://localhost:4510"
    assert result["REGISTRY"] == "localhost:4510/123456789012.dkr.ecr.us-east-1.amazonaws.com"


def test_an_unknown_profile_is_named_with_those_that_exist(plain: Home) -> None:
    with pytest.raises(ValueError, match=r"no profile 'boss'.*developer"):
        environment(plain, "boss")


def test_another_regions_registry_has_a_variable_once_it_was_opened(plain: Home) -> None:
    assert "REGISTRY_EU" not in environment(plain)
    with pytest.raises(ValueError, match="'eu-west-1' was never opened"):
        environment(plain, region="eu-west-1")
    plain.remember_port(4512)
    plain.remember_regional_port("eu-west-1", 4519)
    ireland = "localhost:4519/123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    virginia = "localhost:4512/123456789012.dkr.ecr.us-east-1.amazonaws.com"
    at_home, abroad = environment(plain), environment(plain, region="eu-west-1")
    names = ("REGISTRY", "REGISTRY_EU", "AWS_REGION", "AWS_DEFAULT_REGION")
    assert [at_home[name] for name in names] == [virginia, ireland, "us-east-1", "us-east-1"]
    assert [abroad[name] for name in names] == [ireland, ireland, "eu-west-1", "eu-west-1"]


def test_applying_it_twice_changes_nothing(plain: Home) -> None:
    once = apply(environment(plain))
    assert apply(environment(plain, base=once), once) == once


def test_no_proxy_keeps_what_was_there(plain: Home) -> None:
    result = environment(plain, base={"NO_PROXY": "corp.example,localhost", "HTTPS_PROXY": "http://proxy:1"})
    assert result["NO_PROXY"] == result["no_proxy"] == "corp.example,localhost,127.0.0.1"
    assert "HTTPS_PROXY" not in result


def test_path_begins_with_the_environment_s_own_commands(plain: Home) -> None:
    own = str(Path(sys.prefix) / "bin")
    assert str(environment(plain, base={"PATH": f"/usr/bin:{own}"})["PATH"]).split(":") == [own, "/usr/bin"]


def test_the_stand_in_is_in_path_only_without_an_engine(plain: Home) -> None:
    standin = str(plain.run / "standin" / "bin")
    Engine("none").save(plain)
    without = apply(environment(plain, base={"PATH": "/usr/bin", "DOCKER_HOST": "tcp://x"}), {"PATH": "/usr/bin"})
    assert without["PATH"].split(":")[0] == standin
    assert environment(plain, base={})["DOCKER_HOST"] is None
    Engine("private", "unix:///run/x").save(plain)
    assert standin not in str(environment(plain, base=without)["PATH"])


def test_an_engine_is_named_outright_with_its_certificates(plain: Home) -> None:
    """The lab's DOCKER_CONFIG hides the user's contexts: `docker` must not fall back to the default socket."""
    Engine("found", "tcp://engine:2376", certificates="/certs").save(plain)
    result = environment(plain, base={"DOCKER_CONTEXT": "colima", "DOCKER_TLS_VERIFY": "0"})
    assert (result["DOCKER_HOST"], result["DOCKER_CERT_PATH"]) == ("tcp://engine:2376", "/certs")
    assert (result["DOCKER_TLS_VERIFY"], result["DOCKER_CONTEXT"]) == ("1", None)


def test_podman_builds_by_itself_and_nothing_attests(plain: Home) -> None:
    """buildx would boot a builder from Docker Hub (A073), and add manifests that the lessons do not expect (A070)."""
    Engine("found", "unix:///run/x", "5.8.6", "Podman").save(plain)
    result = environment(plain, base={})
    assert (result["DOCKER_BUILDKIT"], result["BUILDX_NO_DEFAULT_ATTESTATIONS"]) == ("0", "1")
    Engine("found", "unix:///run/x", "28.5.2", "Docker").save(plain)
    result = environment(plain, base={})
    assert "DOCKER_BUILDKIT" not in result
    assert result["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "zsh", "ksh"])
def test_any_shell_takes_it_over_with_any_folder_name(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    home = Home(tmp_path / 'it\'s "odd" $HOME `x` \\ ü *\n;rm -rf')
    base = {"PATH": os.environ["PATH"], "AWS_SESSION_TOKEN": "x", "AWS_not-a-name": "y"}
    changes = environment(home, "ci", base)
    script = f'{shell_lines(changes)}\n"{sys.executable}" -c "import os; print(dict(os.environ))"'
    answer = subprocess.run([shell, "-euc", script], env=base, capture_output=True, text=True, check=True)
    got = eval(answer.stdout)  # what the line above printed
    assert {name: got.get(name) for name in changes if name.isidentifier()} == {
        name: value for name, value in changes.items() if name.isidentifier()
    }


@pytest.mark.parametrize(
    ("printed", "obeys"),
    [
        ("aws-cli/1.28.85 Python/3.9 Linux/5", False),
        ("aws-cli/1.29.0 Python/3.9", True),
        ("aws-cli/1.46.3 Python/3.11", True),
        ("aws-cli/2.0.30 Python/3.7", False),
        ("aws-cli/2.12.7 Python/3.11", False),
        ("aws-cli/2.13.0 Python/3.11", True),
        ("aws-cli/2.31.1 Python/3.13", True),
        ("", False),
        ("command not found", False),
    ],
)
def test_an_aws_command_that_would_call_aws_is_known_by_its_version(printed: str, obeys: bool) -> None:
    assert obeys_endpoint(printed) is obeys


def test_version_of_reads_the_first_number() -> None:
    assert version_of("aws-cli/2.13.1 Python/3") == (2, 13, 1)
    assert version_of("none") == ()
