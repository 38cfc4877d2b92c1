"""How a command of the stand-in ends without success."""

from __future__ import annotations

NEEDS_ENGINE = 125  # docker's own code for "docker itself failed, nothing was run"


class DockerError(Exception):
    """The command ends with `text` on standard error and exit code `code`."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


def from_daemon(text: str) -> DockerError:
    """Return a failure in the form in which docker's client repeats what its daemon said."""
    return DockerError(f"Error response from daemon: {text}")


def needs_engine(what: str) -> DockerError:
    """Return the failure of a command that starts or looks at containers."""
    return DockerError(
        f"{what}: this needs a container engine, and this computer runs ECR Lab's stand-in for docker, which has none. "
        "'ecrlab doctor' says how to get one.",
        NEEDS_ENGINE,
    )
