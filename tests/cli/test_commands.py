"""The commands against a running lab: doctor, env, reset, trace, with the real aws command."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from ecrlab.cli import main
from ecrlab.client import LabClient
from ecrlab.engine import private
from ecrlab.environment import apply, environment
from ecrlab.home import Home
from ecrlab.host import doctor, launch
from ecrlab.host.doctor import Finding, engine_command, examine, summary
from ecrlab.ports import port_is_taken

Ecrlab = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def lab(home: Home) -> Home:
    launch.start(home)
    return home


def aws(home: Home, *arguments: str, profile: str = "admin") -> subprocess.CompletedProcess[str]:
    environ = apply(environment(home, profile))
    return subprocess.run(["aws", *arguments], env=environ, capture_output=True, text=True, check=False, timeout=60)


def found(findings: list[Finding], part: str) -> Finding:
    return next(finding for finding in findings if finding.part == part)


def test_doctor_contacts_every_part_of_a_healthy_lab(lab: Home) -> None:
    findings = examine(lab)
    assert [finding for finding in findings if finding.state == "fails"] == []
    for part in ("server", "registry", "AWS API", "aws command", "aws version", "bash", "home"):
        assert found(findings, part).state == "ok", found(findings, part)
    assert found(findings, "aws command").seen == "answers arn:aws:iam::123456789012:user/admin"
    assert summary(lab, findings).startswith("ready · no engine · ")
    assert summary(lab, findings).endswith("not AWS")
    agents = {row["client"] for row in LabClient(lab).xray()["rows"]}
    assert "aws" in agents, "the doctor must really have asked through the aws command"


def test_doctor_names_the_command_that_starts_a_stopped_lab(home: Home, ecrlab: Ecrlab) -> None:
    answer = ecrlab("doctor", "--json")
    assert answer.returncode == 1
    server = next(finding for finding in json.loads(answer.stdout) if finding["part"] == "server")
    assert (server["state"], server["fix"]) == ("fails", f"{OURS} start")
    text = ecrlab("doctor").stdout
    assert f"fix: {OURS} start" in text
    assert text.rstrip().endswith("not AWS")


OURS = str(Path(sys.prefix, "bin", "ecrlab").relative_to(Path.cwd()))


def without_venv() -> str:
    """A PATH that does not lead to the lab's commands, as in most readers' shells."""
    return os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not Path(part, "ecrlab").exists())


@pytest.mark.parametrize(
    "arguments",
    ["doctor", "env", "status --json", "clock", "clock -- -1h", "tree", "trace", "can", "start", "reset --yes"],
)
def test_what_to_type_is_there_in_the_reader_s_shell(home: Home, ecrlab: Ecrlab, arguments: str) -> None:
    """Every command of the lab that a message names is found by the shell that asked: by PATH, or by its path."""
    named = re.compile(r"(\S*\becrlab(?:_course)?) (?=start|stop|env|doctor|clock|can|reset|serve|tree)")
    with socket.create_server(("127.0.0.1", home.port)):
        answer = ecrlab(*arguments.split(), PATH=without_venv())
        said = answer.stdout + answer.stderr
        assert {found.lstrip("\"$(`'") for found in named.findall(said)} <= {OURS}, said
        if "Usage" not in said:
            inside = ecrlab(*arguments.split(), PATH=f"{Path(sys.prefix, 'bin')}:{without_venv()}")
            assert OURS not in inside.stdout + inside.stderr


def test_doctor_sees_a_server_that_hangs(lab: Home) -> None:
    pid = LabClient(lab).status()["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        finding = found(examine(lab), "server")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (finding.state, finding.fix) == ("fails", "ecrlab start")
    assert f"process {pid} does not answer" in finding.seen


def test_doctor_sees_damaged_credentials(lab: Home) -> None:
    lab.aws_credentials.write_text("[admin]\naws_access_key_id = test\naws_secret_access_key = test\n")
    findings = examine(lab)
    for part in ("AWS API", "aws command"):
        assert found(findings, part).state == "fails"
        assert "security token" in found(findings, part).seen
        assert found(findings, part).fix


def test_doctor_sees_another_program_at_the_port(home: Home) -> None:
    with socket.create_server(("127.0.0.1", home.port)):
        finding = found(examine(home), "server")
    command, _, port = finding.fix.rpartition(" ")
    assert command == "ecrlab start --port"
    assert home.port < int(port) <= home.port + 10, "the next one that nobody has just now"


def test_doctor_names_foreign_variables_but_not_their_values(home: Home) -> None:
    environ = {**os.environ, "AWS_SESSION_TOKEN": "sesame", "HTTPS_PROXY": "http://user:pass@proxy:1"}
    findings = examine(home, environ)
    shell = found(findings, "this shell")
    assert (shell.state, shell.fix) == ("note", 'eval "$(ecrlab env)"')
    assert "AWS_SESSION_TOKEN" in shell.seen
    assert found(findings, "proxy").fix == 'eval "$(ecrlab env)"'
    assert not any("sesame" in finding.seen or "pass@" in finding.seen for finding in findings)


@pytest.mark.parametrize("profile", ["admin", "ci"])
def test_doctor_is_content_with_a_shell_that_took_the_environment_over(home: Home, profile: str) -> None:
    findings = examine(home, apply(environment(home, profile)))
    assert found(findings, "this shell").state == "ok"


def test_doctor_names_role_sessions_that_aws_keeps_in_the_home_folder(lab: Home, tmp_path: Path) -> None:
    cache = tmp_path / "a home" / ".aws" / "cli" / "cache"
    cache.mkdir(parents=True)
    (cache / "theirs.json").write_text('{"AssumedRoleUser": {"Arn": "arn:aws:sts::222233334444:assumed-role/x/y"}}')
    (cache / "broken.json").write_text("{")
    environ = {**os.environ, "HOME": str(tmp_path / "a home")}
    assert not [finding for finding in examine(lab, environ) if finding.part == "role sessions"]

    role = "arn:aws:iam::123456789012:role/deployer"
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:user/ci"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = aws(lab, "iam", "create-role", "--role-name", "deployer", "--assume-role-policy-document", document)
    assert made.returncode == 0, made.stderr
    config = tmp_path / "config"
    config.write_text(f"[profile deployer]\nrole_arn = {role}\nsource_profile = ci\nregion = us-east-1\n")
    asked = subprocess.run(
        ["aws", "sts", "get-caller-identity", "--profile", "deployer"],
        env={**apply(environment(lab)), "HOME": environ["HOME"], "AWS_CONFIG_FILE": str(config)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ":assumed-role/deployer/" in asked.stdout, asked.stderr
    finding = found(examine(lab, environ), "role sessions")
    assert (finding.state, str(cache) in finding.seen) == ("note", True)
    subprocess.run(["bash", "-c", finding.fix], check=True, timeout=60)
    assert sorted(path.name for path in cache.iterdir()) == ["broken.json", "theirs.json"]


def test_doctor_finds_little_disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ENOUGH_DISK", 1 << 60)
    assert found(examine(home), "home").state == "note"
    monkeypatch.setattr(doctor, "_LITTLE_DISK", 1 << 60)
    assert found(examine(home), "home").state == "fails"
    assert found(examine(home), "home").fix


def test_every_system_has_one_command_for_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("/nonexistent", os.environ["PATH"]):
        monkeypatch.setenv("PATH", path)
        for where in ("debian", "fedora", "linux", "wsl", "macos", "windows"):
            assert engine_command("", where)
            assert "\n" not in engine_command("", where)
    assert "usermod" in engine_command("/var/run/docker.sock does not answer: permission denied.", "debian")


@pytest.fixture
def old_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose aws command is too old to obey the lab's address, and that has no other."""
    folder = tmp_path / "old" / "bin"
    folder.mkdir(parents=True)
    (folder / "aws").write_text("#!/bin/sh\necho aws-cli/1.27.5 Python/3.9.2 Linux/5 botocore/1.29.5\n")
    (folder / "aws").chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(folder.parent))
    return folder / "aws"


def test_env_refuses_an_aws_command_that_would_call_aws(home: Home, old_aws: Path) -> None:
    answer = CliRunner().invoke(main, ["env", "--home", str(home.path)])
    assert answer.exit_code == 1
    assert f"{old_aws} is aws-cli/1.27.5" in answer.stderr
    assert answer.stdout == "false\n", "what the shell evaluates must set nothing and must fail"


def test_doctor_refuses_it_too_and_does_not_run_it(home: Home, old_aws: Path) -> None:
    launch.start(home)
    findings = examine(home)
    assert found(findings, "aws version").state == "fails"
    assert found(findings, "aws version").fix
    assert found(findings, "aws command").state == "not tried"


def test_env_in_a_real_shell_reaches_the_lab_past_foreign_variables_and_proxies(lab: Home) -> None:
    ecrlab = Path(sys.prefix) / "bin" / "ecrlab"
    script = f"""
        export AWS_SESSION_TOKEN=x AWS_ENDPOINT_URL_STS=http://127.0.0.1:9 AWS_PROFILE=work
        export HTTP_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9
        eval "$('{ecrlab}' env --home '{lab.path}' --profile ci)"
        aws sts get-caller-identity --query Arn --output text
        echo "$REGISTRY"
    """
    answer = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=False, timeout=60)
    assert answer.stdout.splitlines() == [
        "arn:aws:iam::123456789012:user/ci",
        f"localhost:{lab.port}/123456789012.dkr.ecr.us-east-1.amazonaws.com",
    ], answer.stderr
    assert "Cleared AWS_ENDPOINT_URL_STS, AWS_SESSION_TOKEN." in answer.stderr
    assert "NO_PROXY" in answer.stderr
    assert "as ci, not to AWS" in answer.stderr


def test_trace_shows_a_denied_request_with_its_reason(lab: Home, ecrlab: Ecrlab) -> None:
    denied = aws(lab, "ecr", "create-repository", "--repository-name", "mine", profile="ci")
    assert "AccessDenied" in denied.stderr
    answer = ecrlab("trace")
    line = next(line for line in answer.stdout.splitlines() if "CreateRepository" in line)
    for piece in ("aws", "user/ci", "ecr:CreateRepository", "on repository/mine", "denied"):
        assert piece in line
    assert "no identity-based policy allows" in answer.stdout
    assert "\x1b" not in answer.stdout, "no colours where no terminal is"


def test_trace_shows_what_the_registry_said(lab: Home, ecrlab: Ecrlab) -> None:
    """An answer to HEAD has no body, and Podman passes none on: the words are here (facts A066, A072)."""
    answer = aws(lab, "ecr", "get-authorization-token", "--output", "json")
    data = json.loads(answer.stdout)["authorizationData"][0]
    registry = f"localhost:{lab.port}/v2/123456789012.dkr.ecr.us-east-1.amazonaws.com"
    asked = urllib.request.Request(f"http://{registry}/nothing-here/manifests/1", method="HEAD")
    asked.add_header("Authorization", f"Basic {data['authorizationToken']}")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=10)
    caught.value.close()
    assert "name unknown: The repository with name 'nothing-here' does not exist" in ecrlab("trace").stdout


def test_trace_follow_goes_on_until_ctrl_c(lab: Home) -> None:
    command = [str(Path(sys.prefix) / "bin" / "ecrlab"), "trace", "--follow", "--last", "0", "--home", str(lab.path)]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    follow = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    assert follow.stdout is not None
    assert follow.stderr is not None
    with follow.stdout, follow.stderr:
        time.sleep(1)
        for name in ("one", "two"):
            assert aws(lab, "ecr", "create-repository", "--repository-name", name).returncode == 0
            assert "CreateRepository" in follow.stdout.readline()
            assert "AdministratorAccess" in follow.stdout.readline(), "why it was allowed"
        follow.send_signal(signal.SIGINT)
        assert follow.stderr.read() == ""
        assert follow.wait(10) == 0


def test_reset_clears_the_lab_but_never_progress(lab: Home, ecrlab: Ecrlab) -> None:
    lab.progress.write_text("mine")
    for name in ("my-web-app", "other"):
        assert aws(lab, "ecr", "create-repository", "--repository-name", name).returncode == 0
    answer = ecrlab("reset", "--repository", "my-web-app")
    assert "my-web-app" in answer.stdout
    assert json.loads(aws(lab, "ecr", "describe-repositories").stdout)["repositories"][0]["repositoryName"] == "other"
    for where in (["--public"], ["--region", "eu-west-1"], ["--account", "210987654321"], ["--public", "--yes"]):
        refused = ecrlab("reset", *where)
        assert refused.returncode == 2
        assert "give --repository NAME or --policy-of NAME" in refused.stderr
        assert json.loads(aws(lab, "ecr", "describe-repositories").stdout)["repositories"], where
    assert ecrlab("reset").returncode == 0
    assert json.loads(aws(lab, "ecr", "describe-repositories").stdout)["repositories"] == []
    assert lab.progress.read_text() == "mine"


@pytest.mark.parametrize("command", [["reset"], ["trace"], ["trace", "--follow"]])
def test_commands_that_need_a_lab_say_how_to_start_it(ecrlab: Ecrlab, command: list[str]) -> None:
    answer = ecrlab(*command)
    assert answer.returncode == 1
    assert "ecrlab start" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_with_its_own_engine_all_parts_are_ok_and_stop_leaves_nothing(
    home: Home, ecrlab: Ecrlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    if private.possible() or private.missing():
        pytest.skip("no private engine can run here")
    monkeypatch.setenv("ECRLAB_ENGINE", "private")
    assert ecrlab("start").returncode == 0
    findings = examine(home)
    for part in ("engine", "docker command", "engine to registry"):
        assert found(findings, part).state == "ok", found(findings, part)
    assert "Docker" in summary(home, findings)
    assert "the lab's own" in ecrlab("status").stdout
    for word in ("server.json", "dockerd.json", "containerd.json"):
        pid = json.loads((home.run / word).read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
    assert not launch.status(home).running
    assert found(examine(home), "engine").fix == "ecrlab start"
    assert ecrlab("start").returncode == 0, "after kill -9 of everything the next start must clean up"
    assert [finding for finding in examine(home) if finding.state == "fails"] == []
    ecrlab("stop")
    assert not home.sockets.exists()
    assert not private._own_processes(home)
    assert not port_is_taken(home.port)


def test_modules_of_the_reader_shadow_nothing(home: Home, tmp_path: Path) -> None:
    """Neither by PYTHONPATH nor in the working folder: in the commands, the server, the stand-in and the doctor."""
    for name in ("ecrlab", "ecrlab_course", "click", "aiohttp", "botocore", "awscli", "json", "secrets", "docker"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        (tmp_path / "mine" / name / "__init__.py").write_text("raise SystemExit(f'{__name__} is shadowed')\n")
    environ = {**os.environ, "ECRLAB_HOME": str(home.path), "PYTHONPATH": str(tmp_path / "mine")}
    bin_folder = Path(sys.prefix) / "bin"
    for command in ("ecrlab start", "ecrlab doctor", "ecrlab can ci ecr:PutImage x", "ecrlab_course exercises --count"):
        name, *arguments = command.split()
        answer = subprocess.run(
            [str(bin_folder / name), *arguments], cwd=tmp_path / "mine", env=environ, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        said = answer.stdout + answer.stderr
        assert "shadowed" not in said, said
        assert "could not be made" not in said, said
        if name == "ecrlab" and arguments == ["doctor"]:
            assert re.search(r"ok  AWS API ", said), said
            assert re.search(r"ok  aws command ", said), said
    shell = {**apply(environment(home)), "PYTHONPATH": str(tmp_path / "mine")}
    listed = subprocess.run(
        ["docker", "images"], cwd=tmp_path / "mine", env=shell, capture_output=True, text=True, check=False
    )
    assert listed.returncode == 0, listed.stderr
