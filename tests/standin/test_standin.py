"""The stand-in by itself: what a machine without an engine sees."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import re
import resource
import statistics
import subprocess
import tarfile
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from urllib.parse import urljoin

import pytest
from front import Fault

from conftest import World
from ecrlab.standin import commands, install
from ecrlab.standin.cli import FILE_OF
from ecrlab.standin.dockerfile import expand, words
from ecrlab.standin.names import NameFormatError, parse
from ecrlab.standin.sizes import human
from ecrlab.standin.template import TemplateError, render


@pytest.fixture
def app(standin: World, request: pytest.FixtureRequest) -> World:
    """The stand-in, logged in, with an empty store and a folder `app` to build from."""
    standin.run("docker rmi -f $(docker images -q); rm -rf app; mkdir -p app")
    (standin.folder / "app" / "index.html").write_text(f"{request.node.name}\n")
    (standin.folder / "app" / "Dockerfile").write_text("FROM scratch\nCOPY index.html /www/index.html\n")
    standin.login()
    return standin


def test_it_says_what_it_is(standin: World) -> None:
    for command in ("docker --version", "docker version", "docker info", "docker"):
        done = standin.run(command)
        assert done.code == 0
        assert "ECR Lab's stand-in for docker: no engine here" in "\n".join(done.out)
    assert standin.run("docker version -f '{{.Client.Version}}'").out == ["0.1"]


@pytest.mark.parametrize(
    "command",
    ["images", "pull localhost:4510/web", "push localhost:4510/web", "build .", "login -u AWS localhost:4510"],
)
def test_without_a_lab_it_says_so(standin: World, command: str, tmp_path: Path) -> None:
    """Not "no such image" or "no basic auth credentials", and nothing is left in the working folder."""
    if any((folder / ".ecrlab").is_dir() for folder in tmp_path.parents):
        pytest.skip("there is a lab above the temporary folder")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    plain = {name: text for name, text in standin.environment.items() if name not in ("ECRLAB_HOME", "DOCKER_CONFIG")}

    def docker(line: str) -> subprocess.CompletedProcess[str]:
        words = ["docker", *line.split()]
        return subprocess.run(words, env=plain, cwd=tmp_path, input="x", capture_output=True, text=True, check=False)

    done = docker(command)
    assert done.returncode == 125
    assert "ECRLAB_HOME is not set" in done.stderr
    assert 'eval "$(ecrlab env)"' in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["Dockerfile"]
    assert docker("version").returncode == 0
    (tmp_path / ".ecrlab").mkdir()
    assert docker("images").returncode == 0


@pytest.mark.parametrize(
    "command", ["run --rm x", "exec a b", "ps", "stats", "diff a", "compose up", "buildx build .", "volume ls"]
)
def test_what_needs_an_engine_is_refused(standin: World, command: str) -> None:
    done = standin.run(f"docker {command}")
    assert done.code == 125
    assert done.out == []
    assert len(done.err) == 1
    assert "needs a container engine" in done.err[0]
    assert "ecrlab doctor" in done.err[0]


def test_each_command_is_found_in_the_file_that_has_it() -> None:
    files = {file.name: import_module(f"{commands.__name__}.{file.name}") for file in iter_modules(commands.__path__)}
    assert {name: file for file, module in files.items() for name in module.COMMANDS} == FILE_OF


def test_run_in_a_dockerfile_is_refused_before_anything_is_built(app: World) -> None:
    (app.folder / "app" / "Dockerfile").write_text("FROM scratch\nCOPY index.html /\nRUN echo hello\n")
    done = app.run("docker build -t x:1 app")
    assert done.code == 1
    assert done.err[0] == "Dockerfile, line 3: RUN echo hello"
    assert "RUN needs a container engine" in done.err[1]
    assert app.run("docker images -q").out == []


def test_only_this_computer_is_spoken_to(app: World) -> None:
    app.run("docker build -q -t web:1 app")
    for command in (
        "docker push web:1",
        "docker pull alpine",
        "docker login -u a -p b registry.example.com",
        "docker login -u a -p b",
    ):
        done = app.run(command)
        assert done.code == 1
        assert "only to registries on this computer" in done.err[-1]
    assert app.run("docker push web:1").out == ["The push refers to repository [docker.io/library/web]"]
    (app.folder / "app" / "Dockerfile").write_text("FROM node:22-alpine\nCOPY index.html /\n")
    assert "docker.io" in app.run("docker build app").err[-1]
    # A registry on this computer cannot send the stand-in elsewhere either.
    app.run("docker tag web:1 $R/away:1; docker push -q $R/away:1; docker rmi -f web:1 $R/away:1")
    away = Fault("GET", "/blobs/", 307, headers={"Location": "http://example.com/x"})
    assert "only plain http to this computer" in app.run("docker pull $R/away:1", (away,)).err[-1]


def test_its_user_agent(app: World) -> None:
    app.run("docker build -q -t $R/agent:1 app; docker push -q $R/agent:1")
    app.front.seen.clear()
    subprocess.run(
        ["docker", "pull", app.environment["R"] + "/agent:1"], env=app.environment, check=True, capture_output=True
    )
    assert {agent for *_, agent in app.front.seen} == {"ecrlab-standin/0.1 (docker stand-in)"}


def test_start_up_is_quick(standin: World) -> None:
    """Measured in seconds of processor time, which other programs on the machine do not lengthen much."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(["docker", "images"], env=standin.environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert statistics.median(times) < 0.25


def test_equal_input_gives_equal_digests(app: World, tmp_path: Path) -> None:
    first = app.run("docker build -q -t $R/same:1 app; docker push $R/same:1 | tail -1")
    manifest = json.loads((Path(app.environment["ECRLAB_HOME"]) / "standin" / "index.json").read_text())["manifests"][
        0
    ]["digest"]
    os.utime(app.folder / "app" / "index.html", (1, 1))
    other = {**app.environment, "ECRLAB_HOME": str(tmp_path)}
    command = (
        "docker build -q -t $R/same:1 app >/dev/null; docker inspect -f '{{.Id}}' $R/same:1; docker push $R/same:1"
    )
    done = subprocess.run(
        ["bash", "-c", command], env=other, cwd=app.folder, capture_output=True, text=True, check=True
    )
    assert f"1: digest: {manifest} size:" in done.stdout
    assert first.out[-1].startswith("1: digest: sha256:<hex> size:")
    ours = subprocess.run(
        ["docker", "inspect", "-f", "{{.Id}}", app.environment["R"] + "/same:1"],
        env=app.environment,
        capture_output=True,
        text=True,
    )
    assert ours.stdout.strip() in done.stdout


def test_the_layout_is_an_oci_layout(app: World) -> None:
    app.run("docker build -q -t web:1 app; docker tag web:1 web:2")
    root = Path(app.environment["ECRLAB_HOME"]) / "standin"
    assert json.loads((root / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((root / "index.json").read_text())
    assert {entry["annotations"]["org.opencontainers.image.ref.name"] for entry in index["manifests"]} == {
        "docker.io/library/web:1",
        "docker.io/library/web:2",
    }
    for blob in (root / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    app.run("docker rmi -f web:1 web:2")
    assert list((root / "blobs" / "sha256").iterdir()) == []


def test_many_processes_at_once_lose_nothing(app: World) -> None:
    def work(number: int) -> list[str]:
        folder = app.folder / f"many{number}"
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /x/\n")
        errors = []
        for turn in range(4):
            (folder / "data").write_text(f"{number} {turn}")
            commands = [f"build -q -t many:{number}-{turn} {folder}", f"tag many:{number}-{turn} many:{number}-last"]
            if turn % 2:
                commands.append(f"rmi many:{number}-{turn - 1}")
            for command in commands:
                done = subprocess.run(["docker", *command.split()], env=app.environment, capture_output=True, text=True)
                errors += [f"{command}: {done.stderr}"] if done.returncode else []
        return errors

    with ThreadPoolExecutor(6) as pool:
        assert [error for errors in pool.map(work, range(6)) for error in errors] == []
    tags = set(app.run("docker images --format '{{.Tag}}' many").out)
    assert tags == {f"{number}-{end}" for number in range(6) for end in ("1", "3", "last")}
    assert app.run("docker save $(docker images -q) | tar t | grep -c layer.tar").out == ["12"]


def test_a_changed_blob_is_not_believed(app: World) -> None:
    app.run("docker build -q -t $R/bad:1 app; docker push -q $R/bad:1; docker rmi -f $R/bad:1")
    wrong = Fault("GET", "/blobs/", 200, "DENIED", "not what was asked for")
    done = app.run("docker pull $R/bad:1", (wrong,))
    assert done.code == 1
    assert "verification failed for digest" in done.err[-1]
    assert app.run("docker images -q").out == []
    assert app.run("docker pull -q $R/bad:1").code == 0


def put_by_hand(app: World, layer: bytes, diff_ids: list[str]) -> None:
    """Put an image `hand:1` of one layer, whose config says what is given of its layers."""
    host, _, account = app.environment["R"].partition("/")
    base = f"http://{host}/v2/{account}/hand"
    login = "Basic " + base64.b64encode(b"AWS:secret").decode()

    def ask(method: str, url: str, data: bytes = b"", kind: str = "application/octet-stream") -> str:
        head = {"Authorization": login, "Content-Type": kind}
        with urllib.request.urlopen(urllib.request.Request(url, data, head, method=method)) as answer:
            return str(answer.headers.get("Location", ""))

    def entry(kind: str, data: bytes) -> dict[str, object]:
        place = urljoin(base, ask("POST", base + "/blobs/uploads/"))
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "size": len(data), "digest": digest}

    page = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2, "mediaType": kind, "config": entry("config.v1+json", json.dumps(page).encode()),
        "layers": [entry("layer.v1.tar+gzip", layer)],
    }  # fmt: skip
    ask("PUT", base + "/manifests/1", json.dumps(manifest).encode(), kind)


def test_a_layer_that_is_not_what_the_config_says_is_not_taken(app: World) -> None:
    box = io.BytesIO()
    with tarfile.open(fileobj=box, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a"))
    unpacked = "sha256:" + hashlib.sha256(box.getvalue()).hexdigest()
    packed = gzip.compress(box.getvalue(), mtime=0)
    for diff_ids in (["sha256:" + hashlib.sha256(packed).hexdigest()], []):
        put_by_hand(app, packed, diff_ids)
        done = app.run("docker pull $R/hand:1")
        assert (done.code, done.err[-1]) == (1, "layers from manifest don't match image configuration")
        assert app.run("docker images -q").out == []
    put_by_hand(app, b"not a tar", [unpacked])
    assert app.run("docker pull $R/hand:1").err[-1] == "failed to register layer: archive/tar: invalid tar header"
    put_by_hand(app, packed[:-9], [unpacked])
    assert app.run("docker pull $R/hand:1").err[-1] == "failed to register layer: unexpected EOF"
    put_by_hand(app, packed, [unpacked])
    assert app.run("docker pull -q $R/hand:1").code == 0
    put_by_hand(app, box.getvalue(), [unpacked])
    assert app.run("docker pull -q $R/hand:1").code == 0


def test_an_interrupted_push_names_nothing(app: World) -> None:
    app.run("docker build -q -t $R/half:1 app")
    done = app.run("docker push $R/half:1", (Fault("PUT", "uploads", 500),))
    assert done.err == ["received unexpected HTTP status: 500 Internal Server Error"]
    assert all(method != "PUT" or "manifests" not in path for method, path, _ in done.requests)
    assert app.run("docker push -q $R/half:1").code == 0


def test_an_index_gives_the_platform_asked_for(app: World) -> None:
    entries = []
    for architecture in ("s390x", "riscv64"):
        app.run(f"docker build -q --platform linux/{architecture} -t $R/multi:{architecture} app")
        digest = re.search(
            r"sha256:[0-9a-f]{64}",
            subprocess.run(
                ["docker", "push", app.environment["R"] + f"/multi:{architecture}"],
                env=app.environment,
                capture_output=True,
                text=True,
            ).stdout,
        )
        assert digest
        size = (Path(app.environment["ECRLAB_HOME"]) / "standin/blobs/sha256" / digest[0][7:]).stat().st_size
        entries.append(
            {
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "digest": digest[0],
                "size": size,
                "platform": {"os": "linux", "architecture": architecture},
            }
        )
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    (app.folder / "index.json").write_text(json.dumps(index))
    kind = "application/vnd.oci.image.index.v1+json"
    put = f"curl -sf -u AWS:secret -XPUT -H 'Content-Type: {kind}' --data-binary @index.json"
    assert app.run(f"{put} http://${{R/\\//\\/v2\\/}}/multi/manifests/all").code == 0
    app.run("docker rmi -f $(docker images -q)")
    done = app.run("docker pull $R/multi:all")
    assert re.fullmatch(r"no matching manifest for linux/\w+ in the manifest list entries", done.err[-1])
    assert app.run("docker pull -q --platform linux/riscv64 $R/multi:all").code == 0
    assert app.run("docker inspect -f '{{.Os}}/{{.Architecture}}' $R/multi:all").out == ["linux/riscv64"]


@pytest.fixture
def bearer(standin: World) -> Iterator[tuple[World, list[tuple[str, str | None]]]]:
    """A front that hands out tokens, as Docker Hub does; it knows one image and notes (path, Authorization)."""
    config = json.dumps(
        {"os": "linux", "architecture": "amd64", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    ).encode()
    config_digest = "sha256:" + hashlib.sha256(config).hexdigest()
    kind = "application/vnd.oci.image.manifest.v1+json"
    descriptor = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": len(config)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": descriptor, "layers": []}).encode()
    digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            authorization = self.headers.get("Authorization")
            seen.append((self.path, authorization))
            body, status, extra = b"{}", 200, {}
            if self.path.startswith("/token"):
                right = authorization in (None, "Basic " + base64.b64encode(b"me:mine").decode())
                status, body = (200, b'{"token": "t1"}') if right else (401, b"")
            elif authorization != "Bearer t1":
                status, extra = 401, {"WWW-Authenticate": 'Bearer realm="http://localhost:5540/token",service="hub"'}
            elif "/manifests/" in self.path:
                body, extra = manifest, {"Docker-Content-Digest": digest, "Content-Type": kind}
            elif "/blobs/" in self.path:
                body = config
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 5540), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield standin, seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_registry_with_tokens(bearer: tuple[World, list[tuple[str, str | None]]]) -> None:
    world, seen = bearer
    assert world.run("docker pull -q localhost:5540/a/b:1").code == 0
    asked = [path for path, _ in seen if path.startswith("/token")]
    assert asked == ["/token?service=hub&scope=repository%3Aa%2Fb%3Apull"]
    wrong = world.run("echo x | docker login -u me --password-stdin localhost:5540")
    assert wrong.code == 1
    assert wrong.err == [
        'Error response from daemon: Get "http://localhost:5540/v2/": unauthorized: authentication required'
    ]
    assert world.run("echo mine | docker login -u me --password-stdin localhost:5540").out == ["Login Succeeded"]
    world.run("docker logout localhost:5540; docker rmi -f localhost:5540/a/b:1")


def test_two_profiles_share_images_and_not_logins(app: World, tmp_path: Path) -> None:
    app.run("docker build -q -t web:1 app")
    ci = {**app.environment, "DOCKER_CONFIG": str(tmp_path / "ci")}
    command = "docker tag web:1 $R/profiles:1 && docker push $R/profiles:1"
    done = subprocess.run(["bash", "-c", command], env=ci, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "no basic auth credentials\n")
    assert app.run("docker push -q $R/profiles:1").code == 0
    assert not (tmp_path / "ci" / "config.json").exists()


def test_without_docker_config_the_login_stays_in_the_lab(app: World, tmp_path: Path) -> None:
    environment = {key: value for key, value in app.environment.items() if key != "DOCKER_CONFIG"}
    environment |= {"HOME": str(tmp_path), "ECRLAB_HOME": str(tmp_path / "lab")}
    command = ["docker", "login", "-u", "AWS", "-p", "secret", app.environment["R"]]
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
    assert not (tmp_path / ".docker").exists()
    assert (tmp_path / "lab" / "standin" / "config" / "config.json").exists()


def test_login_by_hand_at_a_terminal(app: World) -> None:
    app.logout()
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        ["docker", "login", app.environment["R"]],
        env=app.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        os.write(ours, b"AWS\n")
        asked = b""
        while not asked.endswith(b"Password: "):  # what is typed before the question is thrown away
            byte = os.read(process.stderr.fileno(), 1) if process.stderr else b""
            assert byte, asked
            asked += byte
        os.write(ours, b"secret\n")
        out, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 0
    assert out.decode().endswith("Login Succeeded\n")


def test_output_into_a_closed_pipe(app: World) -> None:
    app.run("docker build -q -t web:1 app")
    done = app.run("docker history web:1 | true; docker save web:1 | head -c 1 >/dev/null; echo ${PIPESTATUS[0]}")
    assert done.err == []


def test_install_replaces_and_quotes(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    assert install(folder) == install(folder) == folder / "docker"
    assert [path.name for path in folder.iterdir()] == ["docker"]
    done = subprocess.run([folder / "docker", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ECR Lab's stand-in")


@pytest.mark.parametrize(
    ("text", "shown", "full"),
    [
        ("web", "web:latest", "docker.io/library/web:latest"),
        ("me/web:1", "me/web:1", "docker.io/me/web:1"),
        ("docker.io/library/web:1", "web:1", "docker.io/library/web:1"),
        ("localhost:1/a__b/c-d.e:V_1", "localhost:1/a__b/c-d.e:V_1", "localhost:1/a__b/c-d.e:V_1"),
        ("localhost/web", "localhost/web:latest", "localhost/web:latest"),
        ("a.b/web:1@sha256:" + "0" * 64, "a.b/web@sha256:" + "0" * 64, "a.b/web@sha256:" + "0" * 64),
    ],
)
def test_names(text: str, shown: str, full: str) -> None:
    name = parse(text).tagged()
    assert (name.text, name.key) == (shown, full)


@pytest.mark.parametrize("text", ["", "a//b", "web:", "-web", "web@sha256:00", "a.b/web:" + "x" * 129, "we b"])
def test_wrong_names(text: str) -> None:
    with pytest.raises(NameFormatError, match="invalid reference format"):
        parse(text)


def test_words_of_a_dockerfile() -> None:
    assert words("a=\"b c\" d=e\\ f 'g h'") == ['a="b c"', "d=e\\ f", "'g h'"]
    env = {"A": "1", "E": ""}
    assert expand("\"$A-${A}\"${N:-n$A}${A:+y}${E:-e}'$A'\\$A", env) == "1-1n1ye$A$A"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (999, "999B"), (1000, "1kB"), (1982269, "1.98MB"), (12_345_678, "12.3MB")]
)
def test_human_sizes(size: int, text: str) -> None:
    assert human(size) == text


def test_templates() -> None:
    data = {"A": {"B": ["x", "y"]}, "N": None, "T": True}
    assert (
        render("{{index .A.B 1}} {{json .A}} {{.T}} {{.N}} {{len .A.B | json}}", data)
        == 'y {"B":["x","y"]} true <no value> 2'
    )
    assert render("{{range .A.B}}<{{.}}>{{else}}none{{end}} {{- if .N }} a{{else}} b{{end}}", data) == "<x><y> b"
    for wrong in ("{{", "{{end}}", "{{if .A}}", "{{.A.Z}}", "{{frob}}", "{{index .A.B 2}}", "{{}}", "{{.T.U}}"):
        with pytest.raises(TemplateError, match="template parsing error"):
            render(wrong, data)
