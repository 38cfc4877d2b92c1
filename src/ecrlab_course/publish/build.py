"""Build the notebooks: one source of a lesson or lab becomes a starter notebook and a solved one with its outputs."""

from __future__ import annotations

import copy
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.authoring.cells import READING, Cell, CellError, read
from ecrlab_course.authoring.content import Course, Sheet, Source
from ecrlab_course.authoring.course_plan import neighbours
from ecrlab_course.kinds.predict import Predict
from ecrlab_course.learner.work_folder import written
from ecrlab_course.messages import say
from ecrlab_course.publish import catalogue, rules, teaching

nbformat: Any = import_module("nbformat")

CELLS_AT_MOST = 70
"""Of a page of the learner's notebooks."""
RECORDED = "recorded"
"""The tag of a notebook's cells that show a recording where a computer lacks what they need."""
PORT = "4510"
"""Stored outputs name this port, whichever one the lab had while they were made."""

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class BuildError(Exception):
    """A lesson's source is wrong, or a solved notebook does not run; the text names lesson and cell."""


def cells(source: Source) -> list[Any]:
    """Return a source's cells as those of a notebook, in order, with their ids; raise BuildError when one is wrong.

    What a cell declares beside its text (how it stops, what is read when it has run) is not in them.
    """
    result = []
    for cell in _read(source):
        where = f"{source.folder.name}/{source.text.name} ({cell.id})"
        # Its output is this computer's own, or a recording: nothing compares it.
        metadata: dict[str, Any] = {"tags": [*cell.tags, *([RECORDED] if cell.needs else [])]}
        metadata.update({key: cell.more[key] for key in ("minutes", "at") if key in cell.more})
        if "at" in metadata and (cell.kind != "markdown" or metadata["at"] not in source.lesson.checkpoints):
            raise BuildError(f"{where}: at={metadata['at']!r} wants a text cell, and a checkpoint of the lesson.")
        text = cell.text if cell.kind == "code" else _prices(cell.text)
        result.append(_cell(cell.kind, text, cell.id, metadata))
    return result


def _cell(kind: str, text: str, identifier: str, metadata: dict[str, Any]) -> Any:
    """Return a cell of a notebook. `dumps` validates them all at once; nbformat's own maker does it for each."""
    more: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return nbformat.from_dict({"id": identifier, "cell_type": kind, "metadata": metadata, "source": text, **more})


def _prices(text: str) -> str:
    """Return markdown in which the sign of a price begins no formula: Jupyter sets what is between two as one."""
    return re.sub(r"(?<![\\`$])\$(?=\d)", r"\\$", text)


def _read(source: Source) -> list[Cell]:
    try:
        return read(source)
    except CellError as error:
        raise BuildError(str(error)) from None


def notebook(source: Source, kind: str) -> Any:
    """Return the whole lesson as one notebook of a kind, "notebooks" or "solutions", without outputs.

    The learner's has no cell that only checks: a card has a button for that. The solved one checks each exercise once,
    where the author put the call, else behind its answer. `pages` cuts it and adds what each page begins and ends with.
    """
    folder = source.slug if kind == "notebooks" else source.solved
    chosen = []
    for declared, cell in zip(_read(source), cells(source), strict=True):
        if not declared.belongs(kind) or (kind == "notebooks" and _ONLY_CHECK.fullmatch(cell.source)):
            continue
        cell = copy.deepcopy(cell)
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(images/", f"]({folder}/images/", cell.source)
        elif kind == "notebooks":
            cell.source = _ONLY_RESET.sub(r'lab.offer_reset("\1")', cell.source)
        chosen.append(cell)
        if "at" in cell.metadata:
            chosen.append(_code(cell, "start", f'lab.start_here("{source.lesson.id}", "{cell.metadata["at"]}")'))
    if kind == "solutions":
        for identifier, item in source.counted.items():
            _check_once(chosen, identifier, isinstance(item, Predict))
            if item.engine:
                _say_volatile(chosen, identifier)
    made = {"cells": chosen, "metadata": copy.deepcopy(_METADATA), "nbformat": 4, "nbformat_minor": 5}
    return nbformat.from_dict(made)


_ONLY_CHECK = re.compile(r'\s*lab\.check\("[^"]*"\)\s*')
_ONLY_RESET = re.compile(r'\A\s*lab\.reset\("((?:lab-)?\d\d)"\)\s*\Z')


def _code(cell: Any, what: str, text: str, *tags: str) -> Any:
    """Return a generated code cell beside another one, whose mark it bears."""
    marks = [tag for tag in cell.metadata["tags"] if tag in rules.MARKS]
    return _cell("code", text, f"{cell.id}-{what}", {"tags": [*marks, *tags]})


def _check_once(chosen: list[Any], identifier: str, predicted: bool) -> None:
    """Add the exercise's check behind its answer, unless a cell has it: a prediction's behind the run that decides."""
    check = f'lab.check("{identifier}")'
    shows = [number for number, cell in enumerate(chosen) if f'lab.exercise("{identifier}")' in cell.source]
    if not shows or any(check in cell.source for cell in chosen):
        return
    place = shows[0]
    for number, cell in enumerate(chosen[shows[0] + 1 :], shows[0] + 1):
        if "lab.exercise(" in cell.source or (cell.cell_type == "markdown" and re.search("^#", cell.source, re.M)):
            break
        answers = "solution" in cell.metadata["tags"] and not cell.source.startswith("lab.solution(")
        if cell.cell_type == "code" and answers is not predicted and not cell.source.startswith("lab.guess("):
            place = number
            if predicted:
                break
    while place + 1 < len(chosen) and READING in chosen[place + 1].metadata["tags"]:
        place += 1
    chosen.insert(place + 1, _code(chosen[shows[0]], "check", check, "exercise"))


def _say_volatile(chosen: list[Any], identifier: str) -> None:
    """Let nothing compare what the check of an exercise says that a computer without an engine cannot do."""
    for cell in chosen:
        tags = cell.metadata["tags"]
        if f'lab.check("{identifier}")' in cell.source and "volatile" not in tags:
            tags.append("volatile")


def pages(source: Source, kind: str) -> list[tuple[Sheet, Any]]:
    """Return the lesson's notebooks of a kind in order, each with its place, its first cell and its summary."""
    whole = notebook(source, kind)
    parts = rules.halves(whole)
    found = []
    for page, part in zip(source.pages, parts, strict=True):
        here = [cell for cell in part if cell.metadata.get("minutes")]
        total = rules.minutes(here)
        place = _place(source, page, kind, total)
        left = total
        made = []
        for cell in part:
            if cell.cell_type == "markdown":
                cell.source = cell.source.replace("{{neighbours}}", place)
                if source.exercises and 0 < left < total:
                    words = say("page.left", minutes=left) if left > 1 else say("page.last")
                    cell.source = re.sub(r"^(## .+)$", rf"\1\n\n*{words}*", cell.source, count=1, flags=re.MULTILINE)
            left -= rules.minutes([cell])
            made.append(cell)
        if page.number > 1:
            made = [*_head(source, page, place), *made]
        if page.exercises:
            name = f"{source.lesson.id}-end-{page.number}"
            last = _cell("markdown", say("page.end"), name, {"tags": ["core", "summary"]})
            uncertain = ["volatile"] if any(source.exercises[key].engine for key in page.exercises) else []
            made += [last, _code(last, "check", "lab.check()", "summary", *uncertain)]
        book = copy.deepcopy(whole)
        book.cells = made
        found.append((page, book))
    return found


def _place(source: Source, page: Sheet, kind: str, minutes: int) -> str:
    """Return the line of a page's head: which page of how many, its minutes, and where the others are (markdown)."""
    parts = []
    others = {each.number: each.slug if kind == "notebooks" else each.solved for each in source.pages}
    if len(others) > 1:
        parts.append(say("page.place", number=page.number, all=len(others), minutes=minutes))
        for name, number in (("page.previous", page.number - 1), ("page.next", page.number + 1)):
            if number in others:
                parts.append(say(name, number=number, page=f"{others[number]}.ipynb"))
    if not source.is_lab and source.folder.parent.name == "lessons":
        parts.append(neighbours(source.folder.parents[2], source.lesson.id))
    return " · ".join(parts)


def _head(source: Source, page: Sheet, place: str) -> list[Any]:
    """Return what a second page begins with: its title with its place, and the cell that builds its state."""
    title = say("page.title", id=source.lesson.id, title=source.lesson.title, place=place)
    head = _cell("markdown", title, f"{source.lesson.id}-page-{page.number}", {"tags": ["core", "text"]})
    text = f'%load_ext ecrlab_course\nlab.lesson("{source.lesson.id}", page={page.number})'
    return [head, _code(head, "load", text, "run", "volatile")]


def dumps(book: Any) -> str:
    """Return a notebook as the text that is stored: the same bytes for the same cells."""
    nbformat.validate(book)
    return str(nbformat.writes(book, version=4)).rstrip("\n") + "\n"


# Executing ------------------------------------------------------------------------------------------------------------


def execute(book: Any, name: str, tell: Callable[[str], None] = print, port: int | None = None) -> Any:
    """Run a solved notebook in a home and a folder of its own, with every check strict; return it with outputs.

    `port` is the lab's main port, by default the first free one. Raises BuildError with the failing cell's id and what
    it said.
    """
    nbclient: Any = import_module("nbclient")
    with tempfile.TemporaryDirectory(prefix="ecrlab-build-") as temporary:
        folder = Path(temporary) / "work"
        folder.mkdir()
        home = Home(Path(temporary) / "home")
        before = dict(os.environ)
        for key in before:
            if key.startswith("AWS_"):
                del os.environ[key]
        os.environ.update(ECRLAB_HOME=str(home.path), ECRLAB_STRICT="1")
        try:
            launch.start(home, tell, port)
            client = nbclient.NotebookClient(
                book, timeout=300, kernel_name="python3", coalesce_streams=True,
                resources={"metadata": {"path": str(folder)}}, record_timing=False,
            )  # fmt: skip
            client.execute()
        except nbclient.exceptions.CellExecutionError as error:
            failing = next((cell.id for cell in book.cells if _failed(cell)), "?")
            raise BuildError(f"solutions/{name}.ipynb, cell {failing}:\n{error.ename}: {error.evalue}") from None
        finally:
            os.environ.clear()
            os.environ.update(before)
            launch.stop(home)
    return cleaned(book, {str(home.path): ".ecrlab", str(folder): "work"})


def _failed(cell: Any) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))


def cleaned(book: Any, paths: Mapping[str, str]) -> Any:
    """Return an executed notebook without what differs from run to run: widget ids, the port, the machine's `paths`."""

    def settled(text: str) -> str:
        for path, name in paths.items():
            text = text.replace(path, name)
        # An engine's digests differ from computer to computer, and serve nobody as an example.
        text = re.sub(r'<div class="ecr-tools">.*?</div>', "", text)  # buttons that only JupyterLab knows
        text = re.sub(r"sha256:[0-9a-f]{12,64}(?![0-9a-f])…?", "sha256:…", text)
        return re.sub(r"\b(localhost:|at port )\d{4,5}\b", rf"\g<1>{PORT}", text)

    book = copy.deepcopy(book)
    book.metadata = copy.deepcopy(_METADATA)
    for cell in book.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            data = output.get("data", {})
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if "metadata" in output:
                output["metadata"] = {}
            for key, value in data.items():
                if isinstance(value, str):
                    data[key] = settled(value)
            if "text" in output:
                output["text"] = settled(output["text"])
    return nbformat.from_dict(book)


# Writing --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Built:
    """What a build found or did: paths written, and paths that differ from what the content makes."""

    written: tuple[Path, ...]
    drifted: tuple[Path, ...]


def build(
    course: Course,
    check: bool = False,
    run: bool = False,
    tell: Callable[[str], None] = print,
    port: int | None = None,
    only: tuple[str, ...] = (),
) -> Built:
    """Make notebooks/, labs/, solutions/ and two pages of docs/; with `check` write nothing and report what differs.

    Without `run` the outputs of solved cells whose source did not change are kept; with it every solved notebook is
    executed again. `only` names the lessons and labs to make (default: all); what belongs to others is then left as it
    is. Raises BuildError.
    """
    wanted: dict[Path, bytes] = {}
    for source in (*course.sources.values(), *course.pages.values()):
        if not source.text.is_file() or (only and source.lesson.id not in only):
            continue
        wanted |= _made(course, source, run and not check, tell, port)
    if not only:
        wanted[course.root / catalogue.PAGE] = catalogue.page(course, cells).encode()
        wanted[course.root / teaching.PAGE] = _teaching(course)
    drifted = [path for path, data in wanted.items() if not path.is_file() or path.read_bytes() != data]
    if not only:
        drifted += _left_over(course, set(wanted))
    if check:
        return Built((), tuple(drifted))
    for path in drifted:
        if path not in wanted:
            path.unlink()
            _remove_empty(path.parent, course.root)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_bytes(wanted[path])
        temporary.replace(path)
    for source in course.sources.values():
        for path, origin in _copied(course, source).items():
            if path in wanted:
                shutil.copymode(origin, path)
    return Built(tuple(drifted), ())


def _teaching(course: Course) -> bytes:
    """Return the facilitator's page."""
    written = [source for source in course.sources.values() if source.text.is_file()]
    try:
        return teaching.page(course, {each.lesson.id: notebook(each, "notebooks") for each in written}).encode()
    except teaching.TeachingError as error:
        raise BuildError(str(error)) from None


def _made(
    course: Course, source: Source, run: bool, tell: Callable[[str], None], port: int | None
) -> dict[Path, bytes]:
    """Return the generated files of one lesson or lab, by path."""
    wanted = {}
    for page, book in pages(source, "notebooks"):
        wanted[course.root / source.shelf / f"{page.slug}.ipynb"] = dumps(book).encode()
    for page, book in pages(source, "solutions"):
        solved = course.root / "solutions" / f"{page.solved}.ipynb"
        if run:
            tell(f"running solutions/{solved.name}")
            book = execute(book, page.solved, tell, port)
        else:
            _keep_outputs(book, solved)
        _link_solutions(book, course)
        wanted[solved] = dumps(book).encode()
    return wanted | {path: origin.read_bytes() for path, origin in _copied(course, source).items()}


def _copied(course: Course, source: Source) -> dict[Path, Path]:
    """Return what lies in the lesson's folders beside its notebooks, by path: files, and its pictures in images/."""
    folders = (course.root / source.shelf / source.slug, course.root / "solutions" / source.solved)
    found: dict[Path, Path] = {}
    for folder in folders:
        found |= {folder / path.relative_to(source.files): path for path in written(source.files)}
        # Code hosts show no picture that lies outside the notebook's own folder.
        found |= {folder / "images" / path.name: path for path in written(source.images)}
    return found


def _link_solutions(book: Any, course: Course) -> None:
    """Let links in stored outputs, made for the learner's folder, lead to what lies in solutions/."""
    sheets = [sheet for source in course.sources.values() for sheet in source.pages]
    for cell in book.cells:
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html")
            for sheet in sheets if html else []:
                html = html.replace(f'href="{sheet.opens}', f'href="{sheet.solved}.ipynb')
                output["data"]["text/html"] = html


def _left_over(course: Course, wanted: set[Path]) -> list[Path]:
    """What lies in the generated folders and is generated no more."""
    found = [path for shelf in ("notebooks", "labs", "solutions") for path in written(course.root / shelf)]
    return [path for path in found if path not in wanted]


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder in which nothing is left, and those above it, up to the shelf."""
    while folder.parent != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _keep_outputs(book: Any, stored: Path) -> None:
    if not stored.is_file():
        return
    old = {cell.id: cell for cell in nbformat.read(stored, as_version=4).cells if cell.cell_type == "code"}
    for cell in book.cells:
        kept = old.get(cell.id)
        if cell.cell_type == "code" and kept is not None and kept.source == cell.source:
            cell.outputs, cell.execution_count = kept.outputs, kept.execution_count


# Checking -------------------------------------------------------------------------------------------------------------


def problems(course: Course) -> list[str]:
    """Return what is wrong with the lessons and labs: ids, magics, exercises without their cells, and the form.

    What a draft still lacks is in `unfinished`.
    """
    from ecrlab_course.notebook.extension import MAGICS

    found = []
    for source in course.sources.values():
        if not source.text.is_file():
            found.append(f"{source.folder.name} has no {source.text.name}")
            continue
        try:
            starter, solved = notebook(source, "notebooks"), notebook(source, "solutions")
        except BuildError as error:
            found.append(str(error))
            continue
        form_says = rules.examine(source, starter, solved)
        found += form_says.wrong if source.lesson.draft else (*form_says.wrong, *form_says.lacks)
        found += [
            f"{page.slug} has {len(book.cells)} cells; at most {CELLS_AT_MOST}, or a cell {source.lesson.id}-half"
            for page, book in pages(source, "notebooks")
            if len(book.cells) > CELLS_AT_MOST
        ]
        for kind, book in (("notebooks", starter), ("solutions", solved)):
            code = [cell for cell in book.cells if cell.cell_type == "code"]
            for cell in code:
                first = cell.source.splitlines()[0] if cell.source else ""
                if first.startswith("%%") and first[2:].split(" ")[0] not in MAGICS:
                    found.append(f"{source.slug} {cell.id}: the magic {first.split(' ')[0]} is not registered")
                if re.search(r"^\s*!", cell.source, re.MULTILINE) and not first.startswith("%%bash"):
                    found.append(f"{source.slug} {cell.id}: a bare ! lets failures pass; use %%bash")
            text = "\n".join(cell.source for cell in code)
            for identifier, item in source.exercises.items():
                wanted = {"exercise": 1, "check": 1 if kind == "solutions" else 0}
                if not item.counts:
                    del wanted["check"]
                for call, times in wanted.items():
                    number = len(re.findall(rf'lab\.{call}\("{re.escape(identifier)}"\)', text))
                    if number != times:
                        found.append(
                            f'{kind}/{source.slug}: lab.{call}("{identifier}") stands {number} times, not {times}'
                        )
            for identifier in set(re.findall(r'lab\.(?:exercise|check|guess)\("([^"]+)"\)', text)):
                if identifier not in source.exercises and identifier not in source.guesses:
                    found.append(f"{kind}/{source.slug}: there is no exercise or guess {identifier}")
            for lesson, name in re.findall(r'lab\.picture\("([^"]+)", "([^"]+)"\)', text):
                if lesson not in course.sources or not (course.sources[lesson].images / name).is_file():
                    found.append(f"{kind}/{source.slug}: there is no picture {name} in lesson {lesson}")
    return found


def unfinished(course: Course) -> list[str]:
    """Return what lessons that are marked as drafts still lack."""
    return [
        text
        for source in course.sources.values()
        if source.lesson.draft and source.text.is_file()
        for text in rules.examine(source, notebook(source, "notebooks"), notebook(source, "solutions")).lacks
    ]
