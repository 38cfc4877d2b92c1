"""How the listings of a store grow: `python bench/registry_growth.py`. Times at a quarter, half and all of the size.

Two shapes of the same number of images: many repositories of 25 images, and everything in one repository. The exponent
is that of a power of the number of images, from the smallest size to the largest; n log n is about 1.1 here. `--write`
writes that part of bench/RESULTS.md.
"""

import argparse
import gc
import json
import math
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from results import record

from ecrlab.aws import ecr as _ecr  # noqa: F401 (it registers the operations)
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.host import Host
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.operations import HANDLERS, Call
from ecrlab.clock import Clock
from ecrlab.store import Reference, Repository, Store, digest_of

HEADING = "# How the listings grow"
ACCOUNT, REGION = "123456789012", "us-east-1"
REGISTRY = f"{ACCOUNT}/{REGION}"
SUBJECT = digest_of(b"the image that others refer to")
# A repository as CreateRepository makes it.
ATTRIBUTES = {
    "mutability": "MUTABLE",
    "exclusions": [],
    "scan_on_push": False,
    "encryption": {"encryptionType": "AES256"},
    "tags": [],
    "policy": None,
}


def fill(store: Store, home: Repository, count: int) -> None:
    """Push `count` images of two layers, of which one is shared by all, with one tag each; every other one refers to
    SUBJECT."""
    with store.transaction():
        shared = store.put_blob(home, b"the base layer")
        for number in range(count):
            own = store.put_blob(home, b"%d of 7" % (number % 7))
            text = json.dumps({"number": number, "repository": home.name, "pad": "x" * 800}).encode()
            references = [Reference(shared.digest, "blob", "layer", 1), Reference(own.digest, "blob", "layer", 1)]
            subject = SUBJECT if number % 2 else None
            store.put_manifest(
                home, digest_of(text), "manifest", text, references, subject, tag=f"v{number}", now=float(number)
            )


def timed(function: Callable[[], object]) -> float:
    """The shortest of nine runs (three, of one that takes long), in milliseconds.

    Python's collector is off: its full passes would be charged to whichever listing they fall into.
    """
    best, began = math.inf, time.perf_counter()
    gc.collect()
    gc.disable()
    try:
        for run in range(9):
            if run > 2 and time.perf_counter() - began > 1.0:
                break
            start = time.perf_counter()
            function()
            best = min(best, time.perf_counter() - start)
    finally:
        gc.enable()
    return best * 1000


def pages(cloud: Cloud, operation: str, **parameters: object) -> int:
    """Follow a listing of the ECR API to its end, 1,000 a page (the most it gives); returns the number of pages."""
    principal = Principal("user", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/admin", "AIDAX", "admin", "AIDAX", "AKIAX")
    token, count = None, 0
    while token is not None or count == 0:
        asked = {**parameters, "maxResults": 1000} | ({"nextToken": token} if token else {})
        call = Call(cloud, principal, "ecr", operation, asked, REGION, 0.0, "localhost", "127.0.0.1", "bench")
        token, count = (HANDLERS["ecr", operation](call) or {}).get("nextToken"), count + 1
    return count


def tag_pages(store: Store, home: Repository) -> int:
    """Follow /v2/NAME/tags/list to its end, 100 a page; returns the number of pages."""
    last, count = None, 0
    while count == 0 or last is not None:
        found = store.tags(home, last, 101)
        last, count = (found[99][0] if len(found) > 100 else None), count + 1
    return count


def reopen(path: Path) -> None:
    """Open and close, as a start does."""
    Store.open(path).close()


def measure(path: Path) -> dict[str, float]:
    """Milliseconds of each listing of a store."""
    result = {"open (start-up)": timed(lambda: reopen(path))}
    with Store.open(path) as store:
        cloud = Cloud(store, Clock(store), Host())
        homes = store.repositories(REGISTRY)
        middle = homes[len(homes) // 2]
        tag = store.tags(middle)[-1][0]
        images = store.manifests(middle)
        half = (images[len(images) // 2].pushed_at, images[len(images) // 2].digest)
        result |= {
            "all repositories": timed(lambda: store.repositories(REGISTRY)),
            "100 repositories from the middle": timed(lambda: store.repositories(REGISTRY, "", middle.name, 100)),
            "all images of one repository": timed(lambda: store.manifests(middle)),
            "100 images of one repository": timed(lambda: store.manifests(middle, half, 100)),
            "all tags of one repository": timed(lambda: store.tags(middle)),
            "one image by tag": timed(lambda: store.manifest(middle, tag)),
            "DescribeRepositories, all pages": timed(lambda: pages(cloud, "DescribeRepositories")),
            "ListImages of one repository, all pages": timed(
                lambda: pages(cloud, "ListImages", repositoryName=middle.name)
            ),
            "DescribeImages of one repository, all pages": timed(
                lambda: pages(cloud, "DescribeImages", repositoryName=middle.name)
            ),
            "/v2/ tags of one repository, 100 a page": timed(lambda: tag_pages(store, middle)),
            "ListImageReferrers of one image, all pages": timed(
                lambda: pages(
                    cloud, "ListImageReferrers", repositoryName=middle.name, subjectId={"imageDigest": SUBJECT}
                )
            ),
            "garbage collection, nothing to do": timed(store.collect_garbage),
        }
    return result


def main() -> int:
    """Run the program; returns its exit status: 1 when a listing grows faster than n log n."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--write", action="store_true", help="write that part of bench/RESULTS.md")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    lines: list[str] = []
    sizes = [options.images // 4, options.images // 2, options.images]
    # The exponent of n log n from the smallest size to the largest, with room for a shared machine's noise.
    allowed = 1 + math.log(math.log(sizes[2]) / math.log(sizes[0]), 4) + 0.25
    worse = False
    for shape, each in (("repositories of 25 images", 25), ("one repository", 0)):
        folder = Path(tempfile.mkdtemp(prefix="ecrlab-growth-"))
        try:
            columns, done = [], 0
            for size in sizes:
                with Store.open(folder / "store") as store:
                    if each:
                        for number in range(done // each, size // each):
                            fill(store, store.create_repository(REGISTRY, f"r-{number:05}", ATTRIBUTES, now=0.0), each)
                    else:
                        home = store.repository(REGISTRY, "all")
                        home = home or store.create_repository(REGISTRY, "all", ATTRIBUTES, now=0.0)
                        fill_more(store, home, done, size)
                done = size
                columns.append(measure(folder / "store"))
            megabytes = os.path.getsize(folder / "store" / "store.sqlite3") / 1e6
        finally:
            shutil.rmtree(folder)
        lines += ["", f"{sizes[-1]:,} images, {shape}: database {megabytes:.0f} MB", ""]
        lines += [
            "| milliseconds | " + " | ".join(f"{size:,}" for size in sizes) + " | exponent |",
            "|---|" + "---|" * (len(sizes) + 1),
        ]
        for name in columns[0]:
            values = [column[name] for column in columns]
            exponent = math.log(values[2] / values[0], 4)
            slow = exponent > allowed and values[2] > 5.0
            worse = worse or slow
            numbers = " | ".join(f"{value:,.2f}" for value in values)
            lines.append(f"| {name} | {numbers} | {exponent:.2f}{' (!)' if slow else ''} |")
    text = "\n".join(
        [
            HEADING,
            "",
            "Written by `python bench/registry_growth.py --write`. Shortest of nine runs. The exponent is that of "
            "the growth from the first size to the last: 1 is linear, n log n about 1.1; (!) marks one that is worse, "
            "with 0.25 for noise.",
            f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {platform.python_version()}, load average "
            f"before and after {before:.1f} and {os.getloadavg()[0]:.1f}.",
            *lines,
            "",
        ]
    )
    print(text)
    if options.write:
        record(text)
    return bool(worse)


def fill_more(store: Store, home: Repository, first: int, last: int) -> None:
    """Push images `first` to `last` into one repository."""
    with store.transaction():
        layer = store.put_blob(home, b"the base layer")
        for number in range(first, last):
            text = json.dumps({"number": number, "pad": "x" * 800}).encode()
            reference = Reference(layer.digest, "blob", "layer", 1)
            subject = SUBJECT if number % 2 else None
            store.put_manifest(
                home, digest_of(text), "manifest", text, [reference], subject, tag=f"v{number}", now=float(number)
            )


if __name__ == "__main__":
    raise SystemExit(main())
