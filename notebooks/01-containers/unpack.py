"""Unpack the layers of an image that `docker save` wrote, one over the other: python unpack.py IMAGE.tar FOLDER."""

import io
import json
import sys
import tarfile
from pathlib import Path


def read(archive: tarfile.TarFile, name: str) -> bytes:
    """Return a file of an archive."""
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


source, folder = sys.argv[1:]
Path(folder).mkdir(exist_ok=True)
with tarfile.open(source) as image:
    for name in json.loads(read(image, "manifest.json"))[0]["Layers"]:
        with tarfile.open(fileobj=io.BytesIO(read(image, name))) as layer:
            for file in layer.getmembers():
                target = Path(folder, file.name)
                if not file.isdir() and (target.exists() or target.is_symlink()):
                    target.unlink()
                layer.extract(file, folder, filter="tar")
