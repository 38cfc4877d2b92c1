"""`ecrlab trace`: the X-ray in a terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from ecrlab.cli.basics import give_up, home_of, home_option
from ecrlab.client import LabClient, LabError, decision_text


@click.command()
@home_option
@click.option("--follow", "-f", is_flag=True, help="Keep showing requests as they arrive, until Ctrl-C.")
@click.option("--last", type=click.IntRange(0), default=20, show_default=True, help="How many past requests to show.")
def trace(home: Path | None, follow: bool, last: int) -> None:
    """Show the X-ray: each request, the IAM action it needed, and why it was allowed or denied."""
    place = home_of(home)
    client = LabClient(place)
    console = Console(highlight=False, soft_wrap=True)
    try:
        newest = int(client.xray(limit=1)["last"])
        after = max(0, newest - last)
        answer: dict[str, Any] = {"rows": [], "last": newest}
        if newest > after:
            answer = client.xray(after=after, limit=last)
        while True:
            for row in answer["rows"]:
                console.print(trace_line(row, console.is_terminal))
                after = max(after, int(row["seq"]))
            if answer["rows"]:
                place.note_asked("xray")
            if not follow:
                return
            if not answer["rows"]:
                after = max(after, int(answer["last"]))
            answer = client.xray(after=after, wait=20)
    except LabError as error:
        give_up(error)
    except KeyboardInterrupt:
        return


def trace_line(row: Mapping[str, Any], colour: bool) -> str:
    """One request: time, client, who, what, IAM action, on what, decision, status, bytes, duration; below it, why."""
    clock = time.strftime("%H:%M:%S", time.localtime(float(row["wall"])))
    principal = str(row.get("principal") or "-").rpartition(":")[2]
    what = row.get("operation") or f"{row['method']} {row['path']}"
    decision = str(row["decision"])
    size = f"{int(row.get('bytes_in') or 0)}/{int(row.get('bytes_out') or 0)} B"
    took = f"{float(row.get('duration_ms') or 0):.1f} ms"
    parts = [
        clock,
        str(row["client"]),
        principal,
        what,
        str(row.get("action") or "-"),
        *([f"on {decision_text.short(str(row['resource']))}"] if row.get("action") and row.get("resource") else []),
        decision,
        str(row["status"] or "no answer"),
        size,
        took,
    ]
    text = escape("  ".join(parts))
    if (row.get("action") or not row["status"] or row["service"] == "sts") and row.get("reason"):
        text += escape(f"\n          {row['reason']}")
    elif row.get("said") and row["path"] not in ("/v2", "/v2/"):
        text += escape(f"\n          {row['said']}")  # what clients may hide
    if not colour:
        return text
    bad = decision == "denied" or int(row["status"]) >= 400 or not row["status"]
    return f"[{'red' if bad else 'default'}]{text}[/]"
