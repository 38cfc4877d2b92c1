"""Pieces of the explorer's drawings: a box, a label, and the frame with its style."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ecrlab_course.views.display import Shown, escape

WIDTH = 680
"""How wide a drawing is."""


@cache
def _style() -> str:
    css = (files("ecrlab_course.views") / "explorer.css").read_text(encoding="utf-8")
    return f"<style>{' '.join(css.split())}</style>"


def wrapped(words: str, html: str) -> Shown:
    """Return a text form and its page, the page with the explorer's style."""
    return Shown(words, f'{_style()}<div class="ecr-explorer">{html}</div>')


def shortened(words: str, length: int, path: bool = False) -> str:
    """Return words of at most `length` characters; of a path the end is kept."""
    if len(words) <= length:
        return words
    return "…" + words[1 - length :] if path else words[: length - 1] + "…"


def svg_rect(kind: str, x: float, y: float, width: float, height: float, title: str = "") -> str:
    """Return a box, with what is said where it is pointed at."""
    inner = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3">{inner}</rect>'
    )


def svg_text(kind: str, x: float, y: float, words: str) -> str:
    """Return words at a place."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'
