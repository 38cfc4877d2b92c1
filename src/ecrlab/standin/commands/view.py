"""`docker images`, `inspect` and `history`: what is here, and what it is."""

from __future__ import annotations

from ecrlab.standin.command import FORMAT, NO_TRUNC, PLATFORM, QUIET, Call, Command, Flag, UsageError
from ecrlab.standin.errors import DockerError, from_daemon, needs_engine
from ecrlab.standin.images import NoSuchImageError
from ecrlab.standin.lab import find, store
from ecrlab.standin.names import short
from ecrlab.standin.output import err, out


def images(call: Call) -> None:
    """Print the images that are here. Raises DockerError, UsageError."""
    from ecrlab.standin import show

    filters: dict[str, list[str]] = {}
    for text in call.texts("filter"):
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f'invalid argument "{text}" for "-f, --filter" flag: bad format of filter (expected name=value)'
            )
        if key not in ("dangling", "reference"):
            raise from_daemon(f"ECR Lab's stand-in for docker knows the filters dangling and reference, not '{key}'")
        filters.setdefault(key, []).append(value)
    rows = show.image_rows(store().images(), call.arguments[0] if call.arguments else "", filters)
    if not call.on("no-trunc"):
        for row in rows:
            row["ID"] = short(row["ID"])
    if call.on("quiet"):
        for id_ in dict.fromkeys(row["ID"] for row in rows):
            out(id_)
    elif call.text("format"):
        for line in show.formatted(rows, call.text("format"), "imageContext"):
            out(line)
    else:
        out(show.images_table(rows, digests=call.on("digests")))


def inspect_image(call: Call) -> int:
    """Print what images are; return 1 when one is missing."""
    return _inspect(call, "Error response from daemon: no such image: {0}: No such image: {1}")


def inspect(call: Call) -> int:
    """Print what objects are, of which only images are here; return 1 when one is missing."""
    if call.text("type", "image") != "image":
        raise needs_engine(f"docker inspect --type {call.text('type')}")
    return _inspect(call, "Error: No such object: {0}")


def _inspect(call: Call, missing: str) -> int:
    import json

    from ecrlab.standin import show
    from ecrlab.standin.template import TemplateError

    template = call.text("format")
    kept = store()
    documents, problems = [], []
    for text in call.arguments:
        try:
            documents.append(show.inspected(kept.find(text)))
        except NoSuchImageError as error:
            problems.append(missing.format(text, error))
    if not template:
        out(json.dumps([show.printed(item) for item in documents], indent=4, ensure_ascii=False) if documents else "[]")
    else:
        try:
            lines = [show.printer(template)(document) for document in documents]
        except TemplateError as error:
            if "executing" in str(error):
                out("")
            raise DockerError(str(error), 1 if "executing" in str(error) else 64) from error
        for line in lines or [""]:
            out(line)
    for problem in problems:
        err(problem)
    return 1 if problems else 0


def history(call: Call) -> None:
    """Print what an image was built from, line by line. Raises DockerError."""
    from ecrlab.standin import show

    whole = call.on("no-trunc")
    rows = show.history_rows(find(store(), call.arguments[0]), whole=whole)
    if call.on("quiet"):
        for row in rows:
            out(row["ID"])
    elif call.text("format"):
        for line in show.formatted(rows, call.text("format"), "historyContext"):
            out(line)
    else:
        out(show.history_table(rows))


_IMAGES = Command(
    "[OPTIONS] [REPOSITORY[:TAG]]",
    0,
    1,
    (QUIET, Flag("all", "a"), Flag("digests"), NO_TRUNC, Flag("format", "", True), Flag("filter", "f", True)),
    images,
)
_HISTORY = Command(
    "[OPTIONS] IMAGE", 1, 1, (QUIET, NO_TRUNC, Flag("human", "H"), Flag("format", "", True), PLATFORM), history
)

COMMANDS = {
    "images": _IMAGES,
    "image ls": _IMAGES,
    "image list": _IMAGES,
    "inspect": Command(
        "[OPTIONS] NAME|ID [NAME|ID...]", 1, None, (FORMAT, Flag("size", "s"), Flag("type", "", True)), inspect
    ),
    "image inspect": Command("[OPTIONS] IMAGE [IMAGE...]", 1, None, (FORMAT, PLATFORM), inspect_image),
    "history": _HISTORY,
    "image history": _HISTORY,
}
