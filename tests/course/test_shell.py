"""The shell under `%%bash`: strict, ordered, and gone when it is interrupted."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from ecrlab_course.toolbox import shell


def run(script: str, **more: object) -> tuple[int, str]:
    return shell.run(script, os.environ, **more)  # type: ignore[arg-type]


def test_output_and_exit_code() -> None:
    assert run("echo hello") == (0, "hello\n")
    assert run("echo before; false; echo after") == (1, "before\n")


def test_a_failure_inside_a_pipe_counts() -> None:
    code, output = run("false | cat; echo after")
    assert (code, output) == (1, "")


def test_an_unset_variable_stops_the_script() -> None:
    code, output = run('echo "$NO_SUCH_VARIABLE_HERE"')
    assert code != 0
    assert "unbound variable" in output


def test_stdout_and_stderr_stay_in_order() -> None:
    script = "for n in 1 2 3 4 5; do echo out $n; echo err $n >&2; done"
    wanted = "".join(f"out {n}\nerr {n}\n" for n in range(1, 6))
    for _ in range(10):
        assert run(script) == (0, wanted)


def test_pieces_arrive_while_the_script_runs() -> None:
    pieces: list[tuple[float, str]] = []
    began = time.monotonic()
    run("echo first; sleep 0.5; echo second", write=lambda text: pieces.append((time.monotonic() - began, text)))
    assert [text for _, text in pieces] == ["first\n", "second\n"]
    assert pieces[1][0] - pieces[0][0] > 0.3


def test_a_character_is_never_cut() -> None:
    pieces: list[str] = []
    run("for n in 1 2 3; do printf 'ü'; sleep 0.05; done; echo", write=pieces.append)
    assert "".join(pieces) == "üüü\n"


def test_stdin_is_empty() -> None:
    assert run("cat; echo done") == (0, "done\n")


def test_a_process_left_in_the_background_does_not_hold_the_cell() -> None:
    began = time.monotonic()
    code, output = run("sleep 30 & echo $!")
    assert code == 0
    assert time.monotonic() - began < 5
    os.kill(int(output), signal.SIGKILL)


def test_the_time_limit_ends_the_whole_group(tmp_path: Path) -> None:
    code, output = run(f"sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60'", timeout=1)
    assert code == 124
    assert "ended after 1 s" in output
    assert not _alive(int((tmp_path / "pid").read_text()))


def test_an_interrupt_ends_the_whole_group(tmp_path: Path) -> None:
    def interrupt() -> None:
        until = time.monotonic() + 10
        while not (tmp_path / "pid").exists() and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run(f"sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60'; echo after")
    assert not _alive(int((tmp_path / "pid").read_text()))


def _alive(pid: int) -> bool:
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True


NOISE = (
    "WARNING: IPv4 forwarding is disabled. Networking will not work.",
    " ---> [Warning] IPv4 forwarding is disabled. Networking will not work.",
)


@pytest.mark.parametrize("noise", NOISE)
def test_what_docker_says_of_forwarding_is_left_out(noise: str) -> None:
    """The lab's own engine forwards nothing, on purpose; everything else that is said of it stays."""
    pieces: list[str] = []
    script = (
        f"echo before; printf 'WARN'; echo '{noise}' >&2; echo '{noise}' >&2; echo '> {noise}'; printf '%s' '{noise}'"
    )
    code, output = run(script, write=pieces.append)
    assert (code, output) == (0, f"before\nWARN{noise}\n> {noise}\n")
    assert "".join(pieces) == output
    halves = f"printf '%s' '{noise[:20]}'; sleep 0.3; echo '{noise[20:]}'; echo after"
    assert run(halves) == (0, "after\n")


USUAL = {
    "docker 28 login": """
WARNING! Your credentials are stored unencrypted in '/home/l/.ecrlab/lab/docker/admin/config.json'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

""",
    "docker 20 login": """WARNING! Your password will be stored unencrypted in /root/.docker/config.json.
Configure a credential helper to remove this warning. See
https://docs.docker.com/engine/reference/commandline/login/#credentials-store

""",
    "the builder": """DEPRECATED: The legacy builder is deprecated and will be removed in a future release.
            Install the buildx component to build images with BuildKit:
            https://docs.docker.com/go/buildx/

""",
    "the builder, with Podman": """DEPRECATED: The legacy builder is deprecated and will be removed in a future release.
            BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0
            environment-variable.

""",
}
"""What docker says of its own accord when a command works; the first and the last two were read from docker 28."""


@pytest.mark.parametrize("name", USUAL)
def test_docker_s_usual_warnings_are_left_out(name: str, tmp_path: Path) -> None:
    (tmp_path / "said").write_text(f"before\n{USUAL[name]}Login Succeeded\n\nafter\n")
    for command in ("cat said", "while IFS= read -r line; do printf '%s\\n' \"$line\"; sleep 0.02; done < said"):
        assert run(command, folder=tmp_path) == (0, "before\nLogin Succeeded\n\nafter\n")
    for line in USUAL[name].splitlines():
        assert run(f"echo 'see: {line.replace(chr(39), '')}'")[1].startswith("see: ")
    (tmp_path / "said").write_text("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n")
    assert "insecure" in run("cat said", folder=tmp_path)[1]
    assert run("printf '\\n\\none\\n\\n'") == (0, "\n\none\n\n")


def test_a_long_line_arrives_whole() -> None:
    code, output = run("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo -n end")
    assert (code, output) == (0, "x" * 3_000_000 + "\nend")
