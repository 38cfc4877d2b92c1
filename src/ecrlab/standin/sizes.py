"""Numbers of bytes as docker shows them."""

from __future__ import annotations


def human(size: float, digits: int = 3) -> str:
    """Return a number of bytes as docker shows it: 1.98MB (decimal units, `digits` significant digits)."""
    units = ["B", "kB", "MB", "GB", "TB"]
    position = 0
    while size >= 1000 and position < len(units) - 1:
        size, position = size / 1000, position + 1
    return f"{size:.{digits}g}{units[position]}"
