"""`ecrlab fidelity`: the page about what the lab does as AWS documents it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("fidelity")
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file.")
def fidelity_command(write: Path | None) -> None:
    """Print what the lab does as AWS documents it, what is simplified, and what is refused (Markdown)."""
    from ecrlab import fidelity

    if write is None:
        click.echo(fidelity.page(), nl=False)
    else:
        write.write_text(fidelity.page(), encoding="utf-8")
