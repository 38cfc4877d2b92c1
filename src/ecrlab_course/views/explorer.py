"""The explorer as a learner sees it: what is stored, and what is shared.

The rows of the main picture are images and its columns the blobs that several of them use. Nominal size is everything
drawn; stored size is the last row, where each blob stands once. Each picture has a table that says the same in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ecrlab.client import explorer_text
from ecrlab.client.explorer_model import MOST, Image, Part, Shelf, Tree
from ecrlab.client.explorer_text import size
from ecrlab_course.messages import say
from ecrlab_course.views.display import Shown, escape
from ecrlab_course.views.image_pair import part_words
from ecrlab_course.views.svg import WIDTH, shortened, svg_rect, svg_text, wrapped

_LABEL, _SIZE = 160, 76
# The size stands before the boxes: where the page is too narrow, only the last boxes are out of sight.
_BEGIN = _LABEL + _SIZE
_CELLS = WIDTH - _BEGIN
_COLUMN, _COLUMNS = 58, 5
_TOP, _ROW, _BOX = 58, 40, 24
# Room for the number behind the boxes of the last column.
_NUMBER = 60
_HOLDERS = 12
# More repositories than so many are put behind one line.
_LOOSE = 8


@dataclass(frozen=True)
class _Box:
    """One box of the last column: a blob or a sum of blobs that have no column of their own."""

    size: int
    letter: str
    title: str


@dataclass(frozen=True)
class _Line:
    """A row of a picture. `cells` are the columns that are filled; with `words` there are no boxes but a text. Of
    a label that is a `path` the end is kept."""

    label: str
    below: str
    depth: int = 0
    words: str = ""
    cells: frozenset[str] = frozenset()
    rest: tuple[_Box, ...] = ()
    total: str = ""
    path: bool = False


@dataclass(frozen=True)
class _Column:
    """A blob with a column of its own."""

    digest: str
    letter: str
    size: int
    note: str


def shown(tree: Tree, details: bool = False) -> Shown:
    """Return the tree as pictures and tables; with `details` its text form names digests."""
    title = say("stored.title") if tree.only is None else say("stored.repository", name=tree.only)
    head = f'<div class="ecr-title">{escape(title)}</div>'
    words = explorer_text.text(tree, details)
    if not tree.registries:
        return wrapped(words, f"{head}<p>{escape(words)}</p>")
    marks = explorer_text.letters(tree)
    parts = [head, _totals(tree)]
    if tree.only is None:
        parts.append(_repositories(tree))
        parts.append(_between(tree, marks))
    alone = len(tree.shelves) <= 2
    shelves = "".join(_shelf(shelf, marks, alone, len(tree.registries) > 1) for shelf in tree.shelves)
    if len(tree.shelves) > _LOOSE:
        shelves = f"<details><summary>{say('stored.of_each')}</summary>{shelves}</details>"
    parts.append(shelves)
    if tree.hidden.repositories:
        parts.append(
            f"<p>{escape(explorer_text.hidden_words(tree))} "
            f'{say("stored.one_of_them")} <code>lab.explore("NAME")</code></p>'
        )
    return wrapped(words, "".join(parts))


def _totals(tree: Tree) -> str:
    lines = explorer_text.total_lines(tree)
    most = max(1, *(number for _, number, _ in lines))
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="ecr-number">{size(number)}</td>'
        f"<td>{_bar(number, most, name != 'nominal')}</td><td>{escape(words)}</td></tr>"
        for name, number, words in lines
    )
    numbers = f"{explorer_text.count(tree.sums.manifests, 'manifest')}, {explorer_text.count(tree.sums.tags, 'tag')}"
    caption = say("stored.totals", numbers=numbers)
    return f'<table class="ecr-table ecr-sums ecr-totals"><caption>{caption}</caption><tbody>{rows}</tbody></table>'


def _bar(number: int, most: int, filled: bool) -> str:
    width = round(150 * number / most, 1)
    kind = "x-shared" if filled else "x-own"
    return (
        f'<svg aria-hidden="true" width="152" height="14" viewBox="0 0 152 14">'
        f'<rect class="{kind}" x="1" y="1" width="{width}" height="12" rx="2"/></svg>'
    )


def _repositories(tree: Tree) -> str:
    most = max([shelf.sums.nominal for shelf in tree.shelves], default=0) or 1
    rows = []
    for registry, sums in tree.registries:
        where, number = explorer_text.where_words(registry), explorer_text.count(sums.repositories, "repository")
        group = escape(say("stored.registry", where=where, repositories=number))
        rows.append(f'<tr class="ecr-group"><th scope="rowgroup" colspan="6">{group}</th></tr>')
        for shelf in tree.shelves:
            if shelf.registry != registry:
                continue
            sums = shelf.sums
            nominal, stored = (round(150 * number / most, 1) for number in (sums.nominal, sums.stored))
            bars = (
                '<svg aria-hidden="true" width="152" height="14" viewBox="0 0 152 14">'
                f'<rect class="x-own" x="1" y="1" width="{nominal}" height="12" rx="2"/>'
                f'<rect class="x-shared" x="1" y="1" width="{stored}" height="12" rx="2"/></svg>'
            )
            numbers = (f"{sums.manifests:,}", f"{sums.tags:,}", size(sums.nominal), size(sums.stored))
            cells = "".join(f'<td class="ecr-number">{number}</td>' for number in numbers)
            rows.append(f'<tr><th scope="row">{escape(shelf.name)}</th>{cells}<td>{bars}</td></tr>')
    names = ("manifests", "tags", "nominal", "stored")
    heads = "".join(f'<th scope="col" class="ecr-number">{say(f"stored.head_{name}")}</th>' for name in names)
    return (
        f'<table class="ecr-table ecr-sums"><caption>{say("stored.bars")}</caption>'
        f'<thead><tr><th scope="col">{say("stored.head_repository")}</th>{heads}<th scope="col"></th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _between(tree: Tree, marks: Mapping[str, str]) -> str:
    """The picture of what several repositories have in common: rows are repositories."""
    blobs = tree.common[:_COLUMNS]
    shelves = [shelf for shelf in tree.shelves if any((shelf.registry, shelf.name) in blob.holders for blob in blobs)]
    if not shelves:
        return ""
    columns = [_Column(blob.digest, marks[blob.digest], blob.size, f"{blob.repositories:,} repos") for blob in blobs]
    lines, left_out, once = [], len(shelves) - _HOLDERS, 0
    several = len(tree.registries) > 1
    for shelf in shelves[:_HOLDERS]:
        here = [blob for blob in blobs if (shelf.registry, shelf.name) in blob.holders]
        rest = max(0, shelf.sums.stored - sum(blob.size for blob in here))
        once += rest
        box = (_Box(rest, "", say("stored.everything_else", name=shelf.name, size=size(rest))),) if rest else ()
        lines.append(
            _Line(
                label=shelf.name,
                below=explorer_text.where_words(shelf.registry) if several else "",
                cells=frozenset(blob.digest for blob in here),
                rest=box,
                total=size(shelf.sums.stored),
                path=True,
            )
        )
    drawn = frozenset(digest for line in lines for digest in line.cells)
    stored = sum(shelf.sums.stored for shelf in shelves[:_HOLDERS])
    whole = once + sum(column.size for column in columns if column.digest in drawn)
    exact = len(tree.common) <= _COLUMNS and all(len(blob.holders) == blob.repositories for blob in blobs)
    place = say("stored.on_disk") if exact and left_out <= 0 else ""
    foot = _Line(say("stored.each_column"), place, 0, "", drawn, (_Box(once, "", size(once)),), size(whole))
    more = f" {say('stored.left_out', number=f'{left_out:,}')}" if left_out > 0 else ""
    alt = (
        f"{explorer_text.count(len(lines), 'repository')} and "
        f"the {explorer_text.count(len(columns), 'blob')} they share. "
        + " ".join(f"{c.letter}, {size(c.size)}, in {c.note.replace('repos', 'repositories')}." for c in columns)
        + f" Stored {size(stored)}; with each of these blobs once {size(whole)}."
    )
    note = say("stored.between", size=size(stored)) + more
    return (
        f"<details open><summary>{say('stored.shared')}</summary>"
        f"{_picture(alt, columns, lines, foot, say('stored.all_else'))}"
        f'<p class="ecr-soft">{escape(note)}</p></details>'
    )


def _shelf(shelf: Shelf, marks: Mapping[str, str], open_: bool, several: bool) -> str:
    where = f" in {explorer_text.where_words(shelf.registry)}" if several else ""
    body = _images(shelf, marks) if shelf.images else f"<p>{say('stored.empty')}</p>"
    hidden = (
        f'<p class="ecr-soft">{say("stored.older", manifests=explorer_text.count(shelf.hidden, "older manifest"))} '
        f'<code>lab.explore("{escape(shelf.name)}", images={min(MOST, shelf.hidden + len(shelf.images))})'
        "</code></p>"
        if shelf.hidden
        else ""
    )
    return (
        f'<details class="ecr-shelf"{" open" if open_ else ""}><summary><b>{escape(shelf.name)}</b> '
        f"<span>{escape(where)}: {escape(explorer_text.sums_words(shelf.sums))}</span></summary>"
        f"{hidden}{body}</details>"
    )


def _columns(images: Iterable[Image], marks: Mapping[str, str]) -> list[_Column]:
    """The shared blobs that get a column: those that fill the most of the picture, in the order of the layers."""
    uses: dict[str, int] = {}
    first: dict[str, Part] = {}
    for image in images:
        for part in explorer_text.layers_first(image):
            uses[part.digest] = uses.get(part.digest, 0) + 1
            first.setdefault(part.digest, part)
    candidates = [digest for digest in first if digest in marks]
    largest = sorted(candidates, key=lambda digest: -uses[digest] * first[digest].size)[:_COLUMNS]
    return [
        _Column(
            digest,
            marks[digest],
            first[digest].size,
            f"{first[digest].repositories:,} repos" if first[digest].repositories > 1 else "",
        )
        for digest in candidates
        if digest in largest
    ]


def _images(shelf: Shelf, marks: Mapping[str, str]) -> str:
    columns = _columns(shelf.images, marks)
    own = {column.digest for column in columns}
    lines = []
    everything: dict[str, int] = {}
    nominal = 0
    for image in shelf.images:
        parts = {part.digest: part for part in explorer_text.layers_first(image)}
        everything |= {digest: part.size for digest, part in parts.items()}
        nominal += image.size
        rest = tuple(
            _Box(part.size, marks.get(part.digest, ""), part_words(part))
            for part in parts.values()
            if part.digest not in own
        )
        lines.append(
            _Line(
                label=", ".join(image.tags) or ("untagged" if image.depth == 0 else image.platform or image.kind),
                below=_below(image),
                depth=image.depth,
                words="" if parts else explorer_text.image_words(image),
                cells=frozenset(own & parts.keys()),
                rest=rest,
                total=size(image.size) if parts else "",
            )
        )
    stored = sum(everything.values())
    left = sum(number for digest, number in everything.items() if digest not in own)
    foot = _Line(
        say("stored.each_blob"),
        say("stored.as_stored"),
        0,
        "",
        frozenset(own),
        (_Box(left, "", size(left)),),
        size(stored),
    )
    alt = (
        f"{explorer_text.count(len(lines), 'manifest')} of {shelf.name}. "
        + " ".join(f"{c.letter}, {size(c.size)}, is in {_uses(c, shelf)}." for c in columns)
        + f" All images by themselves {size(nominal)}; each blob once {size(stored)}. The table says the same in words."
    )
    told = "stored.drawn" if shelf.hidden else "stored.all_drawn"
    sentence = f"{say(told, nominal=size(nominal), stored=size(stored))} {say('stored.letters')}"
    return (
        f"{_picture(alt, columns, lines, foot, say('stored.rest'))}"
        f'<p class="ecr-soft">{escape(sentence)}</p>{_table(shelf, marks)}'
    )


def _uses(column: _Column, shelf: Shelf) -> str:
    number = sum(1 for image in shelf.images if any(part.digest == column.digest for part in image.parts))
    return explorer_text.count(number, "image")


def _below(image: Image) -> str:
    if image.kind == "artifact":
        return image.artifact_type or "artifact"
    if image.kind == "image":
        return image.platform or "image" if image.tags or image.depth == 0 else "image"
    return image.kind


def _table(shelf: Shelf, marks: Mapping[str, str]) -> str:
    groups = []
    for image in shelf.images:
        head = f"{explorer_text.image_name(image)} · {explorer_text.image_words(image)}"
        if image.parts:
            head += f" · {size(image.size)}"
        rows = [
            f'<tr class="ecr-group"><th scope="rowgroup" colspan="6">{"↳ " * image.depth}{escape(head)} · '
            f"<code>{escape(explorer_text.short(image.digest))}</code></th></tr>"
        ]
        for part in explorer_text.layers_first(image):
            cells = (
                escape(marks.get(part.digest, "")),
                escape(part.role),
                escape(explorer_text.sharing_words(part) or say("stored.only_here")),
                escape(part.made_by),
                f"<code>{escape(explorer_text.short(part.digest))}</code>",
            )
            mark, role, *others = (f"<td>{cell}</td>" for cell in cells)
            rows.append(f'<tr>{mark}{role}<td class="ecr-number">{size(part.size)}</td>{"".join(others)}</tr>')
        groups.append(f"<tbody>{''.join(rows)}</tbody>")
    names = ("letter", "part", "size", "users", "made_by", "digest")
    heads = "".join(f'<th scope="col">{say(f"stored.head_{name}")}</th>' for name in names)
    return (
        f"<details><summary>{say('stored.table')}</summary>"
        f'<div class="ecr-tree"><table class="ecr-table ecr-sums">'
        f"<caption>{escape(say('stored.parts', name=shelf.name))}</caption>"
        f"<thead><tr>{heads}</tr></thead>{''.join(groups)}</table></div></details>"
    )


# ------------------------------------------------------------------------------------------------------------- drawing


def _widths(columns: Sequence[_Column], rest: int) -> tuple[list[float], float]:
    """Widths of the columns and of the last one: a least one each, and what is left in proportion to the sizes."""
    least = [_COLUMN] * len(columns)
    spare = _CELLS - sum(least) - (_NUMBER + 50)
    weights = [column.size for column in columns]
    whole = sum(weights) + rest or 1
    widths = [low + spare * weight / whole for low, weight in zip(least, weights, strict=True)]
    return widths, _CELLS - sum(widths)


def _picture(alt: str, columns: Sequence[_Column], lines: Sequence[_Line], foot: _Line, rest_head: str) -> str:
    most = max([sum(box.size for box in line.rest) for line in lines], default=0)
    widths, last = _widths(columns, most)
    starts = [_BEGIN + sum(widths[:number]) for number in range(len(columns))]
    parts = []
    for column, x, width in zip(columns, starts, widths, strict=True):
        middle = x + width / 2
        parts.append(svg_text("x-mark x-mid", middle, 16, column.letter))
        parts.append(svg_text("x-soft x-mid", middle, 32, size(column.size)))
        parts.append(svg_text("x-soft x-mid", middle, 47, column.note))
    parts.append(svg_text("x-soft", WIDTH - last + 4, 16, rest_head if columns else say("stored.config_and_layers")))
    parts.append(svg_text("x-soft x-end", _BEGIN - 12, 16, say("stored.head_size")))
    y = _TOP
    for line in (*lines, foot):
        if line is foot:
            y += 6
        rule = "x-strong" if line is foot else "x-rule"
        parts.append(f'<line class="{rule}" x1="0" y1="{y}" x2="{WIDTH}" y2="{y}"/>')
        indent = 4 + 14 * min(line.depth, 3)
        if line.depth:
            parts.append(f'<path class="x-guide" d="M{indent - 8} {y + 6}V{y + 16}H{indent - 2}"/>')
        # Letters of the fonts that browsers take here are at most so wide.
        label = shortened(line.label, int((_LABEL - indent) / 8.4), line.path)
        parts.append(svg_text("x-head", indent, y + (17 if line.below else 25), label))
        parts.append(svg_text("x-soft", indent, y + 32, shortened(line.below, (_LABEL - indent) // 7)))
        if line.words:
            parts.append(svg_text("x-soft", _BEGIN + 2, y + 25, line.words))
        box = y + (_ROW - _BOX) / 2
        for column, x, width in zip(columns, starts, widths, strict=True):
            if column.digest in line.cells:
                parts.append(svg_rect("x-shared", x + 2, box, width - 4, _BOX, f"{column.letter}: {size(column.size)}"))
                parts.append(svg_text("x-on x-mid", x + width / 2, box + 17, column.letter))
        if line.rest:
            parts += _rest(line, line is foot, WIDTH - last, last - _NUMBER, most, box)
        parts.append(svg_text("x-head x-end", _BEGIN - 12, y + 25, line.total))
        y += _ROW
    height = y + 2
    drawing = "\n".join(parts)  # where a drawing is left out, its words still stand apart
    return (
        f'<div class="ecr-tree" tabindex="0" role="region" aria-label="{say("stored.picture")}">'
        f'<svg role="img" aria-label="{escape(alt)}" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg">{drawing}</svg></div>'
    )


def _rest(line: _Line, foot: bool, x: float, room: float, most: int, y: float) -> list[str]:
    """The boxes of blobs without a column, side by side, and their sum behind them."""
    parts = []
    total = sum(box.size for box in line.rest)
    if foot:  # a sum over rows is not to the scale of one row
        return [svg_text("x-soft", x + 4, y + 17, f"{size(total)}")]
    least = min(9.0, room / len(line.rest))
    spare = room - least * len(line.rest)
    left = x + 2
    for box in line.rest:
        width = least + spare * box.size / (most or 1)
        kind = "x-shared" if box.letter else "x-own"
        parts.append(svg_rect(kind, left, y, max(1.0, width - 2), _BOX, box.title))
        if box.letter and width > 8 * len(box.letter) + 8:
            parts.append(svg_text("x-on x-mid", left + width / 2 - 1, y + 17, box.letter))
        elif not box.letter and width > 66 and len(line.rest) > 1:
            parts.append(svg_text("x-soft x-mid", left + width / 2 - 1, y + 16, size(box.size)))
        left += width
    parts.append(svg_text("x-soft", left + 3, y + 17, size(total)))
    return parts
