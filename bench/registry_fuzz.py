"""Bad requests against a registry: `python bench/registry_fuzz.py --requests 100000`.

Paths, queries, headers, digests, ranges and bodies are drawn at random from good and bad pieces. Exit status 1 when an
answer is 5xx, the server logs a traceback or grows, a file appears outside its folder, or it no longer serves.
"""

import argparse
import http.client
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMES = ["team/web", "a", "team/web", "Upper", "a//b", "../x", "%2e%2e/%2e%2e/etc", "a%00b", "é", "b/uploads"]
NAMES += ["blobs/uploads", "manifests/latest", "-", "_catalog", "a/./b", "%ff%fe", "😀", "%f0%9f%98%80", ""]
NAMES += ["x" * 300, "a" * 9000]
GOOD = [
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # of nothing
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",  # of {}
]
BAD = ["sha256:", "md5:00", "sha256:../../../../../../etc/passwd", "latest", "v1", "%00", "..", ".", "%2e%2e", "�"]
DIGESTS = GOOD * 2 + BAD + ["", "a" * 128, "a" * 129, *(f"sha256:{character * 64}" for character in "0A")]
DIGESTS += ["sha512:" + "1" * 128, "sha256%3A" + "0" * 64, "sha256:" + "0" * 9000]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "GET", "PUT", "POST", "OPTIONS", "TRACE", "FOO", "get"]
OCI = "application/vnd.oci.image"
HEADERS = {
    "Range": [
        "bytes=0-0",
        "bytes=-1",
        "bytes=5-1",
        "bytes=x",
        "bytes=0-1,3-4",
        "bytes=99999999999999999999-",
        "bytes=-0",
    ],
    "Content-Range": ["0-0", "0-1", "5-9", "bytes 0-1/2", "-", "1-0", "99999999999999999999-1", "0-99999999999999"],
    "Content-Type": [
        f"{OCI}.manifest.v1+json",
        f"{OCI}.index.v1+json",
        "text/plain",
        "",
        ";",
        "a/b; charset=x",
        "\xff",
    ],
    "Accept": ["*/*", "", f"{OCI}.manifest.v1+json", ",;,"],
    "Content-Encoding": ["gzip", "deflate", "br", "nonsense"],
    "Accept-Encoding": ["gzip", "*"],
    "If-None-Match": ["*", '"x"', "x", f'"{GOOD[0]}"'],
    "If-Range": ["x", '"x"'],
    "Authorization": ["Basic", "Basic !!!", "Bearer x", "Basic QVdTOng="],
    "Expect": ["100-continue", "other"],
    "X-Long": ["x" * 7000],
}
QUERIES = ["n=1", "n=0", "n=-1", "n=1e9", "last=%ff", "last=\ud800", "mount=x&from=y", "digest=", "artifactType=%00"]
QUERIES += ["artifactType=%ff", "&&&==", "%", "digest-algorithm=sha512", "digest-algorithm=x", "n=2&n=3", "last=%zz"]


def document(choose: random.Random) -> bytes:
    """A manifest, or nearly one."""

    def some() -> object:
        return choose.choice(
            [
                2,
                1,
                0,
                -1,
                True,
                None,
                "",
                "x",
                "\ud800",
                [],
                {},
                [[]],
                10**25,
                1.5,
                GOOD[0],
                "application/json",
                {"a": "b"},
            ]
        )

    def entry() -> object:
        if choose.random() < 0.2:
            return some()
        result: dict[str, object] = {
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": choose.choice(GOOD),
            "size": 0,
        }
        if choose.random() < 0.3:
            result[choose.choice(["mediaType", "digest", "size", "urls", "annotations"])] = some()
        return result

    result: dict[str, object] = {"schemaVersion": 2, "config": entry()}
    result[choose.choice(["layers", "manifests", "blobs"])] = [entry() for _ in range(choose.randrange(4))]
    for key in ("mediaType", "subject", "annotations", "artifactType", "schemaVersion", "config", "layers"):
        if choose.random() < 0.15:
            result[key] = some() if choose.random() < 0.5 else entry()
    text = json.dumps(result).encode()
    return text if choose.random() < 0.9 else text[: choose.randrange(len(text) + 1)]


def request(choose: random.Random, locations: list[str]) -> tuple[bytes, bool]:
    """One request as bytes, now and then one that is not HTTP; and whether the server may wait for more."""
    name, digest = choose.choice(NAMES), choose.choice(DIGESTS)
    path = choose.choice(
        [f"/v2/{name}/blobs/{digest}", f"/v2/{name}/manifests/{digest}", f"/v2/{name}/blobs/uploads/",
         f"/v2/{name}/blobs/uploads/?digest={digest}", f"/v2/{name}/blobs/uploads/{digest}", f"/v2/{name}/tags/list",
         f"/v2/{name}/referrers/{digest}", f"/v2/{name}/blobs/uploads/?mount={digest}&from={choose.choice(NAMES)}",
         "/v2/", "/v2", "/v2/_catalog", f"/v2/{name}", "/", "//v2//", f"/{name}", choose.choice(locations or ["/v2/"]),
         choose.choice(locations or ["/v2/"]) + f"?digest={digest}"]
    )  # fmt: skip
    query = choose.choice(QUERIES) if choose.random() < 0.3 else ""
    if query:
        path += ("&" if "?" in path else "?") + query
    body = choose.choice([b"", b"", b"{}", b"x" * 70_000, choose.randbytes(100), document(choose), document(choose)])
    lines = [f"{choose.choice(METHODS)} {path} HTTP/1.1", "Host: 127.0.0.1"]
    for header in choose.sample(sorted(HEADERS), choose.randrange(4)):
        lines.append(f"{header}: {choose.choice(HEADERS[header])}")
    draw = choose.random()
    if draw < 0.8:
        lines.append(f"Content-Length: {len(body)}")
    elif draw < 0.9:
        lines.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body and choose.random() < 0.7 else b"zz\r\n" + body
    elif draw < 0.97:
        lines.append(f"Content-Length: {choose.choice([-1, 'x', max(len(body) - 5, 0), 10**30])}")
    else:
        lines.append(f"Content-Length: {choose.choice([len(body) + 5, 10**17])}")
    raw = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogatepass") + body
    broken = choose.random() < 0.02
    if broken:
        at = choose.randrange(len(raw))
        raw = raw[:at] + choose.randbytes(3) + raw[at:]
    return raw, broken or draw >= 0.8


def resident(pid: int) -> float:
    """VmRSS in MiB (Linux)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def exchange(port: int, raw: bytes, open_ended: bool = False) -> tuple[int, str, bytes]:
    """Send bytes; status, Location and body of the answer, 0 when none came."""
    with socket.create_connection(("127.0.0.1", port), timeout=0.2 if open_ended else 30) as connection:
        try:
            connection.sendall(raw)
            response = http.client.HTTPResponse(connection, method=raw.split(b" ", 1)[0].decode("latin-1"))
            response.begin()
            return response.status, response.headers.get("Location", ""), response.read()
        except (OSError, http.client.HTTPException):
            return 0, "", b""


def main() -> int:
    """Run the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    options = parser.parse_args()
    choose, wrong = random.Random(options.seed), []
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-fuzz-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "ecrlab.oci", "--root", str(folder / "inside" / "store"), "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(400):
            if _answers(port):
                break
            time.sleep(0.05)
        locations: list[str] = []
        statuses: dict[int, int] = {}
        warm = 0.0
        began = time.monotonic()
        for number in range(options.requests):
            raw, open_ended = request(choose, locations)
            status, location, body = exchange(port, raw, open_ended)
            statuses[status] = statuses.get(status, 0) + 1
            if status == 0 and not open_ended:
                wrong.append(f"no answer to {raw[:300]!r}")
            if status >= 500:
                wrong.append(f"{status} for {raw[:300]!r}: {body[:200]!r}")
            if status == 202 and "/uploads/" in location:
                locations = [*locations[-20:], location]
            if number == options.requests // 4:
                warm = resident(process.pid)
            if len(wrong) > 10:
                break
        grown = resident(process.pid) - warm
        took = time.monotonic() - began
        if warm and grown > 24:
            wrong.append(f"memory grew by {grown:.0f} MiB in the last three quarters")
        if exchange(port, b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")[0] != 200:
            wrong.append("it no longer serves")
        if (
            sorted(path.name for path in folder.iterdir()) != ["inside", "log"]
            or len(list((folder / "inside").iterdir())) > 1
        ):
            wrong.append("a file lies outside the store's folder")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        text = (folder / "log").read_text("utf-8", "replace")
        shutil.rmtree(folder)
    if "Traceback" in text or "Error handling" in text:
        wrong.append("the log has a traceback: " + text[:3000])
    for line in wrong:
        print(line, file=sys.stderr)
    counts = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(statuses.items()))
    print(f"{options.requests} requests in {took:.0f} s, seed {options.seed}: {counts}; memory {grown:+.1f} MiB")
    return bool(wrong)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    raise SystemExit(main())
