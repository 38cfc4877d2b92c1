"""How the listings of a store grow: `python bench/registry_growth.py`. Times at a quarter, half and all of the size.

Two shapes of the same number of images: many repositories of 25 images, and everything in one repository. The exponent
is that of a power of the number of images, from the last doubling; n log n is about 1.07 here.
"""

import argparse
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ecrlab.store import Reference, Repository, Store, digest_of


def fill(store: Store, home: Repository, count: int) -> None:
    """Push `count` images of two layers, of which one is shared by all, with one tag each."""
    with store.transaction():
        shared = store.put_blob(home, b"the base layer")
        for number in range(count):
            own = store.put_blob(home, b"%d of 7" % (number % 7))
            text = json.dumps({"number": number, "repository": home.name, "pad": "x" * 800}).encode()
            references = [Reference(shared.digest, "blob", "layer", 1), Reference(own.digest, "blob", "layer", 1)]
            store.put_manifest(home, digest_of(text), "manifest", text, references, tag=f"v{number}", now=float(number))


def timed(function: Callable[[], object]) -> float:
    """The shortest of three runs, in milliseconds."""
    best = math.inf
    for _ in range(3):
        began = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - began)
    return best * 1000


def reopen(path: Path) -> None:
    """Open and close, as a start does."""
    Store.open(path).close()


def measure(path: Path) -> dict[str, float]:
    """Milliseconds of each listing of a store."""
    result = {"open (start-up)": timed(lambda: reopen(path))}
    with Store.open(path) as store:
        homes = store.repositories("bench")
        middle = homes[len(homes) // 2]
        tag = store.tags(middle)[-1][0]
        result |= {
            "all repositories": timed(lambda: store.repositories("bench")),
            "100 repositories from the middle": timed(lambda: store.repositories("bench", "", middle.name, 100)),
            "all images of one repository": timed(lambda: store.manifests(middle)),
            "100 images of one repository": timed(lambda: store.manifests(middle, "sha256:8", 100)),
            "all tags of one repository": timed(lambda: store.tags(middle)),
            "one image by tag": timed(lambda: store.manifest(middle, tag)),
            "garbage collection, nothing to do": timed(store.collect_garbage),
        }
    return result


def main() -> int:
    """Run the program; returns its exit status: 1 when a listing grows faster than n log n."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    options = parser.parse_args()
    sizes = [options.images // 4, options.images // 2, options.images]
    # The exponent of n log n over the last doubling, with room for a shared machine's noise.
    allowed = 1 + math.log2(math.log(sizes[2]) / math.log(sizes[1])) + 0.25
    worse = False
    for shape, each in (("repositories of 25 images", 25), ("one repository", 0)):
        folder = Path(tempfile.mkdtemp(prefix="ecrlab-growth-"))
        try:
            columns, done = [], 0
            for size in sizes:
                with Store.open(folder / "store") as store:
                    if each:
                        for number in range(done // each, size // each):
                            fill(store, store.create_repository("bench", f"r-{number:05}", now=0.0), each)
                    else:
                        home = store.repository("bench", "all") or store.create_repository("bench", "all", now=0.0)
                        fill_more(store, home, done, size)
                done = size
                columns.append(measure(folder / "store"))
            megabytes = os.path.getsize(folder / "store" / "store.sqlite3") / 1e6
        finally:
            shutil.rmtree(folder)
        print(f"\n{sizes[-1]:,} images, {shape}: database {megabytes:.0f} MB\n")
        print("| milliseconds | " + " | ".join(f"{size:,}" for size in sizes) + " | exponent |")
        print("|---|" + "---|" * (len(sizes) + 1))
        for name in columns[0]:
            values = [column[name] for column in columns]
            exponent = math.log2(values[2] / values[1])
            slow = exponent > allowed and values[2] > 5.0
            worse = worse or slow
            numbers = " | ".join(f"{value:,.2f}" for value in values)
            print(f"| {name} | {numbers} | {exponent:.2f}{' (!)' if slow else ''} |")
    return bool(worse)


def fill_more(store: Store, home: Repository, first: int, last: int) -> None:
    """Push images `first` to `last` into one repository."""
    with store.transaction():
        layer = store.put_blob(home, b"the base layer")
        for number in range(first, last):
            text = json.dumps({"number": number, "pad": "x" * 800}).encode()
            reference = Reference(layer.digest, "blob", "layer", 1)
            store.put_manifest(home, digest_of(text), "manifest", text, [reference], tag=f"v{number}", now=0.0)


if __name__ == "__main__":
    raise SystemExit(main())
