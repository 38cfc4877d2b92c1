"""The smallest program: it runs on this machine's processor, and the other one's differs where the kernel looks."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from ecrlab.engine.hello_program import LINE, MACHINES, PROCESSORS, Processor, hello_program, waiting_program

HERE: dict[str, Processor] = {"x86_64": "amd64", "aarch64": "arm64"}


@pytest.mark.parametrize("processor", PROCESSORS)
def test_the_kernel_finds_the_processor_where_elf_says_it(processor: Processor) -> None:
    program = hello_program(processor)
    assert len(program) == {"amd64": 184, "arm64": 183}[processor]
    assert int.from_bytes(program[18:20], "little") == MACHINES[processor]
    assert program.endswith(LINE)


@pytest.mark.skipif(sys.platform != "linux", reason="an ELF program of Linux")
def test_it_runs_here(tmp_path: Path) -> None:
    file = tmp_path / "hello"
    file.write_bytes(hello_program(HERE[platform.machine()]))
    file.chmod(0o755)
    assert subprocess.run([file], capture_output=True, check=True, timeout=10).stdout == LINE


@pytest.mark.skipif(sys.platform != "linux", reason="an ELF program of Linux")
def test_the_one_that_waits_is_there_until_it_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "wait"
    file.write_bytes(waiting_program(HERE[platform.machine()]))
    file.chmod(0o755)
    with subprocess.Popen([file]) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.kill()
        assert process.wait(10) == -9
