"""A stage of a build: what an image would be that ended here."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ecrlab.standin.layers import Entry, Layer

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    """A stage so far: what its configuration says, its layers, its history; `args` are values of ARG."""

    created: str
    config: dict[str, Any] = field(default_factory=lambda: {"Env": [PATH]})
    layers: list[Layer] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    args: dict[str, str] = field(default_factory=dict)
    platform: tuple[str, str, str] = ("linux", "amd64", "")
    seen: dict[str, Entry] | None = None
    command_set: bool = False

    def env(self) -> dict[str, str]:
        """Return what a variable in an instruction stands for."""
        return {**self.args, **dict(item.split("=", 1) for item in self.config.get("Env", []))}

    def document(self) -> bytes:
        """Return the configuration of an image that ended here."""
        os_, architecture, variant = self.platform
        document: dict[str, Any] = {"architecture": architecture}
        if variant:
            document["variant"] = variant
        document["config"] = self.config
        document["created"] = self.created
        document["history"] = self.history
        document["os"] = os_
        document["rootfs"] = {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]}
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()

    def note(self, text: str, *, empty: bool) -> None:
        """Add a line to the history; `empty` where it made no layer."""
        shell = " ".join(self.config.get("Shell") or ["/bin/sh", "-c"])
        entry: dict[str, Any] = {"created": self.created, "created_by": f"{shell} #(nop) {text}"}
        if empty:
            entry["empty_layer"] = True
        self.history.append(entry)
