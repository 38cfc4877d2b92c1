"""The uploads that are open: begun, and neither finished nor cancelled. They do not outlive the process."""

import contextlib
import secrets
import time
from pathlib import Path

from .errors import StoreError, UploadBusy
from .page_cache import PageCache
from .records import Repository
from .upload import Upload

#: Uploads kept open at once. Past it the one idle for longest is dropped, so that nobody can fill the memory.
MAX_UPLOADS = 4096
#: An upload idle for so many seconds (real time) is dropped by `Store.collect_garbage`.
UPLOAD_LIFE = 24 * 3600.0


class Uploads:
    """The open uploads of a store.

    Args:
        folder: where their bytes lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Upload] = {}
        self._page_cache = PageCache()

    def start(self, repository: Repository, algorithm: str) -> Upload:
        """Begin one, which hashes with `algorithm` while its bytes arrive. Raises StoreError: too many are written."""
        while len(self._open) >= MAX_UPLOADS:
            idle = min((u for u in list(self._open.values()) if not u.busy), key=lambda u: u.used, default=None)
            if idle is None:
                raise StoreError(f"{MAX_UPLOADS} uploads are being written at once; try again when some have ended")
            with contextlib.suppress(UploadBusy):
                self.cancel(idle)
        number = secrets.token_hex(16)
        upload = Upload(number, repository, self._folder / number, algorithm, self._page_cache)
        self._open[number] = upload
        return upload

    def get(self, repository: Repository, id: str) -> Upload | None:
        """Return an upload of this repository, or None."""
        upload = self._open.get(id)
        return upload if upload is not None and upload.repository.id == repository.id else None

    def has(self, upload: Upload) -> bool:
        """Tell whether an upload is still open."""
        return self._open.get(upload.id) is upload

    def drop(self, upload: Upload) -> None:
        """Forget an upload and its bytes. For whoever writes to it: `upload.writing()`."""
        self._open.pop(upload.id, None)
        upload.discard()

    def cancel(self, upload: Upload) -> None:
        """Forget an upload and its bytes; raises UploadBusy while somebody writes to it."""
        with upload.writing():
            self.drop(upload)

    def cancel_all(self, repository: Repository) -> None:
        """Cancel those of a repository that is gone."""
        for upload in [upload for upload in list(self._open.values()) if upload.repository.id == repository.id]:
            with contextlib.suppress(UploadBusy):  # whoever writes to it finds the repository gone when it finishes
                self.cancel(upload)

    def cancel_idle(self) -> int:
        """Cancel those that nobody used for `UPLOAD_LIFE`, and return how many."""
        limit, count = time.monotonic() - UPLOAD_LIFE, 0
        for upload in [upload for upload in list(self._open.values()) if upload.used < limit]:
            with contextlib.suppress(UploadBusy):
                self.cancel(upload)
                count += 1
        return count
