# %% [markdown] id="02-01" tags=["core", "text"] minutes=1
# # 02 · Images and layers
#
# After this lesson you can
#
# - **make an image** with nothing but Python,
# - **name every hash** you meet, and say what changes it,
# - **find what a deleted line left behind**, and build so that nothing is left.
#
# You need nothing but this computer. Without a container engine three cells say that they need one; everything
# else is the same. {{neighbours}}

# %% [markdown] id="02-01-story" tags=["core", "text"]
# Friday, 17:40. A stranger writes to Harbour Bikes: *your key lies in your public image.* Dara answers: *that cannot
# be. I delete it again, in the same Dockerfile.*
#
# One of them is wrong. To find out which, you first make an image yourself, with twenty minutes of Python and no
# builder at all. Then you read Dara's as the stranger did.

# %% [markdown] id="02-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **layer** | a tar file: some files, packed |
# | **config** | a page of JSON: what to start, for which processor, on which layers in which order |
# | **manifest** | a page of JSON that lists config and layers by size and hash |
# | **digest** | `sha256:` and the hash of some bytes: their name |
# | **index** | a page of JSON that lists manifests, one for each processor |

# %% id="02-02" tags=["core", "run", "volatile"] minutes=1
# %load_ext ecrlab_course
lab.lesson("02")

# %% [markdown] id="02-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="02-03-r1" tags=["core", "recall"]
lab.guess("02-r1")

# %% id="02-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("02-r1", "c")

# %% id="02-03-r2" tags=["core", "recall"]
lab.guess("02-r2")

# %% id="02-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("02-r2", "b")

# %% id="02-03-r3" tags=["core", "recall"]
lab.guess("02-r3")

# %% id="02-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("02-r3", "a")

# %% [markdown] id="02-04" tags=["core", "text"] minutes=1 at="fresh"
# ## Three pieces
#
# An image is a tar file and two pages of JSON. You write all three. First the file: a program of 184 bytes that says
# one line and ends; it comes with the lab, for either processor.

# %% id="02-04-guess" tags=["core", "guess"]
lab.guess("02-g1")

# %% id="02-04-guess-answer" tags=["core", "guess", "solution"]
lab.answer("02-g1", "c", confidence=2)

# %% id="02-05" tags=["core", "run"]
import gzip
import hashlib
import io
import json
import tarfile

from pieces import PROCESSOR  # this computer's: amd64 or arm64

from ecrlab.engine.hello_program import hello_program


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


program = hello_program(PROCESSOR)
print(len(program), "bytes")

# %% id="02-05-layer" tags=["core", "run"] minutes=1
box = io.BytesIO()
with tarfile.open(fileobj=box, mode="w") as tar:
    entry = tarfile.TarInfo("hello")
    entry.size, entry.mode = len(program), 0o755
    tar.addfile(entry, io.BytesIO(program))
layer = box.getvalue()
print(f"layer: {len(layer):,} bytes, {digest(layer)[:15]}…")

# %% [markdown] id="02-05-after" tags=["core", "reading"]
# 184 bytes of program; tar works in blocks and fills up to 10,240. Are there thirty of you? Read your first eight
# characters aloud, all together.

# %% [markdown] id="02-06-text" tags=["core", "text"]
# The first page says what to start, for which processor, and on what. It names the layer by its hash.

# %% id="02-06" tags=["core", "run"]
config = json.dumps(
    {
        "architecture": PROCESSOR,
        "os": "linux",
        "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
    }
).encode()
print(f"config: {len(config)} bytes, {digest(config)[:15]}…")

# %% [markdown] id="02-07-text" tags=["core", "text"]
# The second lists what has to be carried: each piece with its kind, its size, its hash.

# %% id="02-07" tags=["core", "run"] minutes=1
OCI = "application/vnd.oci.image."


def line(kind, data):
    return {"mediaType": OCI + kind, "size": len(data), "digest": digest(data)}


def manifest_of(config, layer, kind="layer.v1.tar"):
    page = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json"}
    return json.dumps({**page, "config": line("config.v1+json", config), "layers": [line(kind, layer)]})


manifest = manifest_of(config, layer)
print(f"manifest: {len(manifest)} bytes, {digest(manifest.encode())[:15]}…")

# %% [markdown] id="02-08-text" tags=["core", "text"]
# Now ten lines that push, with the API of ECR that `docker push` comes down to: begin an upload, send the bytes, name
# them by their hash. Last, under a tag, the page that lists them.

# %% id="02-08" tags=["core", "run"] minutes=1
HERE = {"repositoryName": "tiny"}


def send(blob):
    upload = ecr.initiate_layer_upload(**HERE)["uploadId"]
    end = len(blob) - 1
    ecr.upload_layer_part(**HERE, uploadId=upload, partFirstByte=0, partLastByte=end, layerPartBlob=blob)
    try:
        ecr.complete_layer_upload(**HERE, uploadId=upload, layerDigests=[digest(blob)])
    except ecr.exceptions.LayerAlreadyExistsException:
        print("these bytes are there already")


# %% id="02-08-put" tags=["core", "run", "volatile"]
KIND = OCI + "manifest.v1+json"


def put(manifest, tag):
    try:
        ecr.put_image(**HERE, imageManifest=manifest, imageTag=tag, imageManifestMediaType=KIND)
    except ecr.exceptions.ImageAlreadyExistsException:
        print("this image is there already")


send(layer)
send(config)
put(manifest, "1")
ecr.describe_images(**HERE, imageIds=[{"imageTag": "1"}])["imageDetails"][0]["imageDigest"]

# %% [markdown] id="02-08-run-text" tags=["core", "text"]
# Is that an image? Ask somebody who has never seen your Python. (The part after `||` runs where this computer has no
# engine: then docker says so.)

# %% id="02-08-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# docker run --rm "$REGISTRY/tiny:1" || ecrlab status | grep -o "no engine"

# %% [markdown] id="02-08-after" tags=["core", "reading"]
# `Harbour Bikes: open from eight`, says an engine. **No Dockerfile, no build, no builder.** You packed one file, wrote
# 605 bytes of JSON, and docker fetched and started it.
#
# > **People say:** "A container is a lightweight package with everything the program needs."
# >
# > **In fact** that is the *image*, and you have just seen what it is made of. A container is what runs for as long as
# > the line above took to print.

# %% [markdown] id="02-09-text" tags=["core", "text"]
# Layers usually travel compressed. Same image, same config, one difference.

# %% id="02-09-guess" tags=["core", "guess"]
lab.guess("02-g2")

# %% id="02-09-guess-answer" tags=["core", "guess", "solution"]
lab.answer("02-g2", "b", confidence=2)

# %% id="02-09" tags=["core", "run", "volatile"] minutes=1
packed = gzip.compress(layer, mtime=0)
second = manifest_of(config, packed, "layer.v1.tar+gzip")
send(packed)
put(second, "2")
print("         layer      config     manifest")
for tag, carried, page in (("1", layer, manifest), ("2", packed, second)):
    print(f"tiny:{tag}  ", *(digest(each)[7:15] + "  " for each in (carried, config, page.encode())))

# %% [markdown] id="02-09-after" tags=["core", "reading"]
# 10,240 bytes became about 200, and two of the three have another name. **The config speaks of the layer unpacked
# (`diff_ids`). The manifest speaks of the bytes that travel.**
#
# What `gzip` writes depends on its version, so your `tiny:2` may differ from your neighbour's. `tiny:1` does not.

# %% [markdown] id="02-10-text" tags=["core", "text"] at="tiny"
# ## Who checks what?
#
# What you wrote so far lies in `pieces.py` as functions, so that one can start here, too. We write the same manifest
# with line breaks and put it under the digest that it had.

# %% id="02-10-guess" tags=["core", "guess"]
lab.guess("02-g3")

# %% id="02-10-guess-answer" tags=["core", "guess", "solution"]
lab.answer("02-g3", "b", confidence=2)

# %% id="02-10" tags=["core", "fail", "volatile"] minutes=1 fails="ImageDigestDoesNotMatchException"
import gzip
import json

import pieces

layer = pieces.layer_of({"hello": pieces.HELLO})
config = pieces.config_of(pieces.digest(layer))
manifest = pieces.manifest_of(config, layer)
pretty = json.dumps(json.loads(manifest), indent=2)
print("equal as data:", json.loads(pretty) == json.loads(manifest))
ecr.put_image(repositoryName="tiny", imageManifest=pretty, imageDigest=pieces.digest(manifest.encode()))

# %% [markdown] id="02-10-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | boto3, for ECR: `PutImage` was asked, and answered with an error of its own |
# | which question | *are these the bytes that you named?* |
# | words that are mine | two digests: the one I claimed, and the one that ECR computed |
# | meaning | it never asked what the page *says*. Two blanks more, and it is another page |

# %% [markdown] id="02-11-text" tags=["core", "text"]
# And a page whose pieces are not there? A list is quickly written.

# %% id="02-11" tags=["core", "fail", "volatile"] minutes=1 fails="LayersNotFoundException"
other = pieces.layer_of({"hello": b"never sent"})
ecr.put_image(repositoryName="tiny", imageManifest=pieces.manifest_of(config, other), imageTag="3")

# %% [markdown] id="02-11-card" tags=["core", "reading"]
# *Is everything there?* is the second question, and `[sha256:…]` names what is missing. That is why a push sends the
# manifest last: **before the list there is no image, and after it the image is complete.** Nobody ever sees half of
# one.

# %% id="02-12-guess" tags=["core", "guess"]
lab.guess("02-g4")

# %% id="02-12-guess-answer" tags=["core", "guess", "solution"]
lab.answer("02-g4", "a", confidence=2)

# %% id="02-12" tags=["core", "run", "volatile"]
packed = gzip.compress(layer, mtime=0)
wrong = pieces.config_of(pieces.digest(packed))  # the packed layer's hash: what diff_ids are not
pieces.send(ecr, "tiny", packed, wrong)
print(pieces.put(ecr, "tiny", pieces.manifest_of(wrong, packed, "layer.v1.tar+gzip"), "broken")[:15])

# %% id="02-12-pull" tags=["core", "run", "volatile"]
# %%bash
# docker pull -q "$REGISTRY/tiny:broken" || echo "docker ended with $?"

# %% [markdown] id="02-12-after" tags=["core", "reading"]
# ECR took it. The engine unpacked the layer, hashed it, compared that with the config, and stopped. (The older store
# says `layers from manifest don't match image configuration`; others have other words.)
#
# **A registry checks that bytes have their names and that all of them are there. Whether it is an image that runs, the
# engine finds out.** *It was pushed* proves nothing.

# %% [markdown] id="02-13-text" tags=["core", "text"] at="tiny"
# ## One of your own
#
# `layer_of`, `config_of`, `manifest_of`, `send` and `put` are in `pieces.py`, as you wrote them.

# %% id="02-13" tags=["core", "exercise"] minutes=3
lab.exercise("02-e1")

# %% id="02-13-work" tags=["core", "exercise", "starter"]
import gzip

import pieces

layer = pieces.layer_of({"hello": pieces.HELLO})
print(len(layer), "bytes, not compressed, and no file of yours in it")

# %% id="02-13-work" tags=["core", "exercise", "solution"]
import gzip

import pieces

layer = pieces.layer_of({"hello": pieces.HELLO, "note.txt": b"made by hand"})
packed = gzip.compress(layer, mtime=0)
config = pieces.config_of(pieces.digest(layer))
pieces.send(ecr, "tiny", packed, config)
print(pieces.put(ecr, "tiny", pieces.manifest_of(config, packed, "layer.v1.tar+gzip"), "mine")[:7])

# %% id="02-13-why" tags=["core", "exercise", "solution"]
lab.solution("02-e1")

# %% [markdown] id="02-14-text" tags=["core", "text"] at="tiny"
# ## Five names
#
# docker has names for all this as well. Pull both of your images and let it list them.

# %% id="02-14" tags=["core", "run", "volatile"]
# %%bash
# for tag in 1 2; do docker pull -q "$REGISTRY/tiny:$tag" > /dev/null; done
# docker images --digests --format '{{.Tag}}  digest {{.Digest}}  ID {{.ID}}' "$REGISTRY/tiny"

# %% [markdown] id="02-14-sdk-text" tags=["core", "text"]
# What *is* that ID? Ask the engine from Python, and compare with what you can compute yourself.

# %% id="02-14-sdk" tags=["core", "run", "volatile"] minutes=1
import os

import docker
import pieces

layer = pieces.layer_of({"hello": pieces.HELLO})
config = pieces.config_of(pieces.digest(layer))
manifest = pieces.manifest_of(config, layer).encode()
known = {pieces.digest(config): "the hash of the config", pieces.digest(manifest): "the hash of the manifest"}
try:
    found = docker.from_env().images.get(os.environ["REGISTRY"] + "/tiny:1").id
    print("the image ID is", known.get(found, f"another one: {found}"))
except docker.errors.DockerException as error:
    print("no engine to ask here:", type(error).__name__)

# %% [markdown] id="02-14-after" tags=["core", "reading"]
# With docker's older store (and in the lab's stand-in) the ID is the *config's* hash: **one ID, two digests**, because
# both tags have one config. With the newer store (containerd, the default of new installations) the ID is the
# manifest's. So never compare an *ID* from one computer with a *digest* from another: compare digests.
#
# Four lines for two images? Docker's older store keeps tags and digests by ID alone, and prints each tag with each
# digest.

# %% id="02-15" tags=["core", "exercise"] minutes=3
lab.exercise("02-e2")

# %% id="02-15-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "02-e2",
    {"unpacked": "diff-id", "travels": "layer", "classic": "config", "pinned": "image", "moves": "tag"},
)

# %% id="02-15-why" tags=["core", "exercise", "solution"]
lab.solution("02-e2")

# %% [markdown] id="02-16" tags=["core", "picture"] minutes=1
# ![Picture 1, five names of one image. Below, from left to right: the layer unpacked, a tar file; its hash is the
# diff_id. An arrow called gzip leads to the layer as it is sent; its hash is the layer's digest. Above the first: the
# config, with the line diff_ids, to which an arrow leads from the diff_id; its hash is the config's digest. At the
# right: the manifest with two lines, config and layers, to which arrows lead from the config's digest and from the
# layer's digest; its hash is the image's digest. Far right, on a string, a paper tag with 1.0 on it, tied to the
# image's digest.](images/names.svg)
#
# **Picture 1.** Hashes go one way: from the file to the page that lists it. The paper tag is the only name that is the
# hash of nothing, and the only one that can move. This picture comes back.

# %% [markdown] id="02-16-box" tags=["core", "box"]
# > **People say:** "`docker tag` gives the image the repository's URL", and "always push `latest`".
# >
# > **In fact** a tag is a word tied to a digest. `docker tag` ties one more and sends nothing; a push can move it
# > overnight. Which bytes run is said by the digest alone.

# %% [markdown] id="02-17-text" tags=["core", "text"] at="tiny"
# ## One tag for Dara and for Omar

# %% id="02-17-guess" tags=["core", "guess"]
lab.guess("02-g5")

# %% id="02-17-guess-answer" tags=["core", "guess", "solution"]
lab.answer("02-g5", "c", confidence=2)

# %% [markdown] id="02-17-make" tags=["core", "text"]
# Make it, by hand: the same image for each processor, a note about one of them (soon more of that), and one page that
# lists all three. Only that page gets a tag.

# %% id="02-17" tags=["core", "run"] minutes=1
import json

import pieces

if "hours" not in [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]:
    ecr.create_repository(repositoryName="hours")
lines = {each: pieces.image(ecr, "hours", each) for each in ("amd64", "arm64")}
note = pieces.attestation(ecr, "hours", lines[pieces.PROCESSOR]["digest"])
pieces.index(ecr, "hours", "1", *lines.values(), note)
found = ecr.batch_get_image(repositoryName="hours", imageIds=[{"imageTag": "1"}])["images"][0]
print(found["imageManifestMediaType"])
for each in json.loads(found["imageManifest"])["manifests"]:
    print(each["platform"]["os"], each["platform"]["architecture"], each["size"], each["digest"][:15])

# %% [markdown] id="02-17-after" tags=["core", "reading"]
# **Look at your processor's line: it is the digest of your `tiny:1`,** byte for byte the image of twenty minutes ago.
# The index only points at it. `docker pull …/hours:1` fetches the index, takes the line that fits, and fetches that.

# %% [markdown] id="02-18" tags=["core", "picture"] minutes=1 at="platforms"
# ![Picture 2, an index. A paper tag 1 is tied to the index, a page with three lines. From each line an arrow leads to
# a manifest: linux amd64, and Omar stands at it; linux arm64, and Dara stands at it; unknown unknown, a note. From the
# note a dotted arrow leads back to the first: it is about that image. Only the index has a tag.](images/index.svg)
#
# **Picture 2.** *unknown/unknown* is a note about an image (who built it, from what), in the shape of an image, so
# that old registries take it: an **attestation**. docker's newer builder adds one of its own accord; this lab's
# settings ask it not to. No processor has that name, so nobody pulls it by mistake.
#
# > **People say:** "ECR stores Docker images."
# >
# > **In fact** it stores what a manifest can list: images, indexes, notes, signatures, charts. The list knows their
# > kind, the shelf does not care.

# %% id="02-18-rows" tags=["core", "run", "volatile"]
for each in ecr.describe_images(repositoryName="hours")["imageDetails"]:
    print(each.get("imageTags", "no tag"), each["imageDigest"][:15])

# %% id="02-19" tags=["core", "exercise"] minutes=2
lab.exercise("02-e3")

# %% id="02-19-answer" tags=["core", "exercise", "solution"]
lab.answer("02-e3", "refused")

# %% id="02-19-try" tags=["core", "run", "volatile"]
import json  # the nightly job, once

index = ecr.batch_get_image(repositoryName="hours", imageIds=[{"imageTag": "1"}])["images"][0]
listed = [{"imageDigest": each["digest"]} for each in json.loads(index["imageManifest"])["manifests"]]
for each in ecr.batch_delete_image(repositoryName="hours", imageIds=listed)["failures"]:
    print(each["imageId"]["imageDigest"][:15], each["failureCode"])

# %% id="02-19-why" tags=["core", "exercise", "solution"]
lab.solution("02-e3")

# %% [markdown] id="02-20-text" tags=["stretch", "text"]
# *More.* An index without your processor: `hours:other` lists the other one alone.

# %% id="02-20-make" tags=["stretch", "run"]
import pieces

pieces.index(ecr, "hours", "other", pieces.image(ecr, "hours", pieces.OTHER))[:7]

# %% id="02-20" tags=["stretch", "run", "volatile"] minutes=2
# %%bash
# docker pull "$REGISTRY/hours:other" || echo "docker ended with $?"

# %% [markdown] id="02-20-after" tags=["stretch", "reading"]
# *Who* said it: docker. The registry had answered: there is a list. *Which question*: is there one for **me**? The
# word that is yours is the processor.

# %% [markdown] id="02-20-box" tags=["core", "box"]
# > **People say:** "`docker build -t my-web-app .`, and then it runs anywhere."
# >
# > **In fact** that builds for the processor you sit at. On a Mac with an Apple chip that is arm64, and a server with
# > an Intel or AMD chip answers `no matching manifest` or `exec format error`. Say `--platform linux/amd64`, or build
# > for both.

# %% [markdown] id="02-half" tags=["core", "text"] minutes=1
# ## Half-time
#
# A good place to stop. Three lines to remember:
#
# 1. Hashes go one way: layer, config, manifest.
# 2. A registry checks names and presence, nothing else.
# 3. A tag is the one name that can move.
#
# Say it aloud: *why can one image have two digests?*

# %% [markdown] id="02-30" tags=["core", "text"] minutes=1
# ## By Dockerfile
#
# After this page you can say which lines become layers, put them in an order that makes small pushes, find what a
# deleted line left behind, and build without leaving it.
#
# | new word | in a line |
# |---|---|
# | **cache** | the builder's memory of lines that it has done before |
# | **stage** | one `FROM` and what follows it; only the last one becomes the image |

# %% [markdown] id="02-31-text" tags=["core", "text"] at="by-dockerfile"
# ## Which lines become layers

# %% id="02-31" tags=["core", "run", "volatile"] minutes=1
# %%bash
# cat lines.Dockerfile
# docker build -q -t lines -f lines.Dockerfile . > /dev/null
# docker history --format '{{.Size}}  {{.CreatedBy}}' lines | cut -c1-60
# docker image inspect --format 'layers: {{len .RootFS.Layers}}' lines

# %% [markdown] id="02-31-after" tags=["core", "reading"]
# A row for each line, youngest first, and most of them `0B`. The config keeps this history; `docker history` only
# prints it.

# %% id="02-32" tags=["core", "exercise"] minutes=2
lab.exercise("02-e4")

# %% id="02-32-answer" tags=["core", "exercise", "solution"]
layers, config = ("copy", "run", "add", "workdir"), ("env", "label", "expose", "user", "cmd")
lab.answer("02-e4", {**dict.fromkeys(layers, "layer"), **dict.fromkeys(config, "config")})

# %% id="02-32-why" tags=["core", "exercise", "solution"]
lab.solution("02-e4")

# %% [markdown] id="02-33-text" tags=["core", "text"] at="by-dockerfile"
# ## The order of lines
#
# An application: a page that changes daily, and two megabytes of libraries that hardly ever do. Two Dockerfiles,
# same files.

# %% id="02-33" tags=["core", "run", "volatile"]
# %%bash
# python parts.py
# grep COPY order/slow.Dockerfile order/fast.Dockerfile
# for name in slow fast; do
#   docker build -q -t "$REGISTRY/$name:1" -f "order/$name.Dockerfile" order > /dev/null
#   docker push -q "$REGISTRY/$name:1"
# done

# %% [markdown] id="02-34-text" tags=["core", "text"] at="ordered"
# ### The second version

# %% id="02-34" tags=["core", "exercise", "guess"] minutes=2
lab.exercise("02-e5")

# %% id="02-34-answer" tags=["core", "exercise", "solution"]
lab.answer("02-e5", "a", confidence=2)

# %% id="02-35" tags=["core", "run", "volatile"] minutes=1
# %%bash
# sed 's/eight/nine/' order/www/index.html > index.new && mv index.new order/www/index.html
# for name in slow fast; do
#   docker build -q -t "$REGISTRY/$name:2" -f "order/$name.Dockerfile" order > /dev/null
#   docker push -q "$REGISTRY/$name:2"
# done

# %% id="02-35-layers" tags=["core", "run", "volatile"] minutes=1
import json

for name in ("slow", "fast"):
    one, two = (
        {each["digest"]: each["size"] for each in json.loads(image["imageManifest"])["layers"]}
        for image in (
            ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])["images"][0] for tag in ("1", "2")
        )
    )
    new = [size for digest, size in two.items() if digest not in one]
    print(f"{name}: layers as before: {len(two) - len(new)}, new: {len(new)}, of {sum(new):,} bytes")

# %% [markdown] id="02-35-after" tags=["core", "reading"]
# A layer is the smallest thing that is built, kept, sent and fetched. In `slow` one word lies in one tar with two
# megabytes. Every server pays it again, for every word.

# %% id="02-35-why" tags=["core", "exercise", "solution"]
lab.solution("02-e5")

# %% [markdown] id="02-36-text" tags=["core", "text"]
# And what does ECR keep? Let the lab's explorer lay the two versions side by side.

# %% id="02-36" tags=["core", "run", "volatile"] minutes=1
# %%bash
# FORCE_COLOR= ecrlab tree --compare fast:1 fast:2 | sed -E 's/(file|dir):[0-9a-f]+…/\1 …/'

# %% [markdown] id="02-36-after" tags=["core", "reading"]
# *Nominal* is every image by itself; *stored* is what there is: base and libraries lie there **once for both
# versions**. The base is also in `slow`, and there it lies once more: ECR keeps it *once in each repository*. (How
# shared layers are counted on the bill, AWS does not say.)

# %% [markdown] id="02-37-text" tags=["stretch", "text"]
# *More, with an engine.* The same holds for time. A step of one second stands before the page or behind it; the page
# has changed.

# %% id="02-37" tags=["stretch", "run", "volatile"] minutes=2
import subprocess
import time
from pathlib import Path

ORDERS = {"slow": "COPY www /srv\nRUN sleep 1\n", "fast": "RUN sleep 1\nCOPY www /srv\n"}
for name, lines in ORDERS.items():
    for word in ("eight", "nine"):
        Path("order/www/word.txt").write_text(word)
        began = time.monotonic()
        command = ["docker", "build", "-q", "-t", "timed", "-f", "-", "order"]
        made = subprocess.run(command, input="FROM ecrlab/base:1\n" + lines, capture_output=True, text=True)
        took = f"{time.monotonic() - began:.1f} s" if made.returncode == 0 else "RUN needs an engine"
        print(name, word, took)

# %% [markdown] id="02-37-after" tags=["stretch", "reading"]
# With an engine `slow` takes more than a second each time and `fast` only once (in a first run): **behind the first
# line whose input changed, everything is done again.**

# %% [markdown] id="02-38-text" tags=["core", "text"] at="ordered"
# ## The same again
#
# Dara has changed next to nothing and builds again. The next cell does so in four ways and compares each with the first
# build.

# %% id="02-38" tags=["core", "run", "volatile"] minutes=1
# %%bash
# built() {
#   docker build -q "$@" -t again -f again/site.Dockerfile again > /dev/null
#   docker image inspect --format '{{.Id}} {{.RootFS.Layers}}' again
# }
# chmod 644 again/page.html; FIRST=$(built)
# compare() { echo "$1: $(test "$2" = "$FIRST" && echo "the same image" || echo "another image")"; }
# touch again/page.html; compare "a newer date" "$(built)"
# chmod 600 again/page.html; compare "other rights" "$(built)"
# chmod 644 again/page.html; compare "another label" "$(built --label line=2)"
# sleep 1; compare "without a cache" "$(built --no-cache)"

# %% [markdown] id="02-38-after" tags=["core", "reading"]
# The cache looks at content and rights, not at dates. Without a cache most builders write *now* into the config
# (`created`), and some into a layer as well. (The lab's stand-in writes no time at all, so it says *the same image*:
# that is what a **reproducible build** is.)
#
# To change a file's rights its whole content is stored again: 2 MB of parts with `chmod` are 2 MB more.

# %% id="02-39" tags=["core", "exercise"] minutes=2
lab.exercise("02-e6")

# %% id="02-39-answer" tags=["core", "exercise", "solution"]
both = dict.fromkeys(("chmod", "label", "clock"), "both")
digest_only = dict.fromkeys(("pack", "pretty"), "digest")
lab.answer("02-e6", {**dict.fromkeys(("touch", "tag", "script"), "nothing"), **digest_only, **both})

# %% id="02-39-why" tags=["core", "exercise", "solution"]
lab.solution("02-e6")

# %% [markdown] id="02-40-text" tags=["core", "text"] at="leaky"
# ## The stranger's letter
#
# Here is the Dockerfile of the image that Dara made public, as its own history tells it. The fourth line is her
# answer.

# %% id="02-40" tags=["core", "run"] minutes=1
import io
import json
import tarfile
import urllib.request


def blob(digest):
    url = ecr.get_download_url_for_layer(repositoryName="leaky", layerDigest=digest)["downloadUrl"]
    return urllib.request.urlopen(url).read()


image = ecr.batch_get_image(repositoryName="leaky", imageIds=[{"imageTag": "1"}])["images"][0]
manifest = json.loads(image["imageManifest"])
for line in json.loads(blob(manifest["config"]["digest"]))["history"]:
    print(line["created_by"])

# %% [markdown] id="02-41-text" tags=["core", "text"]
# And here are its layers, each a tar file, bottom first: what is in each, and how many bytes.

# %% id="02-41" tags=["core", "run"] minutes=1
for number, line in enumerate(manifest["layers"], 1):
    with tarfile.open(fileobj=io.BytesIO(blob(line["digest"]))) as tar:
        print(f"layer {number}:", *(f"{entry.name} ({entry.size})" for entry in tar))

# %% id="02-42" tags=["core", "exercise"] minutes=2
lab.exercise("02-e7")

# %% id="02-42-work" tags=["core", "exercise", "starter"]
line = manifest["layers"][0]
with tarfile.open(fileobj=io.BytesIO(blob(line["digest"]))) as tar:
    print(tar.extractfile("etc/os-release").read())

# %% id="02-42-work" tags=["core", "exercise", "solution"]
line = manifest["layers"][1]
with tarfile.open(fileobj=io.BytesIO(blob(line["digest"]))) as tar:
    key = tar.extractfile("srv/deploy.key").read().decode().strip()
lab.answer("02-e7", key=key, layer="2")

# %% id="02-42-why" tags=["core", "exercise", "solution"]
lab.solution("02-e7")

# %% [markdown] id="02-43" tags=["core", "picture"] minutes=1
# ![Picture 3, four sheets seen from the side, one above the other: at the bottom the base; above it a sheet with
# deploy.key and index.html; above that a sheet with prices.txt; on top a sheet with a strip of paper, .wh.deploy.key.
# An eye from above sees index.html and prices.txt, and where the strip lies, nothing. An eye from the side sees every
# sheet, and deploy.key on the second.](images/whiteout.svg)
#
# **Picture 3.** A container looks from above. A registry hands out the sheets. **The fourth does not lack the file: it
# holds a file of no bytes whose name says *do not look below*.** It makes an image no smaller, and no safer.

# %% [markdown] id="02-44-text" tags=["core", "text"] at="leaky"
# ### Nothing left
#
# Dara's next release has a new key, and the old Dockerfile.

# %% id="02-44" tags=["core", "exercise"] minutes=3
lab.exercise("02-e8")

# %% id="02-44-answer" tags=["core", "exercise", "solution", "policy"]
lab.answer(
    "02-e8",
    """FROM ecrlab/base:1 AS unpack
ADD release.tar /srv/

FROM ecrlab/base:1
COPY --from=unpack /srv/www /srv/www
COPY prices.txt /srv/www/prices.txt
CMD ["httpd", "-f", "-p", "8080", "-h", "/srv/www"]
""",
)

# %% id="02-44-why" tags=["core", "exercise", "solution"]
lab.solution("02-e8")

# %% [markdown] id="02-45" tags=["core", "text"] minutes=1
# **Three that hold, and why**
#
# | way | why it holds |
# |---|---|
# | a **stage**, and `COPY --from` of its result | the stage's layers stay where they were built |
# | `RUN --mount=type=secret` (needs BuildKit) | the file is lent to one line, and no layer is made of it |
# | not in the build at all: unpack before; `.dockerignore` (not inside a tar) | the builder keeps only what it gets |
#
# **Six that look like it:** `rm` in a later line, and `rm` in the *same* `RUN` behind a `COPY` (that layer is closed);
# `chmod 000` (the file once more); base64 (a way of writing); `ARG`, and `ENV` emptied later (the history keeps both).

# %% [markdown] id="02-50-text" tags=["core", "text"] at="leaky"
# ## The word that everybody types

# %% id="02-50" tags=["core", "exercise", "guess"]
lab.exercise("02-e9")

# %% id="02-50-answer" tags=["core", "exercise", "solution"]
lab.answer("02-e9", "a", confidence=2)

# %% id="02-51" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws ecr create-repository --repository-name maps --query repository.repositoryName --output text || true
# docker tag ecrlab/base:1 "$REGISTRY/maps"
# docker push -q "$REGISTRY/maps"
# docker build -q -t "$REGISTRY/maps:2.0" -f again/site.Dockerfile again > /dev/null
# docker push -q "$REGISTRY/maps:2.0"
# docker pull -q "$REGISTRY/maps"
# aws ecr describe-images --repository-name maps \
#   --query 'imageDetails[].[imageTags[0],imageSizeInBytes]' --output text

# %% id="02-51-why" tags=["core", "exercise", "solution"]
lab.solution("02-e9")

# %% [markdown] id="02-90" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear
# once yours is saved.

# %% id="02-90-say" tags=["core", "interview"]
lab.exercise("02-i1")

# %% id="02-90-said" tags=["core", "interview", "solution"]
lab.answer(
    "02-i1",
    text="Layers are tar files, the config says what to start on them, and the manifest lists all of it by hash; the "
    "digest is the hash of the manifest. A deletion is only a note in a later layer, so the secret is still there. I "
    "build in a stage that is not pushed, and I change the key, because it was readable.",
    made=["pieces", "stack", "clean", "burnt"],
)

# %% [markdown] id="02-90-back" tags=["core", "guess"]
# ## What you thought in lesson 00
#
# One of your first guesses now has its answer. Here it is again, with what you said then.

# %% id="02-90-back-run" tags=["core", "guess"]
lab.look_back("02")

# %% [markdown] id="02-91" tags=["core", "summary"] minutes=1
# ## On one screen
#
# | name | hash of | who prints it | what changes it |
# |---|---|---|---|
# | diff_id | the layer, unpacked | `docker image inspect` | a file: content, name, rights, date |
# | layer's digest | the layer, as sent | the manifest, `docker pull` | that, and how it is packed |
# | config's digest | the config | `docker images` (older store) | a layer, a setting, the time written in it |
# | image's digest | the manifest (or index) | ECR, `docker images` (newer store) | any of these, and spacing |
# | tag | nothing | everybody | somebody |

# %% [markdown] id="02-91-aws" tags=["core", "box"]
# > **On real AWS**
# >
# > - The same bytes have the same digests: what you computed here, ECR would show.
# > - The sizes that ECR shows are those of the packed layers; of an index it is the largest of its images.
# > - docker's newer builder adds an attestation to what you push, so one push makes three rows; `--provenance=false`
# >   leaves it out.
# > - A key that was in an image is burnt. Change it first, then fix the Dockerfile.

# %% [markdown] id="02-92" tags=["core", "text"]
# ## Yours to play
#
# Nothing here reaches AWS or costs money. Take an image apart that you always wanted to see inside.

# %% id="02-92-play" tags=["core", "run"]
# %%bash
# aws ecr describe-repositories --query 'sort(repositories[].repositoryName)' --output text

# %% [markdown] id="02-93" tags=["core", "text"]
# ## Left behind
#
# Repositories with small images, and a word in `order/www`: the reset puts that back. The images on this computer
# stay, and so do your files and your progress.

# %% id="02-93-reset" tags=["core", "run"]
lab.reset("02")
