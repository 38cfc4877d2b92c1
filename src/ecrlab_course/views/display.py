"""What a cell shows: one object with a deterministic text form and a calm HTML form."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import mistune

from ecrlab_course.documents.verdict import Outcome, Verdict

# JupyterLab takes arrow keys and Enter for itself, except where what has the focus carries this attribute; Escape goes
# back to the cell.
PANEL = (
    '<div class="ecrlab" '
    "onfocusin=\"event.target.setAttribute('data-lm-suppress-shortcuts', 'true')\" "
    "onkeydown=\"if (event.key === 'Escape') { this.closest('.jp-Cell')?.focus() }\">"
)

ICONS = {Outcome.PASSED: "✓", Outcome.COMPARED: "≠", Outcome.NOT_YET: "✗", Outcome.UNTOUCHED: "○", Outcome.UNKNOWN: "?"}
CLASSES = {
    Outcome.PASSED: "ecr-ok",
    Outcome.COMPARED: "ecr-told",
    Outcome.NOT_YET: "ecr-no",
    Outcome.UNTOUCHED: "ecr-idle",
    Outcome.UNKNOWN: "ecr-wait",
}

_ARN = re.compile(r"\barn:[^\s<&]+")


@cache
def style(loaded: str = "") -> str:
    """Return the course's style element; every shown object carries it, so clearing one cell harms no other.

    `loaded` is a script that runs when the element comes onto the page.
    """
    css = (files("ecrlab_course.views") / "style.css").read_text(encoding="utf-8")
    short = re.sub(r"\s+", " ", css)
    run = f' onload="{escape(loaded)}"' if loaded else ""
    return f"<style{run}>{short}</style>"


def keyboard(name: str) -> str:
    """Return the script, for `style`, that gives a card its keys; `name` is the card's own."""
    return (files("ecrlab_course.views") / "keyboard.js").read_text(encoding="utf-8").replace("NAME", name)


@cache
def projector() -> str:
    """Return the style element of projector mode: larger type and stronger contrast, for the whole page."""
    css = (files("ecrlab_course.views") / "projector.css").read_text(encoding="utf-8")
    short = re.sub(r"\s+", " ", css)
    return f"<style>{short}</style>"


class _Renderer(mistune.HTMLRenderer):
    """Markdown's HTML, with code whose names may go on in a new line after : and /."""

    def codespan(self, text: str) -> str:
        return f"<code>{breaking(text)}</code>"


@cache
def _renderer() -> mistune.Markdown:
    return mistune.create_markdown(renderer=_Renderer(escape=True), plugins=["table"])


def markdown(text: str) -> str:
    """Return safe HTML of markdown text; HTML in the text is shown as text."""
    return breakable(str(_renderer()(text.strip())))


def breakable(page: str) -> str:
    """Return HTML in which a line may end behind each colon and slash of an ARN."""
    parts = re.split(r"(<[^>]*>)", page)
    parts[::2] = [_ARN.sub(lambda arn: re.sub("([:/])", r"\1<wbr>", arn[0]), part) for part in parts[::2]]
    return "".join(parts)


def plain(text: str) -> str:
    """Return markdown without its code ticks and stars, for places that show text only."""
    return re.sub(r"`([^`]*)`", r"\1", re.sub(r"\*\*([^*]+)\*\*", r"\1", text)).strip()


def label(text: str) -> str:
    """Return markdown as a widget's label shows it: without ticks, and without the stars around *words*.

    In a terminal such stars are read as emphasis and stay; a star in code stays everywhere.
    """
    parts = re.split(r"`([^`]*)`", re.sub(r"\*\*([^*]+)\*\*", r"\1", text))
    parts[::2] = [re.sub(r"\*(?=\S)([^*]+)(?<=\S)\*", r"\1", part) for part in parts[::2]]
    return "".join(parts).strip()


def escape(text: object) -> str:
    """Return text for HTML content and attributes."""
    return html.escape(str(text), quote=True)


def breaking(text: object) -> str:
    """Return text for HTML content whose names, such as ARNs and paths, may go on in a new line after : and /."""
    return re.sub(r"([:/])(?=[^\s:/])", r"\1<wbr>", escape(text))


@dataclass(frozen=True)
class Shown:
    """Something to display: `text` for terminals, tests and screen readers, `html` for the browser."""

    text: str
    html: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": f"{style()}{PANEL}{self.html}</div>"}

    def __repr__(self) -> str:
        return self.text


def state(outcome: Outcome, words: str = "") -> str:
    """Return the outcome as HTML: an icon and the word, or other words; colour only repeats what they say."""
    return (
        f'<span class="ecr-state {CLASSES[outcome]}">'
        f'<span aria-hidden="true">{ICONS[outcome]}</span> {escape(words or outcome.words)}</span>'
    )


def verdict_html(verdict: Verdict, identifier: str = "") -> str:
    """Return a verdict as HTML, announced by screen readers when it appears."""
    name = f"<b>{escape(identifier)}</b> " if identifier else ""
    body = markdown(verdict.message) if verdict.message else ""
    stands = state(verdict.outcome, verdict.words)
    return (
        f'<div class="ecr-verdict {CLASSES[verdict.outcome]}" role="status">{name}{stands}'
        f'<div class="ecr-said">{body}</div></div>'
    )


def verdict(identifier: str, value: Verdict) -> Shown:
    """Return a verdict as `lab.check` shows it."""
    line = f"{ICONS[value.outcome]} {identifier} · {value.words}"
    text = line if not value.message else f"{line}\n{value.message.strip()}"
    return Shown(text, verdict_html(value, identifier))


def note(title: str, text: str) -> Shown:
    """Return a titled paragraph (markdown), as hints and solutions are shown."""
    return Shown(
        f"{title}\n{text.strip()}",
        f'<div class="ecr-note"><div class="ecr-title">{escape(title)}</div>{markdown(text)}</div>',
    )


def reading(text: str) -> Shown:
    """Return what is read when a cell has run (markdown): a card under its output."""
    return Shown(text.strip(), f'<div class="ecr-note">{markdown(text)}</div>')


def stopped(text: str) -> Shown:
    """Return the line under a cell that stopped where it was expected to: nothing to worry about."""
    return Shown(f"✓ {text}", f'<div class="ecr-status"><span class="ecr-state ecr-ok">✓</span> {escape(text)}</div>')


def sentence(text: str) -> Shown:
    """Return one sentence, as a status is shown."""
    return Shown(text, f'<div class="ecr-status">{escape(text)}</div>')


def looked_back(found: Sequence[tuple[str, str, Verdict]]) -> Shown:
    """Return first guesses with what was said and what is so: (id, the statement in markdown, the verdict)."""
    lines, parts = [], []
    for identifier, prompt, value in found:
        lines += [f"{ICONS[value.outcome]} {identifier} · {plain(prompt)}", value.message.strip()]
        parts.append(
            f'<div class="ecr-verdict {CLASSES[value.outcome]}"><b>{escape(identifier)}</b>'
            f'<div class="ecr-said">{markdown(prompt)}{markdown(value.message)}</div></div>'
        )
    return Shown("\n".join(lines), "".join(parts))


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], caption: str = "") -> Shown:
    """Return a table of plain cells, with aligned columns in its text form."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    ]
    parts = "".join(f'<th scope="col">{escape(cell)}</th>' if cell else "<td></td>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{markdown_inline(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    top = f"<caption>{escape(caption)}</caption>" if caption else ""
    return Shown(
        "\n".join(([caption] if caption else []) + lines),
        f'<table class="ecr-table">{top}<thead><tr>{parts}</tr></thead><tbody>{body}</tbody></table>',
    )


def markdown_inline(text: str) -> str:
    """Return markdown of one line as HTML without a paragraph; a dash alone stays a dash and makes no list."""
    made = _renderer()
    assert made.renderer is not None
    return breakable(str(made.renderer(made.inline(text, {}), mistune.BlockState())))
