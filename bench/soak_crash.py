"""Kill a store at random moments and look what is lost: `python bench/soak_crash.py --kills 1000`.

A child process pushes, deletes and collects garbage in several threads and says over a pipe what it begins and what is
done; its parent kills it with SIGKILL, opens the store, and checks that everything done is there, that nothing is half
there, and that a collection leaves exactly the files that are needed. Exit status 1 with what was wrong.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from ecrlab.store import Reference, Repository, Store, digest_of

#: Threads that push and delete, each in a repository of its own; they share the blobs.
PUSHERS = 3
#: Contents are drawn from so few that the threads and the garbage collection get in each other's way.
POOL = 40
TAGS = 6
GRACE = 0.25


def content(number: int) -> bytes:
    """The bytes of blob `number` of the pool: 300 bytes to 400 kB."""
    size = 300 if number % 4 else 10_000 * (number + 1)
    return hashlib.sha256(str(number).encode()).digest() * (size // 32 + 1)


def repository(store: Store, number: int) -> Repository:
    """Repository `number`, made when it is missing."""
    name = f"repository-{number}"
    return store.repository("soak", name) or store.create_repository("soak", name, now=0.0)


def work(path: Path, pipe: int, seed: int) -> None:
    """What the child does until it is killed."""
    store = Store.open(path)

    def say(*words: object) -> None:
        os.write(pipe, (json.dumps(words) + "\n").encode())

    def push_and_delete(number: int) -> None:
        choose = random.Random(seed * 100 + number)
        home = repository(store, number)
        while True:
            tag = f"tag-{choose.randrange(TAGS)}"
            if choose.random() < 0.25:
                found = store.manifest(home, tag)
                if found is not None:
                    say(number, "begin", "delete", found.digest)
                    store.delete_manifest(home, found.digest)
                    say(number, "done", "delete", found.digest)
                continue
            begun = time.monotonic()
            blobs = [content(choose.randrange(POOL)) for _ in range(3)]
            for blob in blobs:
                if store.blob(home, digest_of(blob)) is None:
                    upload = store.start_upload(home)
                    with upload.writing():
                        half = len(blob) // 2
                        upload.append(blob[:half])
                        upload.append(blob[half:])
                    store.finish_upload(upload, digest_of(blob))
            text = json.dumps({"blobs": [digest_of(blob) for blob in blobs], "salt": choose.randrange(3)}).encode()
            references = [Reference(digest_of(blob), "blob") for blob in blobs]
            say(number, "begin", "push", digest_of(text), tag)
            try:
                store.put_manifest(home, digest_of(text), "test/soak", text, references, tag=tag, now=0.0)
            except Exception as error:
                # Garbage collection may take what was pushed longer ago than it waits: only then is this right.
                if time.monotonic() - begun < GRACE:
                    say(number, "wrong", f"{type(error).__name__}: {error}")
                continue
            say(number, "done", "push", digest_of(text), tag)

    for number in range(PUSHERS):
        threading.Thread(target=push_and_delete, args=(number,), daemon=True).start()
    while True:
        store.collect_garbage(GRACE)
        time.sleep(0.001)


def check(path: Path, lines: list[list[Any]], known: list[dict[str, bool]], collect: bool) -> list[str]:
    """What is wrong after a kill; brings `known` (for each repository: digest -> there or not) up to date."""
    wrong = [str(line[2:]) for line in lines if line[1] == "wrong"]
    began = time.monotonic()
    store = Store.open(path)
    took = time.monotonic() - began
    if took > 5:
        wrong.append(f"opening took {took:.1f} s")
    needed: set[str] = set()
    for number in range(PUSHERS):
        home = repository(store, number)
        tags: dict[str, str] = {}
        open_ended: str | None = None
        for _, phase, *words in (line for line in lines if line[0] == number and line[1] != "wrong"):
            open_ended = words[1] if phase == "begin" else None
            if phase == "done":
                known[number][words[1]] = words[0] == "push"
                if words[0] == "push":
                    tags[words[2]] = words[1]
                else:
                    tags = {tag: digest for tag, digest in tags.items() if digest != words[1]}
        there = {manifest.digest: manifest for manifest in store.manifests(home)}
        for digest, expected in known[number].items():
            if digest != open_ended and (digest in there) != expected:
                wrong.append(f"{home.name}: {digest} is {'lost' if expected else 'back'}")
        known[number] = dict.fromkeys(there, True)
        now = dict(store.tags(home))
        for tag, digest in tags.items():
            if now.get(tag) != digest and open_ended is None:
                wrong.append(f"{home.name}: {tag} points at {now.get(tag)}, not at {digest}")
        for manifest in there.values():
            if digest_of(manifest.content) != manifest.digest:
                wrong.append(f"{home.name}: {manifest.digest} has other content")
            needed.update(json.loads(manifest.content)["blobs"])
            for digest in json.loads(manifest.content)["blobs"]:
                if store.blob(home, digest) is None:
                    wrong.append(f"{home.name}: {manifest.digest} is without its blob {digest}")
        for blob in store.blobs(home):
            if not blob.path.exists() or digest_of(blob.path.read_bytes()) != blob.digest:
                wrong.append(f"{home.name}: the file of {blob.digest} is missing or wrong")
    if list((path / "uploads").iterdir()):
        wrong.append("uploads are left over")
    if collect:
        store.collect_garbage(0.0)
        files = {f"sha256:{file.name}" for file in (path / "blobs" / "sha256").glob("*/*")}
        if files != needed:
            wrong.append(f"after a collection {len(files - needed)} files too many, {len(needed - files)} too few")
    store.close()
    return wrong


def read_all(descriptor: int, received: bytearray) -> None:
    """Everything that comes out of a pipe until its other end is closed."""
    with os.fdopen(descriptor, "rb") as pipe:
        received.extend(pipe.read())


def soak(path: Path, kills: int, seed: int, longest: float) -> tuple[int, list[str]]:
    """Kill `kills` times; returns the operations that were acknowledged and what was wrong."""
    choose = random.Random(seed)
    known: list[dict[str, bool]] = [{} for _ in range(PUSHERS)]
    done = 0
    for number in range(kills):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                work(path, writer, seed * 1_000_000 + number)
            finally:
                os._exit(70)
        os.close(writer)
        received = bytearray()
        drain = threading.Thread(target=read_all, args=(reader, received))
        drain.start()
        time.sleep(choose.uniform(0.01, longest))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        drain.join()
        if os.WIFEXITED(status):
            return done, [f"kill {number}: the child ended by itself"]
        complete = received[: received.rfind(b"\n") + 1]
        lines = [json.loads(line) for line in complete.splitlines()]
        done += sum(line[1] == "done" for line in lines)
        wrong = check(path, lines, known, collect=number % 10 == 9 or number == kills - 1)
        if wrong:
            return done, [f"kill {number} (seed {seed}): {text}" for text in wrong]
    return done, []


def main() -> int:
    """Run the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--longest", type=float, default=0.3, help="longest life of a child in seconds")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ecrlab-soak-") as folder:
        done, wrong = soak(Path(folder) / "store", options.kills, options.seed, options.longest)
    for line in wrong:
        print(line, file=sys.stderr)
    took = time.monotonic() - began
    print(
        f"{options.kills} kills, {done} acknowledged pushes and deletes, {len(wrong)} wrong, {took:.0f} s, "
        f"seed {options.seed}"
    )
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
