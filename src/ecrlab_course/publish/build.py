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

from ecrlab import launch
from ecrlab.home import Home
from ecrlab_course.authoring.content import Course, Source
from ecrlab_course.authoring.course_plan import neighbours
from ecrlab_course.authoring.facts import FactError, fill
from ecrlab_course.learner.work_folder import copy_missing, written
from ecrlab_course.publish import catalogue, rules, teaching

jupytext: Any = import_module("jupytext")
nbformat: Any = import_module("nbformat")

TAGS = {
    "core", "stretch", "demo", "solution", "starter", "volatile", "fail", "run", "text", "picture", "guess", "exercise",
    "box", "recall", "interview", "summary", "policy",
}  # fmt: skip
LONGEST_CELL = 12
PORT = "4510"
"""Stored outputs name this port, whichever one the lab had while they were made."""

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class BuildError(Exception):
    """A lesson's source is wrong, or a solved notebook does not run; the text names lesson and cell."""


def cells(source: Source) -> list[Any]:
    """Return the cells of a lesson's source, in order, with their ids; raise BuildError when one is wrong."""
    # comment_magics off: jupytext uncomments only some lines of a shell cell; `_uncommented` treats all alike.
    percent = {"extension": ".py", "format_name": "percent", "comment_magics": False}
    notebook = jupytext.reads(source.text.read_text(encoding="utf-8"), fmt=percent)
    seen: set[tuple[str, str]] = set()
    result = []
    for number, cell in enumerate(notebook.cells, 1):
        where = f"{source.folder.name}/{source.text.name}, cell {number}"
        identifier = cell.metadata.pop("id", None)
        if not identifier or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", identifier):
            raise BuildError(
                f'{where}: every cell has an id, as in # %% id="{source.lesson.id}-01"; seen {identifier!r}.'
            )
        tags = list(cell.metadata.get("tags", []))
        unknown = set(tags) - TAGS
        if unknown:
            raise BuildError(f"{where} ({identifier}): unknown tags {', '.join(sorted(unknown))}.")
        for kind in ("notebooks", "solutions"):
            if _belongs(tags, kind):
                if (kind, identifier) in seen:
                    raise BuildError(f"{where}: the id {identifier} occurs twice in {kind}/.")
                seen.add((kind, identifier))
        metadata: dict[str, Any] = {"tags": tags}
        for key in ("minutes", "at"):
            if key in cell.metadata:
                metadata[key] = cell.metadata[key]
        text = _uncommented(cell.source) if cell.cell_type == "code" else _with_facts(cell.source, source, where)
        if "at" in metadata:
            text += _way_back(source, metadata["at"], cell.cell_type, f"{where} ({identifier})")
        lines = len([line for line in text.splitlines() if line.strip()])
        if cell.cell_type == "code" and lines > LONGEST_CELL and "policy" not in tags:
            raise BuildError(f"{where} ({identifier}): {lines} lines; a cell has at most {LONGEST_CELL}.")
        make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        result.append(make(text, id=identifier, metadata=metadata))
    return result


def _way_back(source: Source, checkpoint: str, kind: str, where: str) -> str:
    """Return the line at the head of a section that says how to build its place after a break."""
    if kind != "markdown" or checkpoint not in source.lesson.checkpoints:
        raise BuildError(f"{where}: at={checkpoint!r} wants a text cell, and a checkpoint of the lesson.")
    built = f'`lab.goto("{source.lesson.id}", "{checkpoint}")`'
    return f"\n\n*Back after a break? Run the first code cell of the page, then* {built}*, and go on here.*"


def _with_facts(text: str, source: Source, where: str) -> str:
    """Return markdown with the prices, limits and dates that it names."""
    try:
        return fill(text, source.folder.parents[2])
    except FactError as error:
        raise BuildError(f"{where}: {error}") from None


def _uncommented(text: str) -> str:
    """Return a cell's text without the comment signs that its source puts before magics.

    A cell that begins with a cell magic carries one sign on every line; else only line magics carry one.
    """
    if text.startswith("# %%"):
        return re.sub(r"^# ?", "", text, flags=re.MULTILINE)
    return re.sub(r"^# (?=%[a-z])", "", text, flags=re.MULTILINE)


def _belongs(tags: list[str], kind: str) -> bool:
    return ("solution" if kind == "notebooks" else "starter") not in tags


def notebook(source: Source, kind: str) -> Any:
    """Return the lesson as a notebook of a kind, "notebooks" or "solutions", without outputs."""
    chosen = []
    for cell in cells(source):
        if not _belongs(cell.metadata["tags"], kind):
            continue
        cell = copy.deepcopy(cell)
        if cell.cell_type == "markdown" and "{{neighbours}}" in cell.source:
            cell.source = cell.source.replace("{{neighbours}}", neighbours(source.folder.parents[2], source.lesson.id))
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(images/", f"](images/{source.lesson.id}/", cell.source)
        chosen.append(cell)
    return nbformat.v4.new_notebook(cells=chosen, metadata=copy.deepcopy(_METADATA), nbformat_minor=5)


def dumps(book: Any) -> str:
    """Return a notebook as the text that is stored: the same bytes for the same cells."""
    nbformat.validate(book)
    return str(nbformat.writes(book, version=4)).rstrip("\n") + "\n"


# Executing ------------------------------------------------------------------------------------------------------------


def execute(book: Any, source: Source, say: Callable[[str], None] = print, port: int | None = None) -> Any:
    """Run a solved notebook in a home and a folder of its own, with every check strict; return it with outputs.

    `port` is the lab's main port, by default the first free one. Raises BuildError with the failing cell's id and what
    it said.
    """
    nbclient: Any = import_module("nbclient")
    with tempfile.TemporaryDirectory(prefix="ecrlab-build-") as name:
        folder = Path(name) / "work"
        folder.mkdir()
        if source.files.is_dir():
            copy_missing(source.files, folder)
        home = Home(Path(name) / "home")
        before = dict(os.environ)
        for key in before:
            if key.startswith("AWS_"):
                del os.environ[key]
        os.environ.update(ECRLAB_HOME=str(home.path), ECRLAB_STRICT="1")
        try:
            launch.start(home, say, port)
            client = nbclient.NotebookClient(
                book, timeout=300, kernel_name="python3", coalesce_streams=True,
                resources={"metadata": {"path": str(folder)}}, record_timing=False,
            )  # fmt: skip
            client.execute()
        except nbclient.exceptions.CellExecutionError as error:
            failing = next((cell.id for cell in book.cells if _failed(cell)), "?")
            raise BuildError(
                f"solutions/{source.solved}.ipynb, cell {failing}:\n{error.ename}: {error.evalue}"
            ) from None
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
    say: Callable[[str], None] = print,
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
        for path, data in _made(course, source, run and not check, say, port).items():
            if wanted.get(path, data) != data:
                raise BuildError(f"{path}: another lesson's file of that name is not the same.")
            wanted[path] = data
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
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_bytes(wanted[path])
        temporary.replace(path)
    for path, data in wanted.items():
        source_file = _source_file(course, path)
        if source_file is not None and data:
            shutil.copymode(source_file, path)
    return Built(tuple(drifted), ())


def _teaching(course: Course) -> bytes:
    """Return the facilitator's page."""
    written = [source for source in course.sources.values() if source.text.is_file()]
    try:
        return teaching.page(course, {each.lesson.id: notebook(each, "notebooks") for each in written}).encode()
    except teaching.TeachingError as error:
        raise BuildError(str(error)) from None


def _made(course: Course, source: Source, run: bool, say: Callable[[str], None], port: int | None) -> dict[Path, bytes]:
    """Return the generated files of one lesson or lab, by path."""
    shelf = course.root / source.shelf
    solved = course.root / "solutions" / f"{source.solved}.ipynb"
    wanted = {shelf / f"{source.slug}.ipynb": dumps(notebook(source, "notebooks")).encode()}
    book = notebook(source, "solutions")
    if run:
        say(f"running solutions/{source.solved}.ipynb")
        book = execute(book, source, say, port)
    else:
        _keep_outputs(book, solved)
    _link_solutions(book, course)
    wanted[solved] = dumps(book).encode()
    for path in written(source.files):
        wanted[shelf / path.relative_to(source.files)] = path.read_bytes()
    for path in written(source.images):
        # Code hosts show no picture that lies outside the notebook's own folder.
        for folder in (shelf, solved.parent):
            wanted[folder / "images" / source.lesson.id / path.name] = path.read_bytes()
    return wanted


def _link_solutions(book: Any, course: Course) -> None:
    """Let links in stored outputs, made for the learner's folder, lead to what lies in solutions/."""
    for cell in book.cells:
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html")
            for source in course.sources.values() if html else []:
                html = html.replace(f'href="{source.opens}', f'href="{source.solved}.ipynb')
                output["data"]["text/html"] = html


def _source_file(course: Course, path: Path) -> Path | None:
    for source in course.sources.values():
        shelf = course.root / source.shelf
        if path.is_relative_to(shelf) and (source.files / path.relative_to(shelf)).is_file():
            return source.files / path.relative_to(shelf)
    return None


def _left_over(course: Course, wanted: set[Path]) -> list[Path]:
    """Generated notebooks of lessons that are gone."""
    found = [path for shelf in ("notebooks", "labs", "solutions") for path in (course.root / shelf).glob("*.ipynb")]
    return [path for path in found if path not in wanted]


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
                for call in ("exercise", "check") if item.counts else ("exercise",):
                    number = len(re.findall(rf'lab\.{call}\("{re.escape(identifier)}"\)', text))
                    if number != 1:
                        found.append(
                            f'{kind}/{source.slug}: lab.{call}("{identifier}") stands {number} times, not once'
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
