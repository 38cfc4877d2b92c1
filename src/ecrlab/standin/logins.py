"""Logins, kept as docker keeps them: `auths` in config.json, by host and port (fact N1)."""

from __future__ import annotations

import base64
import binascii
import json
import os
import tempfile
from pathlib import Path
from typing import Any

HUB_KEY = "https://index.docker.io/v1/"


def server_key(server: str) -> str:
    """Return the key of a registry: without scheme, and only the part before the first slash."""
    return server.removeprefix("https://").removeprefix("http://").partition("/")[0] or HUB_KEY


class Logins:
    """The logins in one docker config folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.json"

    def _read(self) -> dict[str, Any]:
        try:
            loaded = json.loads(self.path.read_bytes() or b"{}")
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return loaded if isinstance(loaded, dict) else {}

    def _write(self, config: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self.path.parent)  # mode 600: a password lies in it
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(config, indent="\t", ensure_ascii=False))
        os.replace(name, self.path)

    def get(self, host: str) -> tuple[str, str] | None:
        """Return user and password for a registry, or None."""
        auths = self._read().get("auths", {})
        entry = auths.get(host) or auths.get(f"http://{host}") or auths.get(f"https://{host}") or {}
        try:
            user, colon, password = base64.b64decode(entry.get("auth", "")).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (user, password.rstrip("\0")) if colon else None

    def put(self, host: str, user: str, password: str) -> bool:
        """Keep a login and return whether it is the first one for this registry."""
        config = self._read()
        auths = config.setdefault("auths", {})
        new = host not in auths
        auths[host] = {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
        config["auths"] = dict(sorted(auths.items()))
        self._write(config)
        return new

    def remove(self, host: str) -> None:
        """Forget the login for a registry, if there is one."""
        config = self._read()
        if config.get("auths", {}).pop(host, None) is not None:
            self._write(config)
