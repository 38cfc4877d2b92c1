"""What every end point does first: the backend is asked, and the repository is looked up."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from ecrlab.oci.backend import Access, Entrance, G, Key, Operation
from ecrlab.oci.endpoints.call import Call
from ecrlab.oci.error import OciError
from ecrlab.store import Kept, Repository, Store

_T = TypeVar("_T")


class Gate(Generic[G]):
    """Lets requests in, and has the threads in which they wait for the disk.

    Args:
        store: where everything is kept.
        entrance: whom it asks.
    """

    def __init__(self, store: Store, entrance: Entrance[G]) -> None:
        self.store, self.entrance = store, entrance
        self._repositories: Kept[Key, Repository | None] = Kept(store)
        # Threads for what blocks on the disk. One per core would leave others waiting behind a slow sync.
        self.executor = ThreadPoolExecutor(16, "ecrlab-store")

    async def authorize(
        self, call: Call, operation: Operation, source: Key | None = None, reference: str | None = None
    ) -> tuple[G, Repository]:
        """Ask the backend, and return its grant and the repository.

        Raises:
            OciError: the backend refuses; there is no such repository (404 NAME_UNKNOWN).
        """
        grant, repository = await self.look(call, operation, source, reference)
        if repository is None:
            raise OciError(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": call.name})
        return grant, repository

    async def look(
        self, call: Call, operation: Operation, source: Key | None = None, reference: str | None = None
    ) -> tuple[G, Repository | None]:
        """Ask the backend, and return its grant and the repository, None when there is none.

        Args:
            call: the request.
            operation: what it wants to do.
            source: for a mount, the key of the repository that has the blob.
            reference: what the operation is about, where the path does not end with it.

        Raises:
            OciError: the backend refuses.
        """
        access = Access(operation, *call.key, reference or call.reference or None, source)
        grant = await self.entrance.authorize(call.request, access)
        return grant, self._repositories.get(call.key, lambda: self.store.repository(*call.key))

    async def run(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call a function that waits for the disk in a thread, and return what it returns."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, function, *arguments)
