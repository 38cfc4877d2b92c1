"""An upload whose file has become a blob, and whose transaction then fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecrlab.store import NotFound, Store, StoreFull, digest_of


def test_a_transaction_that_fails_after_the_move_leaves_no_empty_blob(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"layer" * 1000
    digest = digest_of(content)
    with Store.open(tmp_path) as store:
        repository = store.create_repository("registry", "app", now=1.0)
        upload = store.start_upload(repository)
        with upload.writing():
            upload.append(content)

        def full(*arguments: Any) -> None:
            raise StoreFull(tmp_path)

        with monkeypatch.context() as patch:
            patch.setattr(store, "_link", full)
            with pytest.raises(StoreFull):
                store.finish_upload(upload, digest)
        assert store.blob(repository, digest) is None
        with pytest.raises(NotFound):
            store.finish_upload(upload, digest)
        assert store.put_blob(repository, content).path.read_bytes() == content
