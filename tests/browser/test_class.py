"""A class of two on this host, through a real hub: private networks, passwords, the board's gate, kill -9, stop."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ecrlab.ports import port_is_taken
from ecrlab.processes import Process
from ecrlab_course.classroom.class_file import Class, read
from ecrlab_course.classroom.class_host import ask, seats
from ecrlab_course.classroom.pseudonyms import password_of

from .conftest import Lab, Room

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]
ROOT = Path(__file__).parent.parent.parent
PACKAGES = Path(pytest.__file__).parent.parent
PROXY = "configurable-http-proxy@5.3.0"


@dataclass(frozen=True)
class Hub:
    """A class that runs, and the command that started it."""

    found: Class
    command: Callable[..., str]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.found.port}"

    def password(self, name: str) -> str:
        return password_of(self.found.secret, name, 4 if name in self.found.instructors else 2)


def first_process(found: Class, name: str) -> int:
    """The first process of a learner's namespaces, as the host numbers it; 0 for none."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_bytes().split(b"\0")
            if (
                words[1:2] == [b"-I"]
                and words[3:4] == [name.encode()]
                and str(found.folder).encode() in b" ".join(words)
            ):
                return int(place.name)
    return 0


def left(folder: Path) -> list[str]:
    """Processes that name the folder."""
    run = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True)
    return [line for line in run.stdout.splitlines() if str(folder) in line]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A class of ada and ben, started by its command in an installation that every user can read."""
    pytest.importorskip("jupyterhub")
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("namespaces need Linux and root")
    python = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")
    if python is None or shutil.which("npm") is None:
        pytest.skip("no Python that every user can run, or no npm")
    npm = tmp_path_factory.mktemp("npm")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(npm)]
    subprocess.run(["npm", "install", *quiet, PROXY], check=True, capture_output=True, timeout=120)
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-", dir="/srv"))
    folder.chmod(0o755)
    venv, file = folder / "venv", folder / "class.toml"
    subprocess.run([python, "-m", "venv", "--without-pip", str(venv)], check=True)
    (next(venv.glob("lib/python*")) / "site-packages" / "tests.pth").write_text(
        f"import site; site.addsitedir({str(PACKAGES)!r})\n"
    )
    for name in ("share", "etc"):
        (venv / name).symlink_to(Path(sys.prefix) / name)
    subprocess.run([venv / "bin" / "python", ROOT / "scripts" / "commands.py"], check=True)
    port = next(port for port in range(5860, 5899, 4) if not any(map(port_is_taken, range(port, port + 4))))
    lines = ['learners = ["ada", "ben"]', 'spawner = "namespaces"', 'listen = "127.0.0.1"', f"port = {port}"]
    file.write_text("\n".join([*lines, f'folder = "{folder}/class"', ""]))
    environ = {**os.environ, "PATH": f"{npm}/node_modules/.bin:{os.environ['PATH']}"}

    def command(*words: str) -> str:
        line = [str(venv / "bin" / "ecrlab_course"), "class", *words, str(file)]
        run = subprocess.run(line, env=environ, capture_output=True, text=True, timeout=240)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    try:
        said = command("start")
        found = read(file)
        assert f"name      ada\n  password  {password_of(found.secret, 'ada')}" in said
        yield Hub(found, command)
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run([str(venv / "bin" / "ecrlab_course"), "class", "stop", str(file)], env=environ, timeout=240)
        remains = left(folder)
        shutil.rmtree(folder)
        assert remains == []


def come_in(page: Page, hub: Hub, name: str, to: str = "/hub/home") -> None:
    """Log in with the password of the slip."""
    page.goto(f"{hub.base}/hub/login?next={to}")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(hub.password(name))
    page.get_by_role("button", name="Sign in").click()


def of(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 950}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def second(browser: Browser) -> Iterator[Page]:
    yield from of(browser)


@pytest.fixture
def third(browser: Browser) -> Iterator[Page]:
    yield from of(browser)


def test_a_learner_shares_through_the_hub_and_only_an_instructor_opens_the_board(
    page: Page, second: Page, third: Page, hub: Hub
) -> None:
    page.set_default_timeout(120_000)
    come_in(page, hub, "ada", "/hub/spawn")
    page.wait_for_url(re.compile(r"/user/ada/lab"))
    lab = Lab(page, Room(f"{hub.base}/user/ada/lab/tree/00-start-here.ipynb", Path(), Path(), None), "00-start-here")  # type: ignore[arg-type]
    lab.run("00-02", 120)
    lab.write("00-04", 'lab.answer("00-e2", "a")\nlab.share(True)\nlab.hand()')
    expect(lab.run("00-04")).to_contain_text("Your hand is raised")

    come_in(second, hub, "ben", "/services/board/")
    expect(second.get_by_text("403")).to_be_visible()
    third.goto(f"{hub.base}/services/board/")
    come_in(third, hub, "instructor", "/services/board/")
    needs = third.get_by_role("region", name="Who needs me")
    expect(needs).to_contain_text("hand raised")
    expect(third.get_by_role("region", name="What the class believes").get_by_role("listitem")).to_have_count(1)
    assert "ada" not in third.locator("main").inner_text(), "names stay in the hub"


def test_of_a_neighbour_nothing_can_be_reached(hub: Hub) -> None:
    for name in ("ada", "ben"):
        with contextlib.suppress(OSError):  # it may run already
            ask(hub.found, f"users/{name}/server", "POST")
    until = time.monotonic() + 120
    while sum(each.server == "running" for each in seats(hub.found)) < 2:
        assert time.monotonic() < until, seats(hub.found)
        time.sleep(0.5)
    found, number = hub.found, hub.found.uid("ben")

    def as_ben(command: str) -> subprocess.CompletedProcess[str]:
        inside = [
            "nsenter",
            "--target",
            str(first_process(found, "ben")),
            "--net",
            "--pid",
            "--mount",
            "--ipc",
            "--uts",
        ]
        user = ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", "--no-new-privs"]
        return subprocess.run([*inside, *user, "bash", "-c", command], capture_output=True, text=True, timeout=60)

    ada = found.home("ada")
    assert (ada / ".ecrlab" / "lab" / "control.json").exists()
    assert as_ben(f"ls {found.home('ben')}/work/00-start-here.ipynb").returncode == 0
    for path in (
        ada,
        f"{ada}/.ecrlab/lab/control.json",
        found.sockets("ada"),
        found.board,
        found.run,
        found.folder / "homes",
    ):
        assert "Permission denied" in as_ben(f"ls {path}").stderr, path
    # The same port is ben's own lab; of the host's ports none can be reached.
    secret = json.loads((found.home("ben") / ".ecrlab" / "lab" / "control.json").read_text())
    assert secret["port"] == json.loads((ada / ".ecrlab" / "lab" / "control.json").read_text())["port"] == 4510
    for port in (found.port, found.hub_port, found.proxy_port, found.board_port):
        assert port_is_taken(port)
        assert as_ben(f"exec 3<>/dev/tcp/127.0.0.1/{port}").returncode != 0, port
    # Of processes and of the host's users only ben's own.
    seen = as_ben("ps -eo user=,args=").stdout
    assert "ada" not in seen
    assert {line.split()[0] for line in seen.splitlines()} <= {"root", "ben"}
    assert as_ben("getent passwd | wc -l").stdout.strip() == "2"
    # /tmp is ben's own, and no program makes them root.
    as_ben("touch /tmp/of-ben /var/tmp/of-ben")
    assert not Path("/tmp/of-ben").exists()
    assert not Path("/var/tmp/of-ben").exists()
    assert as_ben("unshare --net true; grep -c . /etc/shadow").returncode != 0
    assert "NoNewPrivs:\t1" in as_ben("cat /proc/self/status").stdout


def test_a_wrong_password_opens_nothing(hub: Hub, second: Page) -> None:
    come_in(second, hub, "ada")  # no server is begun by that
    second.context.clear_cookies()
    second.goto(f"{hub.base}/hub/login")
    for name, password in (("ada", hub.password("ben")), ("stranger", password_of(hub.found.secret, "stranger"))):
        second.get_by_label("Username").fill(name)
        second.get_by_label("Password").fill(password)
        second.get_by_role("button", name="Sign in").click()
        expect(second.get_by_text("Invalid username or password")).to_be_visible()


def test_a_hub_that_was_killed_ends_no_lab_and_finds_them_again(hub: Hub) -> None:
    before = {name: first_process(hub.found, name) for name in ("ada", "ben")}
    process = Process.remembered(hub.found.run / "hub.process")
    assert process is not None
    process.kill()
    assert {name: first_process(hub.found, name) for name in before} == before
    said = hub.command("start")
    assert "The class is open" in said
    assert {name: first_process(hub.found, name) for name in before} == before
    states = {each.name: each.server for each in seats(hub.found)}
    assert (states["ada"], states["ben"]) == ("running", "running")
    with urllib.request.build_opener().open(f"{hub.base}/user/ada/api") as answer:
        assert "version" in json.load(answer), "the route leads to the server again"
    assert "2 of 3 have a lab." in hub.command("status")


def test_stop_leaves_nothing_but_what_learners_made(hub: Hub) -> None:
    assert "what learners made is in their homes" in hub.command("stop")
    assert left(hub.found.folder) == []
    assert not any(map(port_is_taken, range(hub.found.port, hub.found.port + 4)))
    assert (hub.found.home("ada") / ".ecrlab" / "progress.json").exists()
    assert "Nothing was running." in hub.command("stop", "--forget")
    assert not (hub.found.board / "board.db").exists()
