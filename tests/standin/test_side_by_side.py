"""The stand-in beside a real docker: the same commands, the same exit codes, texts and requests."""

from __future__ import annotations

import pytest
from front import Fault

from conftest import Result, World

DENIED = (
    "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:X on resource: R because no "
    "identity-based policy allows the ecr:X action"
)
MISSING = "The repository with name 'web' does not exist in the registry with id '123456789012'"
EXPIRED = "Your authorization token has expired. Reauthenticate and try again."
IMMUTABLE = (
    "The image tag '1' already exists in the 'web' repository and cannot be overwritten because the tag is immutable."
)

# What only one side prints, or not in every run: docker's advice about its builder, and steps of a progress bar.
NOISE = ("DEPRECATED:", "Install the buildx", "https://docs.docker.com/go/buildx/", "IPv4 forwarding")
PROGRESS = ("Waiting", "Downloading", "Extracting", "Verifying Checksum", "Pushing", "Retrying")


def lines(found: list[str]) -> list[str]:
    kept = [line for line in found if not any(text in line for text in NOISE)]
    return sorted(line for line in kept if line.strip() and not line.endswith(PROGRESS))


def comparable(result: Result) -> tuple[object, ...]:
    return result.code, lines(result.out), lines(result.err), result.requests


def same(worlds: tuple[World, World], command: str, *faults: Fault, order: bool = True) -> Result:
    """Run a command in both worlds and compare everything; return what the stand-in did."""
    ours, theirs = (world.run(command, faults) for world in worlds)
    left, right = comparable(ours), comparable(theirs)
    if not order:
        left, right = (*left[:3], sorted(ours.requests)), (*right[:3], sorted(theirs.requests))
    assert left == right, f"{command}\n" + "\n".join(f"{a}\n{b}" for a, b in zip(left, right, strict=True) if a != b)
    return ours


@pytest.fixture
def worlds(standin: World, real: World, request: pytest.FixtureRequest) -> tuple[World, World]:
    """Both worlds, logged in, each with the image `web:1` of one layer, new in each test, and nothing else."""
    for world in (standin, real):
        (world.folder / "app").mkdir(exist_ok=True)
        (world.folder / "app" / "index.html").write_text(f"{request.node.name}\n")
        (world.folder / "app" / "Dockerfile").write_text('FROM scratch\nCOPY index.html /www/index.html\nCMD ["/x"]\n')
        if not world.logged_in:
            world.login()
        done = world.run("docker rmi -f $(docker images -q) >/dev/null 2>&1; docker build -q -t web:1 app")
        assert done.code == 0, done
    return standin, real


def repository(request: pytest.FixtureRequest) -> str:
    return request.node.name.removeprefix("test_").replace("[", "-").rstrip("]").replace("_", "-").lower()


@pytest.fixture
def repo(request: pytest.FixtureRequest) -> str:
    """A repository name that no other test uses: what docker remembers about a repository changes what it asks."""
    return "$R/" + repository(request)


def test_login_and_logout(worlds: tuple[World, World]) -> None:
    for world in worlds:
        world.logout()
    same(worlds, "docker login -u AWS --password-stdin $R </dev/null")
    same(worlds, "docker login -u AWS $R </dev/null")
    same(worlds, "docker login --password-stdin $R </dev/null")
    same(worlds, "docker login -u AWS -p a --password-stdin $R </dev/null")
    same(worlds, "echo wrong | docker login -u AWS --password-stdin $R")
    first = same(worlds, "echo secret | docker login -u AWS --password-stdin $R")
    assert first.out == ["Login Succeeded"]
    assert first.requests == [("GET", "/v2/", 401), ("GET", "/v2/", 200)]
    same(worlds, "cat $DOCKER_CONFIG/config.json")
    same(worlds, "stat -c %a $DOCKER_CONFIG/config.json")
    same(worlds, "docker login -u AWS -p secret $R")
    same(worlds, "docker login $R </dev/null")
    same(worlds, "echo secret | docker login -u AWS --password-stdin https://$R")
    same(worlds, "docker login -u AWS -p secret $R", Fault("GET", "/v2/", 400, "DENIED", "Bad"))
    same(worlds, "docker login -u AWS -p secret $R", Fault("GET", "/v2/", 403, "DENIED", EXPIRED))
    same(worlds, "docker login -u AWS -p secret localhost:5599")
    same(worlds, "docker logout $R; docker logout $R; cat $DOCKER_CONFIG/config.json")


def test_push_without_login(worlds: tuple[World, World], repo: str) -> None:
    for world in worlds:
        world.logout()
    done = same(worlds, f"docker tag web:1 {repo}:1; docker push {repo}:1")
    assert done.err == ["no basic auth credentials"]
    assert done.requests == [("GET", "/v2/", 401)]
    same(worlds, f"docker push -q {repo}:1")
    same(worlds, f"docker pull {repo}:1")
    same(worlds, f"docker pull -q {repo}:1")
    same(worlds, f"docker pull {repo}@sha256:{'0' * 64}")


def test_push_then_again_then_pull(worlds: tuple[World, World], repo: str) -> None:
    same(worlds, f"docker tag web:1 {repo}:1; docker push {repo}:1")
    same(worlds, f"docker push {repo}:1")
    same(worlds, f"docker push -q {repo}:1")
    same(worlds, f"docker push {repo}")
    same(worlds, f"docker tag web:1 {repo}:2; docker push {repo}:2")
    same(worlds, f"docker push -a {repo}")
    same(worlds, f"docker images --digests --format '{{{{.Repository}}}} {{{{.Tag}}}} {{{{.Digest}}}}' {repo}")
    same(worlds, f"docker image inspect -f '{{{{.RepoTags}}}} {{{{index .RepoDigests 0}}}}' {repo}:1")
    for world in worlds:
        world.run("docker rmi -f $(docker images -q)")
    same(worlds, f"docker pull {repo}:1", order=False)  # config and layer are fetched side by side
    again = same(worlds, f"docker pull {repo}:1")
    assert again.requests[-1][0] == "HEAD"
    same(worlds, f"docker pull -q {repo}:1")
    same(worlds, f"docker pull {repo}:2")
    by_digest = f"docker pull $(docker image inspect -f '{{{{index .RepoDigests 0}}}}' {repo}:1)"
    same(worlds, by_digest)
    same(worlds, f"docker rmi {repo}:2")
    same(worlds, f"docker rmi {repo}:1")


def test_pull_follows_a_redirect(worlds: tuple[World, World], repo: str) -> None:
    for world in worlds:
        world.run(f"docker tag web:1 {repo}:1; docker push -q {repo}:1; docker rmi -f web:1 {repo}:1")
        world.front.redirect_blobs = True
        world.front.authorizations.clear()
    done = same(worlds, f"docker pull {repo}:1", order=False)
    assert sum(status == 307 for _, _, status in done.requests) == 2
    for world in worlds:
        world.front.redirect_blobs = False
        assert [value for path, value in world.front.authorizations if path.startswith("/_blobs")] == [None, None]


def test_a_layer_of_another_repository_is_mounted(worlds: tuple[World, World], repo: str) -> None:
    for world in worlds:
        world.run(f"docker tag web:1 {repo}-first:1; docker push -q {repo}-first:1")
    same(worlds, f"docker tag web:1 {repo}:1; docker push {repo}:1 | sed 's/Mounted from.*/Mounted/'")


PUSH_FAULTS = {
    "no-repository": (Fault("POST", "uploads", 404, "NAME_UNKNOWN", MISSING),),
    "may-not-start": (Fault("POST", "uploads", 403, "DENIED", DENIED),),
    "token-expired": (Fault("POST", "uploads", 403, "DENIED", EXPIRED), Fault("HEAD", "blobs", 403, "DENIED", EXPIRED)),
    "may-not-send": (Fault("PATCH", "uploads", 403, "DENIED", DENIED),),
    "may-not-finish": (Fault("PUT", "uploads", 403, "DENIED", DENIED),),
    "may-not-look": (Fault("HEAD", "blobs", 403, "DENIED", DENIED),),
    "tag-is-immutable": (Fault("PUT", "manifests", 400, "TAG_INVALID", IMMUTABLE),),
    "may-not-put-image": (Fault("PUT", "manifests", 403, "DENIED", DENIED),),
    "too-many": (Fault("PUT", "manifests", 429, "TOOMANYREQUESTS", "Rate exceeded"),),
    "standard-message": (Fault("PUT", "manifests", 403, "DENIED", "requested access to the resource is denied"),),
    "strange-code": (Fault("PUT", "manifests", 400, "FROB", "odd"),),
    "server-error": (Fault("PUT", "manifests", 500),),
    "empty-403": (Fault("PUT", "manifests", 403),),
}


@pytest.mark.parametrize("case", PUSH_FAULTS)
def test_push_refused(worlds: tuple[World, World], repo: str, case: str) -> None:
    for world in worlds:
        world.run(f"docker tag web:1 {repo}:1")
    done = same(worlds, f"docker push {repo}:1", *PUSH_FAULTS[case])
    assert done.code == 1
    assert len(done.err) == 1


PULL_FAULTS = {
    "no-repository": (Fault("HEAD", "manifests", 404), Fault("GET", "manifests", 404, "NAME_UNKNOWN", MISSING)),
    "no-tag": (
        Fault("HEAD", "manifests", 404),
        Fault("GET", "manifests", 404, "MANIFEST_UNKNOWN", "Requested image not found"),
    ),
    "no-right": (Fault("HEAD", "manifests", 403), Fault("GET", "manifests", 403, "DENIED", DENIED)),
    "token-expired": (Fault("HEAD", "manifests", 403), Fault("GET", "manifests", 403, "DENIED", EXPIRED)),
    "too-many": (Fault("HEAD", "manifests", 429), Fault("GET", "manifests", 429, "TOOMANYREQUESTS", "Rate exceeded")),
    "unauthorized": (
        Fault("HEAD", "manifests", 401),
        Fault("GET", "manifests", 401, "UNAUTHORIZED", "authentication required"),
    ),
    "only-head-fails": (Fault("HEAD", "manifests", 403),),
    "by-digest-fails": (Fault("GET", "manifests", 403, "DENIED", DENIED),),
    "server-error": (Fault("HEAD", "manifests", 500), Fault("GET", "manifests", 500)),
    "empty-400": (Fault("HEAD", "manifests", 400), Fault("GET", "manifests", 400)),
}


@pytest.mark.parametrize("case", PULL_FAULTS)
def test_pull_refused(worlds: tuple[World, World], repo: str, case: str) -> None:
    for world in worlds:
        world.run(f"docker tag web:1 {repo}:1; docker push -q {repo}:1; docker rmi -f web:1 {repo}:1")
    same(worlds, f"docker pull {repo}:1", *PULL_FAULTS[case], order=False)


def test_pull_without_the_right_to_download(worlds: tuple[World, World], repo: str) -> None:
    for world in worlds:
        world.run(f"docker tag web:1 {repo}:1; docker push -q {repo}:1; docker rmi -f web:1 {repo}:1")
    ours, theirs = (
        world.run(f"docker pull {repo}:1", (Fault("GET", "/blobs/", 403, "DENIED", DENIED),)) for world in worlds
    )
    assert comparable(ours)[:3] == comparable(theirs)[:3]  # docker tries layers as well, and often
    assert ours.err == [f"error pulling image configuration: download failed after attempts=1: denied: {DENIED}"]


def test_missing_tag_and_repository(worlds: tuple[World, World], repo: str) -> None:
    for world in worlds:
        world.run(f"docker tag web:1 {repo}:1; docker push -q {repo}:1")
    same(worlds, f"docker pull {repo}:9")
    same(worlds, f"docker pull {repo}-none:1")
    same(worlds, f"docker pull {repo}@sha256:{'0' * 64}")
    same(worlds, f"docker push {repo}:9")
    same(worlds, f"docker push {repo}-none")
    same(worlds, "docker pull localhost:5599/x:1")


COMMANDS = [
    "docker pull $R/Web:1",
    "docker pull $R/web:",
    "docker tag nope:1 $R/web:1",
    "docker tag web:1 $R/Web:1",
    "docker tag web:1",
    "docker push",
    "docker pull",
    "docker push a b",
    "docker frob",
    "docker push --all-tags $R/web:1",
    "docker image inspect nope",
    "docker inspect nope",
    "docker inspect -f '{{.Nope}}' nope",
    "docker image inspect -f '{{.Nope}}' web:1",
    "docker image inspect -f '{{.Config.Nope}}' web:1",
    "docker image inspect -f '{{.Id' web:1",
    "docker image inspect -f '{{frob .Id}}' web:1",
    "docker image inspect -f '{{index .Config.Env 9}}' web:1",
    "docker image inspect -f '{{.Config.Env}} {{json .Config.Cmd}} {{.RepoTags}} {{.Size}}' web:1",
    "docker image inspect -f '{{len .RootFS.Layers}}' web:1",
    "docker image inspect -f '{{range .RepoTags}}[{{.}}]{{end}}{{if .RepoDigests}}yes{{else}}no{{end}}' web:1",
    "docker image inspect -f '{{join .Config.Env \",\"}} {{.Os}} {{.Config.Labels}} {{.RootFS.Type}}' web:1",
    "docker inspect --type image -f '{{.Id}} {{.Architecture}}' web:1",
    "docker history nope",
    "docker history --no-trunc --format '{{.CreatedBy}} {{.Size}}' web:1 | sed 's/file:[^ ]*/file:X/'",
    "docker rmi nope",
    "docker rmi -f nope",
    "docker save nope -o x.tar",
    "docker images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
    "docker images none",
    "docker images -q web:1",
    "docker images --filter dangling=true",
    "docker images --filter reference='w*:1' --format '{{.ID}}'",
    "docker images --format '{{.Nope}}'",
    "docker build nodir",
    "docker build -f nofile app",
    "docker image prune -f",
    "docker load -i nofile",
]


def test_texts(worlds: tuple[World, World]) -> None:
    wrong = []
    for command in COMMANDS:
        try:
            same(worlds, command)
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


DOCKERFILES = {
    "missing-file": "FROM scratch\nCOPY nofile /x\n",
    "outside": "FROM scratch\nCOPY ../x /a\n",
    "unknown-word": "FROM scratch\nFROB x\n",
    "empty": "",
    "only-comments": "# nothing\n",
    "no-from": "COPY index.html /\n",
    "only-from": "FROM scratch\n",
    "one-argument": "FROM scratch\nCOPY index.html\n",
    "two-sources": "FROM scratch\nCOPY index.html run.sh /a\n",
    "no-value": "FROM scratch\nENV A\n",
    "folder": "FROM scratch\nCOPY . /srv/\n",
    "into-folder": "FROM scratch\nCOPY sub /www\nCOPY index.html /www\nCOPY index.html run.sh /bin/\n",
    "workdir": "FROM scratch\nWORKDIR /a/b\nWORKDIR c\nCOPY index.html .\nCOPY run.sh ./x/\n",
    "wildcard": "FROM scratch\nCOPY *.html sub/*.txt /w/\n",
    "metadata": (
        'FROM scratch\nARG X=1\nENV Y=$X Z=${Q:-d}\nENV OLD a b\nLABEL a="b c" d=e\nCMD ["a","b"]\nEXPOSE 80/udp 90\n'
        'USER a:b\nVOLUME /d\nSTOPSIGNAL SIGTERM\nSHELL ["/b"]\nENTRYPOINT run me\nCOPY run.sh /\n'
    ),
    "from-image": 'ARG V=1\nFROM web:$V\nENV A=b\nCOPY run.sh /\nENTRYPOINT ["/run.sh"]\n',
    "stages": "FROM scratch AS one\nCOPY sub /s\nFROM scratch\nCOPY --from=one /s/in.txt /t/\n",
    "add-tar": "FROM scratch\nADD a.tar /t/\n",
}

LOOK = (
    "docker image inspect -f '{{json .Config.Env}} {{json .Config.Cmd}} {{json .Config.Entrypoint}} {{.Config.User}} "
    "{{.Config.WorkingDir}} {{json .Config.Labels}} {{json .Config.ExposedPorts}} {{json .Config.Volumes}} {{.Size}} "
    "{{len .RootFS.Layers}}' t:1; docker history --no-trunc --format '{{.CreatedBy}}|{{.Size}}' t:1 "
    "| sed -E 's/(file|dir|multi):[^ ]*/X/'; mkdir x; docker save t:1 | tar xC x; "
    'python3 -c \'import json,tarfile\nfor p in json.load(open("x/manifest.json"))[0]["Layers"]:\n'
    ' print(sorted((m.name,m.type,m.mode%4096,m.uid,m.size) for m in tarfile.open("x/"+p)))\'; rm -r x'
)


@pytest.mark.parametrize("case", DOCKERFILES)
def test_build(worlds: tuple[World, World], case: str) -> None:
    for world in worlds:
        folder = world.folder / "b"
        (folder / "sub").mkdir(parents=True, exist_ok=True)
        (folder / "sub" / "in.txt").write_text("in\n")
        (folder / "index.html").write_text("index\n")
        (folder / "run.sh").write_text("#!/bin/sh\n")
        (folder / "run.sh").chmod(0o755)
        world.run("tar cf b/a.tar -C b sub index.html")
        (folder / "Dockerfile").write_text(DOCKERFILES[case])
    hide = "-e 'Running in' -e 'Removing intermediate' -e ' ---> ' -e Sending"
    build = f"docker build --build-arg X=7 -t t:1 b | grep -v {hide}"
    same(worlds, f"set -o pipefail; {build}")
    if worlds[0].run("docker image inspect t:1").code == 0:
        same(worlds, LOOK)
        same(worlds, "docker rmi -f t:1 | grep -v Deleted")


def test_dockerignore(worlds: tuple[World, World]) -> None:
    for world in worlds:
        folder = world.folder / "ignoring"
        (folder / "logs" / "deep").mkdir(parents=True, exist_ok=True)
        for name in (".env", "a.txt", "b.log", "logs/x.log", "logs/deep/y.log", "logs/keep.log"):
            (folder / name).write_text(name)
        (folder / ".dockerignore").write_text("# secrets\n.env\n*.log\n**/deep\nlogs/x*\n!b.log\nDockerfile\n")
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /c/\n")
        assert world.run("docker build -q -t t:1 ignoring").code == 0
    same(worlds, LOOK)


def test_images_cross_over(worlds: tuple[World, World], repo: str) -> None:
    """What one side pushed or saved, the other pulls or loads, and it is the same image."""
    ours, theirs = worlds
    for source, target in ((ours, theirs), (theirs, ours)):
        id_ = source.run("docker images -q --no-trunc web:1 | md5sum").out
        assert source.run(f"docker tag web:1 {repo}:1; docker push -q {repo}:1").code == 0
        address = source.environment["R"] + repo.removeprefix("$R") + ":1"
        saved = source.folder / "saved.tar"
        assert source.run(f"docker save -o {saved} web:1").code == 0
        target.run("docker rmi -f web:1")
        pulled = target.run(
            f"echo secret | docker login -u AWS --password-stdin {source.environment['R']} && docker pull -q {address} "
            f"&& docker tag {address} web:1 && docker rmi -f {address}"
        )
        assert pulled.code == 0, pulled
        assert target.run("docker images -q --no-trunc web:1 | md5sum").out == id_
        target.run("docker rmi -f web:1")
        assert target.run(f"docker load -i {saved}").out == ["Loaded image: web:1"]
        assert target.run("docker images -q --no-trunc web:1 | md5sum").out == id_
        target.run(f"docker logout {source.environment['R']}")
