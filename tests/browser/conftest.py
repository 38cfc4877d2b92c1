"""The course in a real browser: started as `make start` does, driven in Debian's Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from ecrlab.client import LabClient
from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.start import free_port

# Without these Chromium calls its maker at every start.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first of them that is installed; the first one has no window of its own to draw, which costs a fifth."""
AXE = "axe-core@4"


@dataclass(frozen=True)
class Room:
    """A course that runs: its address, the learner's folder, and the process that Ctrl-C would reach."""

    address: str
    work: Path
    home: Path
    process: subprocess.Popen[bytes]

    def notebook(self, slug: str) -> str:
        """Return the address of a notebook."""
        return re.sub(r"/tree/[^?]*", f"/tree/{slug}.ipynb", self.address)


@pytest.fixture
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    """The course, started as by `make start`.

    Tests marked `one_room` share one start, and find it as on the first day (`as_on_the_first_day`): a start costs 12 s
    of processor. Of those marked `one_page` as well, only the first of a file does.
    """
    if request.node.get_closest_marker("one_room"):
        shared, kept = request.getfixturevalue("shared")
        if not request.node.get_closest_marker("one_page") or request.getfixturevalue("page").url == "about:blank":
            as_on_the_first_day(shared, kept)
        yield shared
    else:
        yield from started(tmp_path)


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, Path]]:
    """A course that several tests use, and a copy of what it began with."""
    folder = tmp_path_factory.mktemp("shared")
    for made in started(folder):
        kept = folder / "kept"
        shutil.copytree(made.work, kept / "work")
        for name in LEARNERS:
            shutil.copytree(made.home / name, kept / "home" / name)
        shutil.copy(made.home / "standin" / "state.json", kept / "state.json")
        yield made, kept


LEARNERS = ("jupyter/config", "jupyter/ipython")
"""What JupyterLab and the kernels keep in the home."""
LABS = ("jupyter", "lab", "run", "standin", "copied.json")
"""What stays in the home when everything else is removed: the learner's progress, tickets, schedule and drills."""


def as_on_the_first_day(room: Room, kept: Path) -> None:
    """End the kernels and terminals, reset the lab, and put everything that a learner keeps back as it began.

    The X-ray keeps its rows, and the lab its number of the last one.
    """
    address, _, token = room.address.partition("?token=")
    server = re.sub(r"(http://[^/]+).*", r"\1", address)
    headers = {"Authorization": f"token {token}"}

    def ask(method: str, path: str) -> Any:
        request = urllib.request.Request(f"{server}/api/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    for kind, name in (("sessions", "id"), ("kernels", "id"), ("terminals", "name")):
        for each in ask("GET", kind):
            ask("DELETE", f"{kind}/{each[name]}")
    LabClient(Home(room.home)).reset()
    for login in (room.home / "lab" / "docker").rglob("config.json"):
        login.unlink()
    shutil.copy(kept / "state.json", room.home / "standin" / "state.json")
    for path in room.home.iterdir():
        if path.name not in LABS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in room.work.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(kept / "work", room.work, dirs_exist_ok=True)
    for name in LEARNERS:
        shutil.rmtree(room.home / name)
        shutil.copytree(kept / "home" / name, room.home / name)


def started(tmp_path: Path, *more: str, engine: str = "none") -> Iterator[Room]:
    """Start the course with a home and a folder of its own; afterwards Ctrl-C must stop all of it.

    `more` are further words of the command; `engine` is ECRLAB_ENGINE unless the variable is set.
    """
    home, work, log = tmp_path / "home", tmp_path / "work", tmp_path / "start.log"
    environ = {
        **os.environ, "ECRLAB_HOME": str(home), "ECRLAB_NO_BROWSER": "1", "PYTHONUNBUFFERED": "1",
        "ECRLAB_ENGINE": os.environ.get("ECRLAB_ENGINE", engine),
    }  # fmt: skip
    port, lab_port = free_port(5780), free_port(5710)
    command = [
        str(Path(sys.executable).with_name("ecrlab_course")), "start", "--port", str(port), "--lab-port", str(lab_port),
        "--work", str(work), *more,
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environ, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        until = time.monotonic() + 90
        while not (found := re.search(r"http://localhost:\S+token=\w+", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield Room(found.group(0), work, home, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(40) == 0, log.read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield made
        made.close()


@pytest.fixture(scope="package")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """axe-core from the npm registry, installed for this session only."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine: axe-core cannot be fetched")
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), AXE],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return folder / "node_modules" / "axe-core" / "axe.min.js"


class Lab:
    """A notebook open in JupyterLab. Cells are named by their ids."""

    def __init__(self, page: Page, room: Room, slug: str) -> None:
        self.page = page
        folder = course().root if slug.startswith("labs/") else course().root / "notebooks"
        book = nbformat.read(folder / f"{slug}.ipynb", as_version=4)
        self.ids = [cell.id for cell in book.cells]
        self.code = {cell.id for cell in book.cells if cell.cell_type == "code"}
        # JupyterLab opens the notebooks of the last time again, in tabs that are hidden.
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        if not page.url.endswith(f"/tree/{slug}.ipynb"):
            page.goto(room.notebook(slug))
        name = f"{slug.rpartition('/')[2]}.ipynb"
        # A tab, or, where one document alone is shown, its panel.
        chosen = page.get_by_role("tab", name=name, selected=True).or_(page.get_by_role("tabpanel", name=name))
        expect(chosen.filter(visible=True).first).to_be_visible(timeout=60_000)
        expect(self.panel.locator(".jp-Notebook .jp-Cell")).to_have_count(len(self.ids), timeout=60_000)
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the kernel is connected; key presses before are lost. Before, it is called idle as well."""
        bar = self.panel.locator(".jp-NotebookPanel-toolbar")
        expect(bar.get_by_text("Python 3")).to_be_visible(timeout=60_000)
        quiet, until = 0, time.monotonic() + 60
        while quiet < 8:
            assert time.monotonic() < until, "the kernel did not come up"
            status = bar.locator(".jp-Notebook-ExecutionIndicator").get_attribute("data-status")
            quiet = quiet + 1 if status == "idle" else 0
            self.page.wait_for_timeout(250)

    def cell(self, identifier: str) -> Locator:
        return self.panel.locator(".jp-Notebook .jp-Cell").nth(self.ids.index(identifier))

    def run(self, identifier: str, seconds: float = 60) -> Locator:
        """Run one code cell by the keyboard and wait until it has ended; return it."""
        cell = self.cell(identifier)
        prompt = cell.locator(".jp-InputPrompt").first
        before = prompt.inner_text()
        cell.locator(".jp-InputArea").first.click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+Enter")
        expect(prompt).not_to_have_text(before or "[ ]:", timeout=seconds * 1000)
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=seconds * 1000)
        return cell

    def run_to(self, first: str, last: str) -> None:
        """Run the code cells from one to another, both included."""
        for identifier in self.ids[self.ids.index(first) : self.ids.index(last) + 1]:
            if identifier in self.code:
                self.run(identifier)

    def start_from(self, identifier: str) -> None:
        """Run a cell that offers a checkpoint, press its button and wait until it is built."""
        self.run(identifier)
        cell = self.cell(identifier)
        cell.get_by_role("button", name="Start from here").click()
        expect(cell).to_contain_text("Go on below.", timeout=60_000)

    def write(self, identifier: str, text: str) -> None:
        """Put other text into a cell, as typed."""
        self.cell(identifier).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def card(self, identifier: str) -> Locator:
        name = re.compile(rf"(Exercise|Guess) {re.escape(identifier)}(?!\d)")  # 04-e1 is not 04-e10
        return self.page.locator(".ecr-exercise").filter(has_text=name)

    def answer(self, identifier: str, option: str, sure: str | None = None) -> None:
        """Choose an option of a card, and how sure, and press its first button."""
        card = self.card(identifier)
        card.get_by_role("radio", name=option, exact=True).check()
        if sure:
            card.get_by_role("radio", name=sure, exact=True).check()
        card.locator(".ecr-buttons button").first.click()

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme by its menu."""
        self.page.get_by_role("menuitem", name="Settings", exact=True).click()
        self.page.get_by_text("Theme", exact=True).hover()
        self.page.get_by_role("menuitem", name=name, exact=True).click()
        light = "false" if "Dark" in name else "true"
        expect(self.page.locator(f"body[data-jp-theme-light='{light}']")).to_be_attached(timeout=20_000)
        self.page.wait_for_timeout(800)

    def accessibility(self, axe: Path) -> list[Any]:
        """Return what axe, with every rule on, has against the elements that are ours."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.add_script_tag(path=str(axe))
        found: list[Any] = self.page.evaluate(
            """async () => {
                const result = await axe.run({ include: [['.ecrlab']] });
                return result.violations.map(v => [v.id, v.help, v.nodes.map(n => n.html.slice(0, 200))]);
            }"""
        )
        return found


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """An empty page. Tests marked `one_page` go on in that of the one before them in their file.

    JupyterLab's start costs 8 s of processor, and what is done before it as much again.
    """
    if request.node.get_closest_marker("one_page"):
        yield request.getfixturevalue("kept_page")
    else:
        yield from new_page(browser)


@pytest.fixture(scope="module")
def kept_page(browser: Browser) -> Iterator[Page]:
    yield from new_page(browser)


def new_page(browser: Browser, width: int = 1400, height: int = 950) -> Iterator[Page]:
    """Open a page of that size in pixels; what the browser has to say is shown where a test fails."""
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    made = context.new_page()
    made.on("console", lambda message: print(f"{message.type}: {message.text}"[:300]))
    made.on("pageerror", lambda error: print(f"error: {error}"[:600]))
    made.on("requestfailed", lambda request: print(f"failed: {request.url} {request.failure}"))
    yield made
    context.close()


@pytest.fixture
def opened(page: Page, room: Room) -> Callable[[str], Lab]:
    """Open a notebook of the running course by its slug."""
    return lambda slug: Lab(page, room, slug)
