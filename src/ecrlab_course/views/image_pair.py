"""Two images side by side, the layers from the bottom up and then the config."""

from __future__ import annotations

from collections.abc import Sequence

from ecrlab.client import explorer_text
from ecrlab.client.explorer_model import Comparison, Part, Row
from ecrlab.client.explorer_text import size
from ecrlab_course.messages import say
from ecrlab_course.views.display import Shown, escape
from ecrlab_course.views.svg import WIDTH, shortened, svg_rect, svg_text, wrapped

_SIDE, _GAP = 285, 110
_SIGNS = {"same": "=", "moved": "≈", "left": "−", "right": "+"}  # noqa: RUF001 - a true minus sign
_KINDS = {"same": "x-same", "moved": "x-same", "left": "x-left", "right": "x-right"}


def compared(comparison: Comparison, details: bool = False) -> Shown:
    """Return two images side by side, the layers from the bottom up and then the config."""
    left, right = comparison.left, comparison.right
    title = say("stored.compared", left=left.name, right=right.name)
    words = explorer_text.comparison_lines(comparison)
    sentences = "".join(f"<p>{escape(line)}</p>" for line in words)
    return wrapped(
        explorer_text.comparison_text(comparison, details),
        f'<div class="ecr-title">{escape(title)}</div>{_two(comparison, " ".join(words))}{sentences}'
        f"{_rows_table(comparison.rows)}",
    )


def _two(comparison: Comparison, words: str) -> str:
    parts = []
    for x, side in ((0, comparison.left), (_SIDE + _GAP, comparison.right)):
        parts.append(svg_text("x-head", x + 4, 16, shortened(side.name, 38)))
        about = f"{explorer_text.image_words(side.image)}, {size(side.image.size)}"
        parts.append(svg_text("x-soft", x + 4, 34, shortened(about, 40)))
    most = max([part.size for row in comparison.rows for part in (row.left, row.right) if part], default=1) or 1
    y = 44
    rows = list(comparison.rows)
    while rows:
        row = rows.pop(0)
        # What stands on the left alone and what stands on the right alone in its place are drawn side by side.
        beside = rows.pop(0) if row.right is None and rows and rows[0].left is None else None
        if row.state == "same":
            parts.append(svg_rect("x-band", _SIDE - 4, y + 10, _GAP + 8, 24))
        for shown_row in (row, beside) if beside else (row,):
            for x, part in ((0, shown_row.left), (_SIDE + _GAP, shown_row.right)):
                if part is not None:
                    parts += _block(part, _KINDS[shown_row.state], x, y, most)
        words_at = ((row, 19), (beside, 36)) if beside else ((row, 27),)
        for shown_row, down in words_at:
            kind = {"left": "x-no", "right": "x-ok"}.get(shown_row.state, "x-head")
            label = f"{_SIGNS[shown_row.state]} {explorer_text.STATES[shown_row.state]}"
            parts.append(svg_text(f"{kind} x-mid", _SIDE + _GAP / 2, y + down, label))
        y += 48
    alt = say("stored.two_columns", words=words)
    drawing = "\n".join(parts)  # where a drawing is left out, its words still stand apart
    return (
        f'<div class="ecr-tree" tabindex="0" role="region" aria-label="{say("stored.picture")}">'
        f'<svg role="img" aria-label="{escape(alt)}" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" '
        f'xmlns="http://www.w3.org/2000/svg">{drawing}</svg></div>'
    )


def _block(part: Part, kind: str, x: float, y: float, most: int) -> list[str]:
    length = (_SIDE - 16) * part.size / most
    return [
        svg_rect(kind, x + 1, y + 1, _SIDE - 2, 43, part_words(part)),
        svg_rect("x-shared", x + 8, y + 36, length, 4) if length >= 1 else "",
        svg_text("x-head", x + 8, y + 16, f"{part.role} {size(part.size)}"),
        svg_text("x-soft", x + 8, y + 31, shortened(part.made_by, 38)),
    ]


def _rows_table(rows: Sequence[Row]) -> str:
    body = []
    for row in rows:
        cells = "".join(
            f'<td class="ecr-number">{size(part.size) if part else "-"}</td>' for part in (row.left, row.right)
        )
        body.append(
            f'<tr><th scope="row">{escape(explorer_text.STATES[row.state])}</th><td>{escape(row.part.role)}</td>{cells}'
            f"<td>{escape(row.part.made_by)}</td><td><code>{escape(explorer_text.short(row.part.digest))}</code></td></tr>"
        )
    names = ("part", "left", "right", "made_by", "digest")
    heads = '<th scope="col"></th>' + "".join(f'<th scope="col">{say(f"stored.head_{name}")}</th>' for name in names)
    return (
        f"<details><summary>{say('stored.table')}</summary>"
        f'<div class="ecr-tree"><table class="ecr-table ecr-sums"><caption>{say("stored.layers")}'
        f"</caption><thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table></div></details>"
    )


def part_words(part: Part) -> str:
    """Return what a part of an image is, in words: what a drawing says where it is pointed at."""
    words = [f"{part.role} {size(part.size)}", explorer_text.sharing_words(part), part.made_by]
    return ". ".join(word for word in words if word)
