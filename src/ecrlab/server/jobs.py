"""What the lab's process does by itself as long as it runs: rows to the disk, garbage, and the cloud's own work."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.ecs.agent import sweep
from ecrlab.store import Store
from ecrlab.xray import XRay

COLLECT_SECONDS = 600.0
# Seconds until what a request left to do is begun.
WORK_STEP = 0.1


async def run(cloud: Cloud, xray: XRay, stores: Collection[Store], stop: asyncio.Event) -> None:
    """Keep the X-ray, carry out the cloud's work and collect garbage until ``stop``."""
    keeping = [asyncio.create_task(xray.keep()), asyncio.create_task(_work(cloud))]
    try:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), COLLECT_SECONDS)
                break
            for store in stores:
                await asyncio.to_thread(store.collect_garbage)
    finally:
        for task in keeping:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _work(cloud: Cloud) -> None:
    """What the cloud does by itself: every second, and soon after something was added."""
    work, idle = cloud.work, 0.0
    await asyncio.to_thread(sweep, cloud)
    while True:
        await asyncio.sleep(WORK_STEP)
        idle += WORK_STEP
        if work.added.is_set() or idle >= 1.0:
            idle = 0.0
            await asyncio.to_thread(work.run, cloud)
