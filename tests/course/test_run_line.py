"""The `docker run` of a script, read."""

from __future__ import annotations

import pytest

from ecrlab_course.authoring.run_line import run_line, size


def test_options_image_and_command() -> None:
    script = """#!/bin/sh
# docker run nothing
docker rm -f web || true
docker run -dit --name web -m 16m --memory-swap=32m \\
  -v notes:/www -v "$PWD/x:/y" --init -p8080:80 shop/page:1 httpd -f -p 8080   # the page
"""
    found = run_line(script)
    assert found is not None
    assert (found.image, found.command) == ("shop/page:1", ("httpd", "-f", "-p", "8080"))
    assert found.memory == 16 << 20
    assert found.has("--init")
    assert found.has("--detach")
    assert found.has("--tty")
    assert found.value("--memory-swap") == "32m"
    assert found.options["--volume"] == ["notes:/www", "$PWD/x:/y"]
    assert found.value("--publish") == "8080:80"
    assert found.value("--restart") == ""


@pytest.mark.parametrize("script", ["", "docker ps", "docker run", "docker run --name web", "docker run 'web"])
def test_no_run(script: str) -> None:
    assert run_line(script) is None


def test_the_last_one_counts_and_false_is_not_given() -> None:
    found = run_line("docker run a; docker run b\ndocker container run --init=false c true")
    assert found is not None
    assert (found.image, found.command, found.has("--init")) == ("c", ("true",), False)


@pytest.mark.parametrize(
    ("text", "number"),
    [("16m", 16 << 20), ("1g", 1 << 30), ("24MB", 24 << 20), ("512", 512), ("", None), ("many", None)],
)
def test_sizes(text: str, number: int | None) -> None:
    assert size(text) == number
