"""What a notebook of the ECR Lab course uses."""

from __future__ import annotations

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Carry out `%load_ext ecrlab_course`: the lab runs, and `lab`, `ecr`, `iam`, `sts`, `%%bash` are there."""
    from ecrlab_course.notebook import extension

    extension.load(shell)
