"""The command ``ecrlab``: the local cloud from a terminal. A file per family of its commands."""

from __future__ import annotations

import click

from ecrlab import __version__
from ecrlab.command import Commands

from . import ci, ecs, engine, fidelity, iam, lab, quotas, shell, tree, xray


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ecrlab")
def main() -> None:
    """A local Amazon ECR, IAM and STS. It is not AWS, needs no account and costs nothing."""


for each in (
    *(lab.start, lab.serve, lab.stop, lab.status, lab.doctor_command, lab.reset, lab.region, lab.clock),
    *(engine.podman, engine.host, engine.node, shell.credentials_command, shell.env, quotas.quota),
    *(fidelity.fidelity_command, xray.trace, tree.tree, iam.whoami, iam.can, ci.ci, ecs.ecs),
):
    main.add_command(each)
