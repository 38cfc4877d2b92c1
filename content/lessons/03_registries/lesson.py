# %% [markdown] id="03-01" tags=["core", "text"] minutes=1
# # 03 · Registries
#
# After this lesson you can
#
# - **say which registry a name leads to** before docker asks,
# - **do docker's work by hand**, with nothing but HTTP requests,
# - **prove that bytes are the ones** you were promised.
#
# You need nothing but this computer; without a container engine, the lab's stand-in acts as `docker`. {{neighbours}}

# %% [markdown] id="03-01-story" tags=["core", "text"]
# Friday, twenty to six. Omar's new machine at the harbour office must show tonight's map of the piers. The map is in an
# image, at Docker Hub. The machine has Python and curl, and no docker.
#
# *A registry is only a web server*, says Aiko. *So ask it.*

# %% [markdown] id="03-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **registry**, **repository** | the server · one named shelf on it. Docker Hub is one registry with many shelves |
# | **challenge** | what a `401` carries: *who are you?*, and how you may prove it |
# | **Basic**, **Bearer** | two ways to prove it: name and password with each request · a pass that is fetched first |
# | **scope** | what a pass is good for: `repository:NAME:pull` |
# | **mount** | *you have these bytes already, in another repository: put them here as well* |
# | **referrer** | a manifest that points at an image from outside: its parts list, its signature |

# %% id="03-02" tags=["core", "run", "volatile"]
# %load_ext ecrlab_course
lab.lesson("03")

# %% [markdown] id="03-03" tags=["core", "recall", "text"] minutes=1
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="03-03-r1" tags=["core", "recall"]
lab.guess("03-r1")

# %% id="03-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("03-r1", "a")

# %% id="03-03-r2" tags=["core", "recall"]
lab.guess("03-r2")

# %% id="03-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("03-r2", "a")

# %% id="03-03-r3" tags=["core", "recall"]
lab.guess("03-r3")

# %% id="03-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("03-r3", "a")

# %% [markdown] id="03-04" tags=["core", "text"] at="fresh"
# ## Where does a name lead?
#
# One character tells these two names apart: `harbour-bikes/booking`, which Dara typed, and `harbour.bikes/booking`,
# which Omar typed. Both are logged in at the same place. One of them has just asked a machine of somebody else. Who?
#
# To see where docker goes without letting it go, put a doorman at the only way out. He notes the host, and says no.
# Nothing leaves this computer.

# %% id="03-05-guess" tags=["core", "guess"]
lab.guess("03-g1")

# %% id="03-05-guess-answer" tags=["core", "guess", "solution"]
lab.answer("03-g1", "hub", confidence=2)

# %% id="03-06" tags=["core", "run", "volatile"] minutes=1
# %%bash
# python doorman.py harbour-bikes/booking harbour.bikes/booking busybox 127.0.0.1/map

# %% [markdown] id="03-06-read" tags=["core", "reading"]
# Four names, three destinations. A login did not enter into it: docker chose the host first, and would have looked for
# a login afterwards. Docker Hub's name is `docker.io`, and the machine behind it `registry-1.docker.io`.

# %% [markdown] id="03-07-text" tags=["core", "text"]
# ### The rule
#
# What tells the first two apart? Not a registry: nobody has answered. It is a rule inside docker. The docker library
# for Python, which your own scripts use, has the same one:

# %% id="03-07" tags=["core", "run"] minutes=1
import inspect

import docker

print(inspect.getsource(docker.auth.split_repo_name))
for name in ("harbour-bikes/booking", "harbour.bikes/booking", "map:2.3", "pier4:8080/map"):
    print(name, "->", docker.auth.resolve_repository_name(name))

# %% [markdown] id="03-07-read" tags=["core", "reading"]
# Read the line with `not in`. Only what comes **before the first slash** is looked at: the line names three signs of a
# machine. Without one it is a name at Docker Hub. No slash at all: Docker Hub too, and what follows a colon is a tag.

# %% [markdown] id="03-08-text" tags=["core", "text"]
# And the address that docker shows you is not the whole one. Give an image its full name, and look what docker calls
# it:

# %% id="03-08" tags=["core", "run", "volatile"] minutes=1
# %%bash
# docker tag ecrlab/base:1 docker.io/library/pier:4
# docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -x 'pier:4'
# docker rmi docker.io/library/pier:4 | head -1

# %% [markdown] id="03-08-read" tags=["core", "reading"]
# `docker.io/library/` was there, and docker hides it. A bare `ubuntu` is short for `docker.io/library/ubuntu:latest`:
# three defaults in six letters. And `docker tag` has asked nobody: it gave a name to something that is already here.

# %% [markdown] id="03-09" tags=["core", "box"]
# > **People say:** "I am logged in to ECR, so my push goes there."
# >
# > **In fact** the first part of the name decides. A login is looked up for the host that the name gave.
# >
# > **People say:** "`docker tag` puts the image into the repository."
# >
# > **In fact** it gives a name to what is on this computer. Nothing was sent, and nobody was asked.

# %% id="03-10" tags=["core", "exercise"] minutes=3
lab.exercise("03-e1")

# %% id="03-10-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "03-e1",
    {
        **{"ubuntu": "hub", "registry": "hub", "tagged": "hub", "local": "here"},
        **{"port": "machine", "dot": "machine", "aws": "machine", "upper": "nobody"},
    },
)

# %% id="03-10-why" tags=["core", "exercise", "solution"]
lab.solution("03-e1")

# %% [markdown] id="03-11" tags=["core", "text"] at="fresh"
# ## Two doors
#
# Every registry has the same first door, `/v2/`. Knock at both of ours without a name: at the one in the style of
# Docker Hub, and at ECR. (`$HUB` and `$REGISTRY` are as docker writes them; `$HUB_API` and `$REGISTRY_API` are the same
# for HTTP: host, `/v2/`, the rest.)

# %% id="03-12" tags=["core", "run", "volatile"] minutes=1
# %%bash
# echo "== the Hub"
# curl -si "http://$HUB/v2/" | grep -i -e '^HTTP' -e '^www-auth'
# echo "== ECR"
# curl -si "http://${REGISTRY%%/*}/v2/" | grep -i -e '^HTTP' -e '^www-auth'

# %% [markdown] id="03-12-read" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | each registry, before it looked at anything |
# | which question | *who are you?* |
# | words that matter | the first one behind the header's name: `Bearer`, `Basic` |
# | meaning | the Hub: *fetch a pass at this address first*; ECR: *name and password, each time* |
#
# A 401 with a challenge is not a refusal. It is a form to fill in.

# %% [markdown] id="03-13-text" tags=["core", "text"]
# ### A pass for nobody
#
# Fetch a pass. Nobody needs a password for a public image, but a pass is wanted all the same.

# %% id="03-13" tags=["core", "run"] minutes=1
import json
import os
from base64 import urlsafe_b64decode

from requests import get, post

HUB, HUB_API = "http://" + os.environ["HUB"], os.environ["HUB_API"]
want = {"scope": "repository:harbourbikes/map:pull,push"}
token = get(f"{HUB}/token", params=want).json()["token"]
inside = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
print("who:", inside["sub"] or "nobody", "· good for", inside["exp"] - inside["iat"], "seconds")

# %% [markdown] id="03-13-read" tags=["core", "reading"]
# A pass has three parts with dots between them; the middle one is text in base64, the last one a signature. Reading it
# needs no key; changing it would break the signature. (300 seconds here. How long one of Docker Hub's lives was not
# confirmed.)

# %% id="03-14-guess" tags=["core", "guess"]
lab.guess("03-g2")

# %% id="03-14-guess-answer" tags=["core", "guess", "solution"]
lab.answer("03-g2", "pull", confidence=2)

# %% id="03-15" tags=["core", "fail"] minutes=1 fails="Refused: 401 UNAUTHORIZED"
from by_hand import heard

print("asked for pull,push · got", inside["access"][0]["actions"])
reply = post(f"{HUB_API}/harbourbikes/map/blobs/uploads/", headers={"Authorization": "Bearer " + token})
print(reply.headers["WWW-Authenticate"].split(",")[-1])
heard(reply)

# %% [markdown] id="03-15-read" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | the Hub; `heard`, of `by_hand.py`, repeats its words |
# | which question | it looks like *who are you?*, and is *may you?*: see `error=` in the challenge |
# | words that are mine | none. The scope I asked for is only in my request |
# | meaning | not enough on this pass |
#
# You asked for two and were given one, **with no word of complaint**. The complaint comes later, where the pass is
# used. What you may do is written **on the pass**.

# %% [markdown] id="03-16-text" tags=["core", "text"]
# ### ECR's door
#
# It wants Basic: a name, a colon, a password, in base64. `aws` hands it out ready wrapped.

# %% id="03-16" tags=["core", "run", "volatile"] minutes=1
# %%bash
# TOKEN=$(aws ecr get-authorization-token --query 'authorizationData[0].authorizationToken' --output text)
# python -c 'import base64, sys; print(base64.b64decode(sys.argv[1])[:10].decode() + "…")' "$TOKEN"
# curl -s -H "Authorization: Basic $TOKEN" "$REGISTRY_API/web/booking/tags/list"; echo

# %% [markdown] id="03-16-read" tags=["core", "reading"]
# No scope anywhere. This password says **who**, and what you may do is asked of IAM at each request. base64 is wrapping
# paper: whoever has the token is you, until it expires.

# %% [markdown] id="03-17" tags=["core", "picture"] minutes=1
# ![Picture 1, two doors. Left, Docker Hub, from top to bottom: the client asks GET /v2/; the door answers 401, Bearer,
# fetch a pass at /token; the client asks the booth, the token service, for the scope repository:map:pull,push without
# a password; the booth hands out a pass with pull on it, and without push; the client shows the pass at the door.
# Below: the permissions are on the pass, 300 seconds here. Right, ECR: the client asks GET /v2/; the door answers 401,
# Basic; the client shows AWS and a password; behind the door the desk IAM is asked at each request. Below: the
# password says who, the permissions are behind the door, 12 hours.](images/doors.svg)
#
# **Picture 1.** Two answers to one question: *where are the permissions?* At the Hub on the pass, at ECR behind the
# door.

# %% [markdown] id="03-17-box" tags=["core", "box"]
# > **People say:** "I log in to my repository."
# >
# > **In fact** a door belongs to a registry. ECR's token opens all of it, and IAM decides about each shelf; a pass of
# > the Hub's names the shelves it is good for.

# %% id="03-18" tags=["core", "exercise"] minutes=3
lab.exercise("03-e2")

# %% id="03-18-work" tags=["core", "exercise", "starter"]
scope = "?"  # a gap: what the pass must be good for
kind = "?"  # a gap: the kind of login that ECR's door takes
token = get(f"{HUB}/token", params={"scope": scope}).json()["token"]
print(get(f"{HUB_API}/harbourbikes/map/tags/list", headers={"Authorization": "Bearer " + token}).text)
wrapped = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
print(get(os.environ["REGISTRY_API"] + "/web/landing/tags/list", headers={"Authorization": f"{kind} {wrapped}"}).text)

# %% id="03-18-work" tags=["core", "exercise", "solution"]
scope = "repository:harbourbikes/map:pull"
kind = "Basic"
token = get(f"{HUB}/token", params={"scope": scope}).json()["token"]
print(get(f"{HUB_API}/harbourbikes/map/tags/list", headers={"Authorization": "Bearer " + token}).text)
wrapped = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
print(get(os.environ["REGISTRY_API"] + "/web/landing/tags/list", headers={"Authorization": f"{kind} {wrapped}"}).text)

# %% id="03-18-why" tags=["core", "exercise", "solution"]
lab.solution("03-e2")

# %% [markdown] id="03-19" tags=["core", "text"] at="fresh"
# ## An image without docker
#
# Back to Omar. Three requests: a tag gives a manifest, the manifest names a layer, the layer is a tar file. Watch.
# (`by_hand.py`, in this page's folder, is what you did above, in one class.)

# %% id="03-20" tags=["core", "run", "volatile"] minutes=2
import io
import tarfile

from by_hand import Repository, digest

map_ = Repository("hub", "harbourbikes/map")
manifest = map_.get("manifests/2.3")
layer = manifest.json()["layers"][0]
packed = map_.get("blobs/" + layer["digest"]).content
with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
    print(archive.extractfile("map.txt").read().decode())
print("the layer is the one the manifest names:", digest(packed) == layer["digest"])

# %% [markdown] id="03-20-read" tags=["core", "reading"]
# Omar has his map. docker's pull is this, and unpacking. But the last line compared two things that came from the same
# server. What if the server is wrong?

# %% [markdown] id="03-21" tags=["core", "picture"] minutes=1
# ![Picture 2, three drawers of one repository. Drawer Tags: 2.2 and 2.3, each with a dotted arrow, may move, to a
# sheet in drawer Manifests. Drawer Manifests: two sheets, each named by the sum of its bytes, each with a line config
# and a line layer. From each line a solid arrow, cannot move, to a box in drawer Blobs: four boxes, named by their
# sums. Next to the drawers the requests: GET manifests/2.3, GET manifests/sha256:…, GET
# blobs/sha256:….](images/drawers.svg)
#
# **Picture 2.** A repository has three drawers. Everything in the lower two is named by the sum of its bytes, so nobody
# can change it under its name. Only a tag is a label that somebody can put elsewhere.

# %% [markdown] id="03-22-text" tags=["core", "text"]
# ### A promise by mail
#
# The map company has sent a mail. And the harbour's network has a *mirror*: a copy of the Hub next door, quicker, run
# by somebody's nephew. It fell behind on Tuesday and tells nobody. Whatever version you ask it for, it hands out 2.2.

# %% id="03-22" tags=["core", "run", "volatile"]
from pathlib import Path

print(Path("mail.txt").read_text())
print("the mirror is at", lab.hub.mirror("harbourbikes/map", serves="2.2"))

# %% id="03-23-e3" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("03-e3")

# %% id="03-23-e3-answer" tags=["core", "exercise", "solution"]
lab.answer("03-e3", "b", confidence=2)

# %% id="03-23" tags=["core", "fail", "volatile"] minutes=1 fails=" digest"
# %%bash
# docker pull -q "$MIRROR/harbourbikes/map:2.3" && echo "pulled, by tag"
# docker pull -q "$MIRROR/harbourbikes/map@$(grep -o 'sha256:.*' mail.txt)"

# %% [markdown] id="03-23-read" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | docker. The mirror has refused nothing: it answered twice |
# | which question | a new one: *is it what was promised?* |
# | words that are mine | the digest from the mail |
# | meaning | the sum of what came is another one, so docker threw it away |
#
# By tag docker took version 2.2 for 2.3 and was content. **A digest makes the server's honesty unnecessary**, if you
# have it from somewhere else than the image: a mail, a file in git, ECR's own record.

# %% id="03-23-why" tags=["core", "exercise", "solution"]
lab.solution("03-e3")

# %% [markdown] id="03-24-text" tags=["core", "text"]
# ### Three copies
#
# Three places have a *2.3* now. The next cell makes the copies; another number makes others.

# %% id="03-24" tags=["core", "run"]
# %%bash
# python copies.py 1

# %% id="03-24-e4" tags=["core", "exercise", "volatile"] minutes=4
lab.exercise("03-e4")

# %% id="03-24-work" tags=["core", "exercise", "starter", "volatile"]
import os

MAP = "harbourbikes/map"
print("A", digest(Repository("hub", MAP).get("manifests/2.3").content))

# %% id="03-24-work" tags=["core", "exercise", "solution", "volatile"]
import os

MAP = "harbourbikes/map"
for place in (Repository("hub", MAP), Repository(os.environ["MIRROR"], MAP), Repository("ecr", "tools/map")):
    print(digest(place.get("manifests/2.3").content))

# %% id="03-24-answer" tags=["core", "exercise", "solution", "volatile"]
lab.answer("03-e4", a="what was promised", b="something else", c="what was promised")

# %% id="03-24-why" tags=["core", "exercise", "solution", "volatile"]
lab.solution("03-e4")

# %% [markdown] id="03-half" tags=["core", "text"]
# ## Half-time
#
# A good place to stop. Three lines to remember:
#
# 1. The name chooses the server, and only then is a login looked up.
# 2. A 401 says how to answer it.
# 3. A tag is what the server says; a digest is what you can check.

# %% [markdown] id="03-25" tags=["core", "text"] at="fresh"
# ## Put an image there by hand
#
# Reading was three requests. Writing has a rule, which you can find: here are five requests, in no order.

# %% id="03-26" tags=["core", "exercise"] minutes=3
lab.exercise("03-e5")

# %% id="03-26-answer" tags=["core", "exercise", "solution"]
lab.answer("03-e5", ["login", "repository", "layer", "config", "manifest"])

# %% id="03-26-why" tags=["core", "exercise", "solution"]
lab.solution("03-e5")

# %% [markdown] id="03-27-text" tags=["core", "text"]
# ### What is there?
#
# And for somebody who looks with `aws`?

# %% id="03-27" tags=["core", "run"]
# %%bash
# aws ecr describe-repositories --query 'sort(repositories[].repositoryName)' --output text

# %% [markdown] id="03-27-read" tags=["core", "reading"]
# `tools/note` is among them when your order went through; its image appeared with the last request, whole. A push that
# breaks off leaves pieces that nobody sees, never half an image.

# %% [markdown] id="03-28-text" tags=["core", "text"]
# ### A list of names
#
# And if the pieces are not there at all? Send a manifest that names two, and send neither.

# %% id="03-28" tags=["core", "fail", "volatile"] minutes=1 fails="Refused: 400 MANIFEST_BLOB_UNKNOWN"
import json

from by_hand import Repository, digest

OCI = "application/vnd.oci.image.manifest.v1+json"
shelf = Repository("ecr", "web/booking")
config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(b"a wish"), "size": 6}
wish = {"schemaVersion": 2, "config": config, "layers": [config]}
shelf.put_manifest(json.dumps(wish).encode(), OCI, "wish")

# %% [markdown] id="03-28-read" tags=["core", "reading"]
# **How to read it.** ECR printed it. The question is *does it exist?*, asked about the pieces and not about the image.
# The code is that of the specification; the sentence behind it is this lab's. A manifest is a list of names, and the
# registry looks each one up **in this repository**, and nowhere else.

# %% [markdown] id="03-29" tags=["core", "text"] at="written"
# ## The same bytes twice
#
# Now docker, for comparison. It logs in, and pushes an image to a shelf of its own.

# %% id="03-30" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker tag ecrlab/base:1 "$REGISTRY/web/booking:1"
# docker push -q "$REGISTRY/web/booking:1"

# %% [markdown] id="03-31-text" tags=["core", "text"]
# Two more services are built on the same layers: `web/off` and `web/on`. docker knows that these layers are in ECR
# already, and says so when it pushes. ECR has a switch, `BLOB_MOUNTING`, for the registry as a whole.

# %% id="03-31-e6" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("03-e6")

# %% id="03-31-e6-answer" tags=["core", "exercise", "solution"]
lab.answer("03-e6", "b", confidence=2)

# %% id="03-31" tags=["core", "run", "volatile"] minutes=1
# %%bash
# for place in off on; do
#   test $place = off && VALUE=DISABLED || VALUE=ENABLED
#   aws ecr put-account-setting --name BLOB_MOUNTING --value $VALUE --query value --output text
#   docker tag "$REGISTRY/web/booking:1" "$REGISTRY/web/$place:1"
#   docker push "$REGISTRY/web/$place:1" | sed -En '/Pushed|Mounted|exists/p'
# done

# %% id="03-32" tags=["core", "run", "volatile"] minutes=1
lab.xray()  # two pushes

# %% [markdown] id="03-32-read" tags=["core", "reading"]
# Look for `POST …/uploads/?mount=…&from=…` in both pushes. docker asked the same thing each time. With the switch off
# ECR answered `202`, *begin an upload*, and a megabyte followed; with it on, `201`, *there it is*, and nothing
# followed. The config went across both times: docker does not ask for it. (In a second run all of it is there, and
# `exists` is all you read.)

# %% id="03-32-why" tags=["core", "exercise", "solution"]
lab.solution("03-e6")

# %% [markdown] id="03-32-box" tags=["core", "box"]
# > **People say:** "One registry stores a layer once, however many services use it."
# >
# > **In fact** a layer belongs to a repository. The same bytes in another one are sent again, unless mounting is on.
# > (What that does to the bill is not documented: lesson 07 does the sum.)

# %% [markdown] id="03-33-text" tags=["core", "text"]
# ### From one registry to the other
#
# Omar wants the Hub's `busybox` in ECR, on the shelf `base/busybox`. He pulls it, gives it a name, and pushes.

# %% id="03-33-guess" tags=["core", "guess"]
lab.guess("03-g3")

# %% id="03-33-guess-answer" tags=["core", "guess", "solution"]
lab.answer("03-g3", "a", confidence=1)

# %% id="03-33" tags=["core", "run", "volatile"] minutes=1
# %%bash
# docker pull -q "$HUB/library/busybox:latest"
# docker tag "$HUB/library/busybox:latest" "$REGISTRY/base/busybox:carried"
# docker push "$REGISTRY/base/busybox:carried" | sed -En '/Pushed|Mounted|exists/p'

# %% [markdown] id="03-34-text" tags=["core", "text"]
# ### Two sums
#
# Neither docker nor a header is asked: fetch both manifests, and hash them.

# %% id="03-34" tags=["core", "run", "volatile"] minutes=1
from by_hand import Repository, digest

for registry, name, tag in (("hub", "library/busybox", "latest"), ("ecr", "base/busybox", "carried")):
    print(registry, digest(Repository(registry, name).get(f"manifests/{tag}").content))

# %% [markdown] id="03-34-read" tags=["core", "reading"]
# Two equal lines: this docker kept the manifest as it came. Two different ones: it unpacked the image, and for the push
# it packed it again, with its own compression and its own form of manifest. Same files, same image ID, other bytes,
# other name.
#
# Both kinds are in use. An engine with overlay2, the default up to Docker 28, packs again; one with the containerd
# store keeps what it pulled. A program that only carries, such as `skopeo` or the class in `by_hand.py`, keeps the
# digest with every docker and with none.

# %% [markdown] id="03-34-sdk-text" tags=["core", "text"]
# docker's library for Python has such a question, too: the *engine* asks a registry what a name stands for, and pulls
# nothing.

# %% id="03-34-sdk" tags=["core", "run", "volatile"]
import os

import docker

try:
    engine = docker.from_env()
except docker.errors.DockerException as error:
    print("no engine to ask here:", type(error).__name__)
else:
    for place in (os.environ["HUB"] + "/library/busybox:latest", os.environ["REGISTRY"] + "/base/busybox:carried"):
        try:
            print(engine.images.get_registry_data(place).id)
        except docker.errors.NotFound:
            print("this engine knows no such question")

# %% [markdown] id="03-34-sdk-read" tags=["core", "reading"]
# Where an engine runs, these are your two sums again (Podman has no such question). It fetched the manifests alone, and
# at ECR with its own login: so a program that deploys can look up the digest behind a tag, and write that down.

# %% id="03-35" tags=["core", "exercise"] minutes=4
lab.exercise("03-e7")

# %% id="03-35-work" tags=["core", "exercise", "starter"]
there, here = Repository("hub", "library/busybox"), Repository("ecr", "tools/busybox")

# %% id="03-35-work" tags=["core", "exercise", "solution"]
there, here = Repository("hub", "library/busybox"), Repository("ecr", "tools/busybox")
source = there.get("manifests/latest")
for piece in [source.json()["config"], *source.json()["layers"]]:
    here.put_blob(there.get("blobs/" + piece["digest"]).content, piece["mediaType"])
print(here.put_manifest(source.content, source.headers["Content-Type"], "1").status_code)

# %% id="03-35-why" tags=["core", "exercise", "solution"]
lab.solution("03-e7")

# %% [markdown] id="03-36" tags=["core", "text"] at="two"
# ## What hangs on an image
#
# Aiko wants to know what is *in* `web/booking:1`. A parts list, an SBOM, is a file. It has to be with the image, and
# must not change it: the digest has been tested and signed. So it becomes a manifest of its own that **points at** the
# image.

# %% id="03-37" tags=["core", "run", "policy"] minutes=1
import json
from pathlib import Path

from by_hand import Repository, digest

KIND, OCI = "application/vnd.cyclonedx+json", "application/vnd.oci.image.manifest.v1+json"
booking = Repository("ecr", "web/booking")
image = booking.get("manifests/1")
parts = booking.put_blob(Path("sbom.json").read_bytes(), KIND)
empty = booking.put_blob(b"{}", "application/vnd.oci.empty.v1+json")
subject = {"mediaType": image.headers["Content-Type"], "digest": digest(image.content), "size": len(image.content)}
card = {
    "schemaVersion": 2,
    "mediaType": OCI,
    "artifactType": KIND,
    "config": empty,
    "layers": [parts],
    "subject": subject,
}
data = json.dumps(card).encode()
print(booking.put_manifest(data, OCI, digest(data)).status_code)
print("the image is what it was:", digest(booking.get("manifests/1").content) == subject["digest"])
found = booking.get("referrers/" + subject["digest"]).json()["manifests"]
print([each["artifactType"] for each in found])

# %% [markdown] id="03-37-read" tags=["core", "reading"]
# The image's digest has not changed, and whoever has the digest can ask: *what points at you?* Signatures hang there
# the same way. So a registry stores more than images: anything that can be written as a manifest and blobs.

# %% [markdown] id="03-38" tags=["core", "picture"] minutes=1
# ![Picture 3, what points at what. In the middle the image's manifest; its own arrows go down to its config and its
# layer. At the left a second manifest, parts list, with an arrow down to sbom.json and an arrow called subject to the
# image. At the right a third manifest, signature, with an arrow down to its signature and an arrow called subject to
# the image. From the image no arrow leads to either. Below: GET referrers/sha256:… asks who points
# here.](images/referrers.svg)
#
# **Picture 3.** The image knows nothing of what points at it, so it stays what it was. `aws ecr list-image-referrers`
# asks the same question.

# %% [markdown] id="03-38-box" tags=["core", "box"]
# > **People say:** "A registry stores Docker images."
# >
# > **In fact** it stores manifests and blobs, and does not ask what they mean: images, parts lists, signatures, charts.

# %% id="03-39" tags=["core", "exercise"] minutes=3
lab.exercise("03-e8")

# %% id="03-39-work" tags=["core", "exercise", "starter"]
shelf = Repository("ecr", "web/on")
print(shelf.get("referrers/" + subject["digest"]).json()["manifests"])

# %% id="03-39-work" tags=["core", "exercise", "policy", "solution"]
shelf = Repository("ecr", "web/on")
image = shelf.get("manifests/1")
parts = shelf.put_blob(Path("sbom.json").read_bytes(), KIND)
empty = shelf.put_blob(b"{}", "application/vnd.oci.empty.v1+json")
subject = {"mediaType": image.headers["Content-Type"], "digest": digest(image.content), "size": len(image.content)}
card = {
    "schemaVersion": 2,
    "mediaType": OCI,
    "artifactType": KIND,
    "config": empty,
    "layers": [parts],
    "subject": subject,
}
data = json.dumps(card).encode()
print(shelf.put_manifest(data, OCI, digest(data)).status_code)

# %% id="03-39-why" tags=["core", "exercise", "solution"]
lab.solution("03-e8")

# %% [markdown] id="03-40" tags=["core", "text"] at="two"
# ## The same mistake, two texts
#
# Four questions by HTTP, each with another mistake in it. Another number makes others.

# %% id="03-41" tags=["core", "run", "volatile"]
# %%bash
# python asked.py 3

# %% id="03-41-e9" tags=["core", "exercise"] minutes=3
lab.exercise("03-e9")

# %% id="03-41-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "03-e9",
    one="missing or private: it does not say which",
    two="repository missing",
    three="no login shown",
    four="nobody listens there",
)

# %% id="03-41-why" tags=["core", "exercise", "solution"]
lab.solution("03-e9")

# %% [markdown] id="03-42" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear once
# yours is saved.

# %% id="03-42-say" tags=["core", "interview"]
lab.exercise("03-i1")

# %% id="03-42-said" tags=["core", "interview", "solution"]
lab.answer(
    "03-i1",
    text="A registry is a web server with an HTTP API. It keeps blobs and manifests, named by the digest of their "
    "bytes, and tags, which are labels that move. The first part of an image's name says which server. docker sends "
    "the pieces, then the manifest, and only then there is an image. A 401 asks who I am: ECR takes a password each "
    "time and asks IAM about every request; the Hub hands out a pass with the permissions written on it.",
    made=["server", "sum", "name", "order", "rights"],
)

# %% [markdown] id="03-43" tags=["core", "summary"] minutes=1
# ## On one screen
#
# | request | what it does | ECR asks IAM for | a pass at the Hub |
# |---|---|---|---|
# | `GET /v2/` | knocks: 401 and a challenge | nothing | any |
# | `GET …/manifests/TAG` | a name becomes a list of pieces | `BatchGetImage` | pull |
# | `GET …/blobs/DIGEST` | a piece | `GetDownloadUrlForLayer` | pull |
# | `POST …/blobs/uploads/`, `PUT` there | sends a piece | `InitiateLayerUpload` and two more | push |
# | `POST …/uploads/?mount=…&from=…` | takes it from there | the first of these, and reading there | push, pull there |
# | `PUT …/manifests/TAG` | now it exists | `PutImage` | push |
# | `GET …/referrers/DIGEST` | what points at it | `BatchGetImage` | pull |
#
# The same API elsewhere:
#
# | registry | its names begin with | worth knowing |
# |---|---|---|
# | Docker Hub | `docker.io`, or nothing | Bearer; a push makes the repository |
# | Amazon ECR | `ACCOUNT.dkr.ecr.REGION.amazonaws.com` | Basic; IAM is asked each time |
# | GitHub (GHCR) | `ghcr.io` | {{dated:ghcr-free}} |
# | Google Artifact Registry | `REGION-docker.pkg.dev` | Container Registry is gone; closed: {{dated:gcr-closed}} |
# | Quay, Azure | `quay.io`, `NAME.azurecr.io` | the same API, other logins (general knowledge, not looked up) |

# %% [markdown] id="03-43-box" tags=["core", "box"]
# > **People say:** "We could take GCR, Google's Container Registry."
# >
# > **In fact** that one is gone, and Artifact Registry has its place. A list that still names it is an old list.

# %% [markdown] id="03-43-aws" tags=["core", "box"]
# > **On real AWS**
# > - Everything goes by TLS, and the account comes first in the host: one login for each account and Region.
# > - Layers come from Amazon S3, by a signed address: the `307` in the X-ray of a pull is the way there.
# > - ECR may send a manifest without `Docker-Content-Digest`. Hash the body, as you did here.
# > - An `artifactType` with a parameter, such as `…+json;version=0.2`, has been refused there.

# %% [markdown] id="03-43-yours" tags=["core", "text"]
# ## Yours to play
#
# Nothing here reaches AWS or Docker Hub. The doorman takes any name: which one have you always wondered about?

# %% id="03-43-play" tags=["core", "run", "volatile"]
# %%bash
# python doorman.py quay/booking ghcr.io/dara/booking

# %% [markdown] id="03-43-left" tags=["core", "text"]
# ## Left behind
#
# Eight repositories, mounting switched on, docker's logins: the reset puts all that back. What was pushed to the Hub
# stays there, and so do your files and your progress.

# %% id="03-43-reset" tags=["core", "run"]
lab.reset("03")
