"""`docker version` and `docker info`: what the program is."""

from __future__ import annotations

import sys

from ecrlab.standin.command import FORMAT, Call, Command
from ecrlab.standin.lab import store
from ecrlab.standin.output import VERSION, WHAT, out


def version(call: Call) -> None:
    """Print what the program is."""
    import platform

    os_arch = f"{sys.platform}/{platform.machine()}"
    if call.text("format"):
        from ecrlab.standin.show import printer

        client = {
            "Version": VERSION,
            "Platform": {"Name": WHAT},
            "Os": sys.platform,
            "Arch": platform.machine(),
            "Context": "default",
        }
        out(printer(call.text("format"))({"Client": client, "Server": None}))
        return
    out(f"Client: {WHAT}\n Version:           {VERSION}\n OS/Arch:           {os_arch}\n Context:           default\n")
    out("Server: none. Images are built, pushed and pulled; containers need an engine ('ecrlab doctor').")


def info(call: Call) -> None:
    """Print how many images are here, and where they lie."""
    images = store()
    if call.text("format"):
        from ecrlab.standin.show import printer

        document = {
            "Images": len(images.images()),
            "Containers": 0,
            "ServerVersion": "",
            "Name": WHAT,
            "DockerRootDir": str(images.root),
        }
        out(printer(call.text("format"))(document))
        return
    out(f"Client: {WHAT}\n Version:    {VERSION}\n Context:    default\n Debug Mode: false\n\nServer: none")
    out(
        f" Images: {len(images.images())}\n Storage: OCI image layout in {images.root}\n"
        " Insecure Registries:\n  127.0.0.0/8"
    )


COMMANDS = {
    "version": Command("[OPTIONS]", 0, 0, (FORMAT,), version),
    "info": Command("[OPTIONS]", 0, 0, (FORMAT,), info),
}
