"""`ecrlab tree`: what the explorer shows, in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from ecrlab.cli.basics import give_up, home_of, home_option
from ecrlab.client import LabClient, LabError, explorer_text
from ecrlab.client.explorer_model import MOST, Comparison, Tree, from_json


@click.command()
@home_option
@click.argument("repository", required=False)
@click.option("--compare", nargs=2, metavar="A B", help="Two images, layer by layer: REPOSITORY:TAG or @DIGEST.")
@click.option("--repositories", type=click.IntRange(0, MOST), help="How many repositories to show at most.")
@click.option("--images", type=click.IntRange(0, MOST), help="How many manifests of each to show at most.")
@click.option("--digests", is_flag=True, help="Print digests too.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def tree(
    home: Path | None,
    repository: str | None,
    compare: tuple[str, str] | None,
    repositories: int | None,
    images: int | None,
    digests: bool,
    as_json: bool,
) -> None:
    """Show repositories, images and layers with their sizes, and what is shared; or compare two images."""
    if compare and (repository or repositories is not None or images is not None):
        give_up("--compare takes two images and nothing else: ecrlab tree --compare my-web-app:1.0 my-web-app:1.1")
    client = LabClient(home_of(home))
    try:
        if compare:
            answer = client.comparison(*compare)
            shown = explorer_text.comparison_text(from_json(Comparison, answer), digests)
        else:
            answer = client.tree(repository, repositories, images)
            shown = explorer_text.text(from_json(Tree, answer), digests)
    except LabError as error:
        give_up(error)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(_coloured(shown) if console.is_terminal else Text(shown))


def _coloured(shown: str) -> Text:
    """The explorer's text with colours that only repeat what the words say."""
    text = Text(shown)
    text.highlight_regex(r"(?m)^(ECR Lab|[Rr]egistry|[Rr]epository|left |right) .*", "bold")
    text.highlight_regex(r"\b[\d,.]+ (B|KB|MB|GB|TB)\b", "cyan")
    text.highlight_regex(r"(?m)^ +[A-Z]{1,3}(?= +(config|layer|[\d.]+ [KMGT]?B))", "bold magenta")
    text.highlight_regex(r"(?m)^only left\b.*", "red")
    text.highlight_regex(r"(?m)^only right\b.*", "green")
    text.highlight_regex(r"sha256:[0-9a-f]+", "dim")
    return text
