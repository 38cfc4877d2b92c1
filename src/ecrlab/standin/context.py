"""What COPY and ADD may take: the files of a build context, and what a source names among them."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import replace
from fnmatch import translate
from pathlib import Path

from ecrlab.standin import layers
from ecrlab.standin.dockerfile import Instruction
from ecrlab.standin.errors import DockerError
from ecrlab.standin.layers import Entry


def read_context(root: Path) -> dict[str, Path]:
    """Return the files of a build context that .dockerignore lets through, by path."""
    rules: list[tuple[bool, re.Pattern[str]]] = []
    ignore = root / ".dockerignore"
    if ignore.is_file():
        for line in ignore.read_text(encoding="utf-8", errors="replace").splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                rules.append((line.startswith("!"), _ignore_pattern(line.removeprefix("!"))))
    found: dict[str, Path] = {}
    for folder, subfolders, names in os.walk(root):
        subfolders.sort()
        for name in sorted(names + subfolders):
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            ignored = False
            for keep, pattern in rules:
                if pattern.fullmatch(relative) or any(pattern.fullmatch(p.as_posix()) for p in Path(relative).parents):
                    ignored = not keep
            if not ignored and (path.is_symlink() or path.is_file() or path.is_dir()):
                found[relative] = path
    return found


def _ignore_pattern(text: str) -> re.Pattern[str]:
    parts = []
    for part in posixpath.normpath(text.strip("/")).split("/"):
        if part == "**":
            parts.append("(?:[^/]+/)*")
        else:
            one = translate(part).removeprefix("(?s:").removesuffix(r")\Z").replace(".*", "[^/]*")
            parts.append(f"{one}/")
    return re.compile("".join(parts).removesuffix("/"))


def entry_of(path: Path) -> Entry:
    """Return a file, a link or a folder of the context as a layer has it."""
    status = path.lstat()
    mode = status.st_mode & 0o7777
    if path.is_symlink():
        return Entry("link", 0o777, target=os.readlink(path))
    return Entry("folder", mode) if path.is_dir() else Entry("file", mode, path)


def pick(step: Instruction, source: str, available: dict[str, Entry]) -> list[tuple[str, dict[str, Entry]]]:
    """Return what one source names: (name, {"": entry}) for a file, (name, {inner path: entry}) for a folder."""
    if re.match(r"(https?|git|ssh)://|git@", source):
        raise DockerError(
            f"ADD {source}: ECR Lab's stand-in for docker fetches nothing from the internet; "
            "copy the file into the folder"
        )
    clean = posixpath.normpath(source.lstrip("/"))
    if clean == ".." or clean.startswith("../"):
        raise DockerError(f"{step.word} failed: forbidden path outside the build context: {source} ()")
    if clean == ".":
        return [(source, dict(available))]
    names = [clean]
    if re.search(r"[*?\[]", clean):
        pattern = re.compile(re.escape(clean).replace(r"\*", "[^/]*").replace(r"\?", "[^/]"))
        names = sorted(path for path in available if pattern.fullmatch(path))
    if not names or any(name not in available for name in names):
        if "from" in step.flags:
            raise DockerError(f"{step.word} failed: stat {source}: file does not exist")
        raise DockerError(
            f"{step.word} failed: file not found in build context or excluded by .dockerignore: "
            f"stat {clean}: file does not exist"
        )
    picked = []
    for name in names:
        entry = available[name]
        if entry.kind == "folder":
            inner = {path[len(name) + 1 :]: value for path, value in available.items() if path.startswith(f"{name}/")}
            picked.append((name, inner))
        elif step.word == "ADD" and isinstance(entry.data, Path) and _is_tar(entry.data):
            picked.append((name, layers.read_tar(entry.data)))
        else:
            picked.append((name, {"": entry}))
    return picked


def _is_tar(path: Path) -> bool:
    import tarfile

    return path.stat().st_size > 0 and tarfile.is_tarfile(path)


def adjust(entry: Entry, step: Instruction) -> Entry:
    """Return an entry with the owner and the mode that the instruction gives it. Raises DockerError."""
    owner = entry.owner if "from" in step.flags and "chown" not in step.flags else (0, 0)
    if "chown" in step.flags:
        user, _, group = step.flags["chown"].partition(":")
        if not user.isdigit() or not (group or user).isdigit():
            raise DockerError(
                f"--chown={step.flags['chown']}: ECR Lab's stand-in for docker knows only numbers here, as 1000:1000"
            )
        owner = (int(user), int(group or user))
    mode = int(step.flags["chmod"], 8) if re.fullmatch(r"[0-7]{3,4}", step.flags.get("chmod", "")) else entry.mode
    return replace(entry, owner=owner, mode=mode)
