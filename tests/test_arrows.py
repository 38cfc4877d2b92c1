"""Which part of the code may reach which: one table, held against the imports, and against docs/architecture.md.

An arrow is an import, at the top of a module or inside a function. What counts is what a part reaches in the end: who
imports `launch` also reaches what `launch` imports.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"

_ASKING = "home trouble client"
_STARTING = f"{_ASKING} processes engine host environment standin ports"

#: The rooms of `ecrlab.aws`: what each may reach of them, and of the rest.
_BELOW = "act address host identity last_used quotas runner work"
_CALL = f"{_BELOW} cloud context operations"
_ASK = f"{_CALL} authorization wire"
_ECR = f"{_ASK} arns cloudtrail record tokens"
_SERVICES = f"{_ECR} ecr ecs iam sts"
_KEPT = "store policy"
_JUDGED = f"{_KEPT} clock home"
_SERVED = f"{_JUDGED} oci scan"
AWS = {
    # The ground: words of the wire, of a request, of what surrounds a cloud.
    "wire": ("", ""),
    "address": ("", ""),
    "context": ("", ""),
    "runner": ("", ""),
    "tokens": ("", ""),
    "arns": ("wire", ""),
    # Who there is, and what is known of a request.
    "identity": ("", _KEPT),
    "quotas": ("", "store"),
    "work": ("", "store clock"),
    "act": ("identity", _KEPT),
    "record": ("identity", _KEPT),
    "last_used": ("identity", _KEPT),
    "gist": ("identity record", _KEPT),
    "host": ("act address identity runner", _KEPT),
    "cloud": (_BELOW, f"{_KEPT} clock"),
    "operations": (f"{_BELOW} cloud context", f"{_KEPT} clock"),
    # May they? And the services.
    "authorization": (f"{_CALL} wire", _JUDGED),
    "cloudtrail": (f"{_ASK} record", _JUDGED),
    "iam": (f"{_ASK} arns", _JUDGED),
    "sts": (f"{_ASK} arns iam", _JUDGED),
    "ecs": (f"{_ASK} arns iam sts", _JUDGED),
    "pullers": (f"{_ASK} arns iam sts ecs", _JUDGED),
    "ecr": (_ECR, _SERVED),
    "ecr_public": (f"{_ECR} ecr", _SERVED),
    # What stands in front of them, and who asks about all of it.
    "backends": (f"{_ECR} ecr ecr_public", _SERVED),
    "seed": (_SERVICES, _SERVED),
    "api": (f"{_SERVICES} ecr_public", _SERVED),
    "what_if": (f"{_SERVICES} ecr_public seed", _SERVED),
    "surplus": (f"{_SERVICES} ecr_public seed what_if", _SERVED),
}


def _rooms(names: str) -> str:
    return " ".join(f"aws.{name}" for name in names.split())


_CLOUD = f"{_rooms(' '.join(AWS))} {_SERVED} hub xray"

#: What each part may reach, directly or through others; "ecrlab." is left out. A module belongs to the longest name
#: here that it begins with.
MAY_REACH = {
    # Pure, or the ground: these reach nothing.
    "store": "",
    "policy": "",
    "scan": "",
    "clock": "",
    "xray": "",
    "trouble": "",
    "ports": "",
    "command": "trouble",
    "home": "",
    # The cloud. Only the server knows several of its services.
    "oci": "store",
    "aws": "",
    "hub": "store oci clock xray",
    "ci": "store clock home environment processes",
    # The containers of ECS's tasks, in the lab's engine.
    "containers": "aws.runner home engine processes",
    "server": f"{_CLOUD} ci environment trouble client containers engine processes command ports",
    "fidelity": f"{_rooms(AWS['api'][0])} aws.api {_SERVED} hub xray",
    # What begins the lab, and what speaks to it: they reach the cloud by HTTP.
    "environment": "home",
    "client": "home trouble",
    "processes": "home",
    "standin": "home trouble",
    "engine": "home processes",
    "host": _STARTING.replace(" host", ""),
    # The commands: whoever types them has all of it.
    "cli": f"{_CLOUD} ci {_STARTING} command containers server fidelity",
}
MAY_REACH |= {f"aws.{name}": f"{_rooms(inner)} {outer}" for name, (inner, outer) in AWS.items()}
_READING = "checkout messages documents"
_KINDS = f"{_READING} failure views progress causes listening"
_SESSION = f"{_KINDS} kinds authoring toolbox"
_PAGE = f"{_SESSION} learner drills questions desk mock policy_editor"


#: The wings of the course: what each may reach of the course, and of the rest. The cloud's services are behind HTTP.
COURSE = {
    # The ground: words, the checkout, the progress file, errors in words.
    "checkout": ("", ""),
    "messages": ("checkout", ""),
    "unloaded": ("", ""),
    "progress": ("", "home"),
    "failure": ("checkout messages", _ASKING),
    # What a cell and a judge hold in their hands; what is declared; what is drawn.
    "toolbox": (f"{_READING} failure", f"{_ASKING} environment"),
    "documents": ("checkout messages", ""),
    "views": (_READING, _ASKING),
    # What kept a learner's client from its goal.
    "causes": (_READING, _ASKING),
    # Which points an own answer makes.
    "listening": ("checkout messages", ""),
    "kinds": (_KINDS, _ASKING),
    "authoring": (f"{_KINDS} kinds", f"{_ASKING} policy"),
    # What a registry costs, for a cell.
    "money": (f"{_KINDS} kinds authoring", f"{_ASKING} policy"),
    # What a class needs on Kubernetes: arithmetic.
    "class_sizes": ("", ""),
    # One learner, and the pages.
    "learner": (_SESSION, f"{_ASKING} policy environment"),
    "questions": (f"{_KINDS} kinds authoring", f"{_ASKING} policy"),
    "drills": (f"{_SESSION} learner questions", f"{_STARTING} policy"),
    "mock": (f"{_SESSION} learner questions drills desk", f"{_STARTING} policy"),
    "desk": (_SESSION, f"{_ASKING} policy environment"),
    "policy_editor": (f"{_READING} failure views toolbox", f"{_ASKING} policy environment"),
    # What a learner shares, and who sends it.
    "sharing": (f"{_READING} progress", "home"),
    "notebook": (f"{_PAGE} sharing", f"{_STARTING} policy"),
    # The makers and the commands.
    "publish": (f"{_PAGE} notebook sharing class_sizes", f"{_STARTING} policy"),
    "start": (f"{_SESSION} learner unloaded", f"{_STARTING} policy"),
    # A class: the board, and the hub's side.
    "classroom": (
        f"{_SESSION} learner drills questions desk unloaded start sharing class_sizes",
        f"{_STARTING} command policy",
    ),
    "commanding": (f"{_PAGE} notebook sharing", f"{_STARTING} command policy"),
    "mock_commands": (
        f"{_PAGE} notebook sharing commanding desk_commands",
        f"{_STARTING} command policy",
    ),
    "desk_commands": (
        f"{_PAGE} notebook sharing commanding",
        f"{_STARTING} command policy",
    ),
    "cli": (
        f"{_PAGE} notebook publish start unloaded sharing class_sizes classroom commanding mock_commands desk_commands",
        f"{_STARTING} command policy",
    ),
}


def _wings(names: str) -> str:
    return " ".join(f"ecrlab_course.{name}" for name in names.split())


MAY_REACH |= {f"ecrlab_course.{name}": f"{_wings(inner)} {outer}" for name, (inner, outer) in COURSE.items()}
# The package itself: what `%load_ext ecrlab_course` and the command begin with.
#: `money` is imported by cells alone.
MAY_REACH["ecrlab_course"] = f"{_wings(' '.join(name for name in COURSE if name != 'money'))} {COURSE['cli'][1]}"
#: Whoever keeps something on the disk knows how to wait for it, and so does whoever reaches one of these.
_KEEPERS = {"store", "home", "standin"}
MAY_REACH |= {part: f"{others} durable" for part, others in MAY_REACH.items() if _KEEPERS & {part, *others.split()}}
MAY_REACH["durable"] = ""
#: Circles that are still there: none.
CIRCLES: set[frozenset[str]] = set()
#: Names that every module may take from a package without reaching it.
_FREE = {"ecrlab": ("__version__",)}

Graph = Mapping[str, set[str]]


def module_of(path: Path) -> str:
    name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Every module of the project that a file imports, at its top or inside a function, in full."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update(_from(path, node))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "import_module":
            found.update(word.value for word in node.args if isinstance(word, ast.Constant))
    return {name for name in found if name.split(".")[0] in ("ecrlab", "ecrlab_course")}


def _from(path: Path, node: ast.ImportFrom) -> Iterator[str]:
    module = node.module or ""
    if node.level:
        parts = module_of(path).split(".")
        base = parts if path.name == "__init__.py" else parts[:-1]
        module = ".".join([*base[: len(base) - node.level + 1], *([module] if module else [])])
    for alias in node.names:
        if alias.name in _FREE.get(module, ()):
            continue
        inner = SOURCE / Path(*f"{module}.{alias.name}".split("."))
        is_module = inner.with_suffix(".py").exists() or (inner / "__init__.py").exists()
        yield f"{module}.{alias.name}" if is_module else module


def modules() -> dict[str, set[str]]:
    """What each module of the project imports of it."""
    return _modules(SOURCE)


@cache
def _modules(source: Path) -> dict[str, set[str]]:
    return {module_of(path): imports_of(path) for path in sorted(source.rglob("*.py"))}


def part_of(module: str) -> str:
    """The part a module belongs to; a module that belongs to none is its own name."""
    name = module.removeprefix("ecrlab.")
    return max((part for part in MAY_REACH if name == part or name.startswith(f"{part}.")), key=len, default=name)


def arrows(imports: Graph) -> dict[str, set[str]]:
    """The parts that each part imports itself."""
    found: dict[str, set[str]] = {}
    for module, others in imports.items():
        mine = found.setdefault(part_of(module), set())
        mine.update(part_of(other) for other in others)
        mine.discard(part_of(module))
    return found


def reached(graph: Graph, start: str) -> set[str]:
    """All that is reached from there, over any number of arrows; `start` itself only by a circle."""
    found: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += graph.get(one, ())
    return found


def way(graph: Graph, start: str, end: str) -> str:
    """The shortest way from one to the other, for a message."""
    ways = [[start]]
    for one in ways:  # grows while it is read
        for other in sorted(graph.get(one[-1], ())):
            if other == end:
                return " -> ".join([*one, other])
            if not any(other in known for known in ways):
                ways.append([*one, other])
    raise AssertionError(f"no way from {start} to {end}")


def circles(graph: Graph) -> set[frozenset[str]]:
    """The groups of modules that reach each other."""
    reach = {module: reached(graph, module) for module in graph}
    return {
        frozenset({other for other in reach[module] if module in reach.get(other, ())} | {module})
        for module in graph
        if module in reach[module]
    }


def offences(part: str) -> list[str]:
    """What a part reaches and may not, each with its way."""
    graph = arrows(modules())
    return [way(graph, part, other) for other in sorted(reached(graph, part) - {*MAY_REACH[part].split()})]


@pytest.mark.parametrize("part", MAY_REACH)
def test_a_part_reaches_only_what_the_table_says(part: str) -> None:
    assert offences(part) == []


@pytest.mark.parametrize("part", MAY_REACH)
def test_the_table_allows_nothing_that_nobody_uses(part: str) -> None:
    assert set(MAY_REACH[part].split()) - reached(arrows(modules()), part) == set()


def test_every_module_belongs_to_a_part() -> None:
    assert {part_of(module) for module in modules()} - {"ecrlab"} == set(MAY_REACH)


def test_there_is_no_circle() -> None:
    assert circles(modules()) == set(CIRCLES)


def test_nothing_below_the_course_reaches_it() -> None:
    below = [module for module in modules() if not module.startswith("ecrlab_course")]
    assert [module for module in below if any("ecrlab_course" in name for name in reached(modules(), module))] == []


def test_the_guard_sees_every_form_of_import_and_what_is_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {
        "ecrlab/__init__.py": "",
        "ecrlab/store/__init__.py": "",
        "ecrlab/store/one.py": "from ecrlab import oci\n",
        "ecrlab/store/two.py": "def f():\n    import ecrlab.hub.api\n",
        "ecrlab/store/three.py": "from ..scan import layer\n",
        "ecrlab/store/four.py": "from .one import x\n",
        "ecrlab/store/five.py": "from importlib import import_module\nclock = import_module('ecrlab.clock')\n",
        "ecrlab/oci/__init__.py": "def f():\n    from ecrlab.policy import decision\n",
        "ecrlab/policy/__init__.py": "",
        "ecrlab/hub/__init__.py": "",
        "ecrlab/scan/__init__.py": "",
        "ecrlab/clock.py": "from ecrlab.store import four\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    assert offences("store") == [
        "store -> clock",
        "store -> hub",
        "store -> oci",
        "store -> oci -> policy",
        "store -> scan",
        "store -> clock -> store",
    ]


# ------------------------------------------------------------------------------------------- docs/architecture.md


def page() -> str:
    return (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def drawn(number: int) -> dict[str, set[str]]:
    """The plain arrows (`a --> b`) of the page's diagrams, the first or the second, by the names of the nodes."""
    found: dict[str, set[str]] = {}
    for line in re.findall(r"```mermaid\n(.*?)```", page(), re.S)[number].splitlines():
        nodes = re.split(r" --> ", re.sub(r"\[.*?\]|\(.*?\)", "", line.strip()))
        for one, other in pairwise(nodes):
            for left in one.split(" & "):
                found.setdefault(left, set()).update(other.split(" & "))
    return found


def fewest(graph: Graph) -> dict[str, set[str]]:
    """The arrows that no longer way replaces."""
    return {
        part: {other for other in others if not any(other in reached(graph, third) for third in others - {other})}
        for part, others in graph.items()
    }


def wanted_drawing(number: int) -> dict[str, set[str]]:
    """The arrows of a diagram: the parts (1), where aws and the course are one each; the rooms of aws (2); the wings of
    the course (3)."""
    graph: dict[str, set[str]] = {}
    for part, others in arrows(modules()).items():
        if number == 1:
            mine = {_whole(other) for other in others} - {_whole(part)}
            graph.setdefault(_whole(part), set()).update(mine)
        elif part.startswith(f"{_DRAWN[number]}."):
            inner = {other.partition(".")[2] for other in others if other.startswith(f"{_DRAWN[number]}.")}
            graph[part.partition(".")[2]] = inner
    return {part: others for part, others in fewest(graph).items() if others and part != "ecrlab"}


_DRAWN = {2: "aws", 3: "ecrlab_course"}


def _whole(part: str) -> str:
    """The part as the diagram of parts has it."""
    return next((whole for whole in _DRAWN.values() if part.startswith(f"{whole}.")), part)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_diagram_of_parts_is_the_code_s(number: int) -> None:
    """Every arrow of the code that no longer way replaces, and no other."""
    wanted = wanted_drawing(number)
    assert drawn(number) == wanted, "\n".join(
        f"    {part} --> {' & '.join(sorted(others))}" for part, others in sorted(wanted.items())
    )


def test_the_diagram_of_a_request_has_no_arrow_that_the_code_has_not() -> None:
    """Arrows between the cloud's parts; an arrow with words is a request over the wire, not an import."""
    real: dict[str, set[str]] = {}
    for part, others in arrows(modules()).items():
        real.setdefault(_whole(part), set()).update(map(_whole, others))
    names = {"door": "aws", "control": "server"}
    drawn_arrows = [
        (names.get(one, one), names.get(other, other)) for one, others in drawn(0).items() for other in others
    ]
    between = [(one, other) for one, other in drawn_arrows if one in MAY_REACH and other in MAY_REACH]
    assert len(between) >= 7
    assert [(one, other) for one, other in between if other not in real[one]] == []


def test_the_table_of_parts_names_each_part_once() -> None:
    rows = re.findall(r"^\| ((?:`src/[\w./]+`(?:, )?)+) \| .+ \|$", page(), re.M)
    paths = [path for row in rows for path in re.findall(r"`([\w./]+)`", row)]
    assert sorted(paths) == sorted(set(paths))
    assert [path for path in paths if not (ROOT / path).exists()] == []
    wholes = {path.removeprefix("src/").removeprefix("ecrlab/").removesuffix(".py").replace("/", ".") for path in paths}
    assert set(MAY_REACH) - wholes == set()
