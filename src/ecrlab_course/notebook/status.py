"""The status line of a page: that the lab is ready, for whom, where, with which engine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ecrlab.client.duration import ahead
from ecrlab.home import ACCOUNT, REGION, Home, read_json
from ecrlab_course.messages import say
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views import display as shown


def _buttons() -> str:
    """Return the buttons of the first cell that JupyterLab acts on (its command linker); hidden elsewhere."""
    made = " ".join(
        f'<button class="ecr-jupyter" style="display:none" data-commandlinker-command="ecrlab:{name}" '
        f'title="{shown.escape(say(f"buttons.{name}_does"))}">{shown.escape(say(f"buttons.{name}"))}</button>'
        for name in ("wake", "terminal")
    )
    return f'<div class="ecr-tools">{made}</div>'


def engine_words(home: Home) -> str:
    """Return the engine as the status line names it: "engine docker 28.2", or "no engine"."""
    state = read_json(home.run / "engine.json")
    if state.get("kind", "none") == "none":
        return say("status.no_engine")
    version = ".".join(str(state.get("version") or "").split(".")[:2])
    name = "podman" if "podman" in str(state.get("name") or state.get("title") or "").lower() else "docker"
    return say("status.engine", name=name, version=version).strip()


def status_line(lab: Lab, root: Path) -> shown.Shown:
    """Return the status line of a lab, and how a terminal joins it; `root` is the course's checkout."""
    server = lab.control.status()
    offset = float(server["clock"]["offset_seconds"])
    off = server.get("regions_off") or []
    parts = [
        say("status.ready"),
        say("status.account", account=ACCOUNT),
        REGION,
        say("status.you", profile=os.environ.get("AWS_PROFILE", "admin")),
        engine_words(lab.home),
        say("status.clock") if abs(offset) < 1 else say("status.clock_moved", offset=ahead(offset)),
        *[say("status.off", region=region) for region in off],
        say("status.not_aws"),
    ]
    # A terminal outside JupyterLab does not have the environment's programs in its PATH.
    command = ".venv/bin/ecrlab" if Path(sys.prefix) == root / ".venv" else "ecrlab"
    first, *rest = parts
    html = f"<b>{shown.escape(first)}</b> · " + " · ".join(shown.escape(part) for part in rest)
    return shown.Shown(
        " · ".join(parts),
        f'<div class="ecr-status">{html}</div>{_buttons()}<div class="ecr-soft">{say("status.terminal")} '
        f"<code>eval &quot;$({command} env)&quot;</code></div>",
    )
