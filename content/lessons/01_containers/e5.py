"""01-e5: a notice that survives the night job. What a learner reads is in e5.md."""

from __future__ import annotations

import json
import shlex
import sys

from ecrlab_course.authoring import Lab, Sentence, as_words, in_code

from .state import APP, FILES, NOTICE, remove, remove_volumes, run

SERVED = "/www"


class Seen:
    """What `board` serves now, and what a new one would: `night.py` rehearses the night job, and removes nothing."""

    def __init__(self, lab: Lab) -> None:
        script = shlex.join([sys.executable, str(FILES / "night.py"), "--json"])
        code, output = lab.sh(script)
        if code:
            raise RuntimeError(output.strip().splitlines()[-1] if output.strip() else "")
        # Python may warn behind it.
        told = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
        self.found = bool(told["found"])
        self.other = list(told["others"])
        self.others = as_words([in_code(name) for name in self.other])
        self.status = str(told.get("status", ""))
        self.refusal = str(told.get("refused", ""))
        self.page = str(told.get("before", ""))
        self.before, self.after = NOTICE in self.page, NOTICE in str(told.get("after", ""))
        self.whole = "Harbour Bikes" in self.page
        self.restart = str(told.get("restart", "")) not in ("", "no")
        self.by_hand = bool(told.get("committed"))
        self.by_command = NOTICE in str(told.get("command", ""))
        mounts = [(str(kind), str(name), str(place)) for kind, name, place in told.get("mounts", [])]
        named = {str(name) for name in told.get("named", [])}
        self.kinds = {kind for kind, _, _ in mounts}
        self.over = as_words([in_code(place) for _, _, place in mounts])
        self.covers = any(_holds(place) for _, _, place in mounts)
        self.nameless = any(kind == "volume" and name not in named and _holds(place) for kind, name, place in mounts)
        self.tmpfs = any(kind == "tmpfs" and _holds(place) for kind, _, place in mounts)
        self.mounted = bool(mounts)
        self.place = Sentence("mounted") if mounts else Sentence("on-sheet" if self.found else "nowhere")


def _holds(place: str) -> bool:
    """Tell whether what is mounted there holds what the server of the image reads."""
    return place.rstrip("/") in ("", SERVED) or place.startswith(f"{SERVED}/")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e5.md: what is served now, then what is served after the night."""
    if not seen.found:
        return "other-name" if seen.other else "untouched"
    if seen.status != "running":
        return "ended"
    if seen.refusal:
        return "refused"
    if not seen.before:
        return missing(seen)
    if not seen.after:
        return lost(seen)
    if seen.by_command:
        return "by-command"
    if not seen.whole:
        return "alone"
    return "committed" if seen.by_hand else "passed"


def missing(seen: Seen) -> str:
    """Return why the page of now has no notice."""
    if not seen.page:
        return "empty-over" if seen.covers else "no-page"
    return "no-notice"


def lost(seen: Seen) -> str:
    """Return why the notice is gone after the night."""
    if seen.restart:
        return "restarted"
    if seen.tmpfs:
        return "in-memory"
    if seen.nameless:
        return "nameless"
    return "elsewhere" if seen.mounted else "on-its-sheet"


# Tries


def start(lab: Lab, options: str = "", image: str = f"{APP}:1.0", command: str = "", name: str = "board") -> None:
    """Start the board."""
    run(lab, name, options, image, command)


def hang_up(lab: Lab, place: str = "/www/index.html", name: str = "board") -> None:
    """Hang up the notice in the running container."""
    lab.sh(f"docker exec {name} sh -c 'echo \"<p>{NOTICE}</p>\" >> {place}'")


def in_a_volume(lab: Lab, options: str = "-v closing:/www", name: str = "board") -> None:
    """Mount something over the page, and hang up the notice."""
    start(lab, options, name=name)
    hang_up(lab, name=name)


def in_a_folder(lab: Lab) -> None:
    """Serve a folder of this computer."""
    lab.sh(f"rm -rf site; cp -r my-web-app/www site; echo '<p>{NOTICE}</p>' >> site/index.html")
    start(lab, '-v "$PWD/site:/www:ro"')


def built(lab: Lab) -> None:
    """Build an image with the notice."""
    lab.sh(
        f"""printf 'FROM my-web-app:1.0\\nCOPY index.html /www/\\n' > site.Dockerfile; mkdir -p site
        cp my-web-app/www/index.html site/; echo '<p>{NOTICE}</p>' >> site/index.html
        docker build -q -t board:1 -f site.Dockerfile site 2>&1"""
    )
    start(lab, image="board:1")


def committed(lab: Lab) -> None:
    """Make an image of the container, and start that."""
    start(lab)
    hang_up(lab)
    lab.sh("docker commit board board:2; docker rm -f board")
    start(lab, image="board:2")


def by_command(lab: Lab) -> None:
    """Let the command write the notice."""
    script = f"echo {NOTICE} >> /www/index.html; exec httpd -f -p 8080 -h /www"
    start(lab, command=f"sh -c '{script}'")


def one_line(lab: Lab) -> None:
    """Let the notice be all of the page."""
    lab.sh(f"mkdir -p site; echo '{NOTICE}' > site/index.html")
    start(lab, '-v "$PWD/site:/www"')


def over_nothing(lab: Lab) -> None:
    """Mount an empty folder over the page."""
    lab.sh("mkdir -p site/empty")
    start(lab, '-v "$PWD/site/empty:/www"')


TRIES = {
    "passed": {"a volume": in_a_volume, "a folder": in_a_folder, "an image": built},
    "committed": [committed],
    "by-command": [by_command],
    "alone": [one_line],
    "other-name": [lambda lab: in_a_volume(lab, name="board2")],
    "ended": [lambda lab: start(lab, command="true")],
    "no-page": [lambda lab: start(lab, command="sleep 1000")],
    "empty-over": [over_nothing],
    "no-notice": [start],
    "restarted": [lambda lab: in_a_volume(lab, "--restart always")],
    "in-memory": [lambda lab: in_a_volume(lab, "--tmpfs /www")],
    "nameless": [lambda lab: in_a_volume(lab, "-v /www")],
    "elsewhere": [lambda lab: in_a_volume(lab, "-v closing:/data")],
    "on-its-sheet": {"exec alone": lambda lab: in_a_volume(lab, "")},
    "refused": [lambda lab: refused(lab)],
}


def refused(lab: Lab) -> None:
    """Start it with a file mounted, and remove the file's folder."""
    in_a_folder(lab)
    lab.sh("docker rm -f board > /dev/null; docker tag my-web-app:1.0 board:3")
    start(lab, image="board:3")
    lab.sh("docker rmi -f board:3")


def reset(lab: Lab) -> None:
    """Remove the board, its volume and its images."""
    remove(lab, "board", "board2", "board-rehearsal")
    remove_volumes(lab)
    lab.sh(
        """docker rmi -f board:1 board:2 board:3 > /dev/null 2>&1 || true
        rm -rf site site.Dockerfile"""
    )
