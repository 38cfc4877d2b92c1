# %% [markdown] id="01-01" tags=["core", "text"] minutes=1
# # 01 · Containers
#
# After this lesson you can
#
# - **show** that a container is a process of the machine,
# - **say** what it shares with the machine, and what it has for itself,
# - **read** how a container died, and bring it back.
#
# Most cells need a container engine. Without one they show what they printed elsewhere, marked as *recorded*, and
# nine of ten exercises count all the same. Some remove containers by name: `web1`, `web2`, `web-node`, `greedy`,
# `board`, `start`, `one` to `six`. If you have any called so, rename them first (`docker rename`). {{neighbours}}

# %% [markdown] id="01-01-story" tags=["core", "text"]
# Dara starts the image of the booking page on her laptop: a page. Omar starts the same image on a new server: one
# line, `exec format error`. Each sends you a picture of the screen, to prove the other wrong. Both are right, and at
# the end of this lesson you can name the two bytes that they differ about.

# %% [markdown] id="01-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **container** | an image that was started: a process, with a view of its own |
# | **namespace** | a wall: what a process may *see* |
# | **cgroup** | a ration: what a process may *use* |
# | **volume** | a folder that belongs to no container |
# | **exit code** | the last word of a process: 0 is *done*; above 128 it was killed: 128 + the signal's number |
# | **architecture** | the kind of processor a program was made for: `amd64`, `arm64` |

# %% id="01-02" tags=["core", "run", "volatile"] minutes=1
# %load_ext ecrlab_course
lab.lesson("01")

# %% [markdown] id="01-03" tags=["core", "guess"] minutes=1
# ## Three first guesses
#
# True or false, and how sure are you? No answers yet: they come at the end of page 2, with what you said now.

# %% id="01-03-run" tags=["core", "guess"]
lab.guess("01-g1")
lab.guess("01-g2")
lab.guess("01-g3")

# %% id="01-03-answer" tags=["core", "guess", "solution"]
for guess in ("01-g1", "01-g2", "01-g3"):
    lab.answer(guess, "false", confidence=2)

# %% [markdown] id="01-04" tags=["core", "picture"] minutes=1 at="fresh"
# ## A program, started
#
# ![Picture 1. On the left, at rest: a program file, and an image, which is a program with all its files. An arrow
# called start leads from each to the right, where things run: from the program file to a process, from the image to a
# container. Two arrows leave the image, to two containers. Each container carries a thin sheet: what it writes. The
# process and the containers share one floor, the kernel of the machine.](images/process.svg)
#
# **Picture 1.** Dara's page is an image of two megabytes, and an image does nothing. Start it:

# %% id="01-05" tags=["core", "run"] minutes=1 needs="engine"
# %%bash
# docker rm -f -v web1 > /dev/null 2>&1 || true   # what an earlier run left
# docker run -d --name web1 --hostname web1 my-web-app:1.0 > /dev/null
# docker exec web1 ps

# %% [markdown] id="01-05-after" tags=["core", "reading"]
# Two processes, and one of them is your question. Number 1 is the process that a system begins with. In there it is
# our web server.

# %% id="01-06" tags=["core", "guess"] minutes=1
lab.guess("01-g4")

# %% id="01-06-answer" tags=["core", "guess", "solution"]
lab.answer("01-g4", "b", confidence=2)

# %% id="01-07" tags=["core", "run"] minutes=1 needs="engine"
# %%bash
# P=$(docker inspect -f '{{.State.Pid}}' web1)
# ecrlab host ps -o pid,args | grep "^ *$P "

# %% [markdown] id="01-07-after" tags=["core", "reading"]
# **One process, two numbers.** Nothing was copied, and nothing boots: the kernel shows this process a shorter list.
#
# `ecrlab host` runs a command in the engine's machine: it is a container too, with the walls left out (`ecrlab host
# --show ps` prints it). With Docker Desktop that machine is a Linux inside your computer.

# %% [markdown] id="01-08-text" tags=["core", "text"] at="web1"
# ## Who can end it?
#
# So our server has two numbers. Each of them can be given to `kill`.

# %% id="01-08" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("01-e1")

# %% id="01-08-answer" tags=["core", "exercise", "solution"]
lab.answer("01-e1", "c", confidence=2)

# %% id="01-09" tags=["core", "run"] minutes=1 needs="engine"
# %%bash
# P=$(docker inspect -f '{{.State.Pid}}' web1)
# docker exec web1 kill -9 1
# sleep 0.5; docker inspect -f 'from inside:  {{.State.Status}}' web1
# ecrlab host kill -9 "$P"
# docker wait web1 > /dev/null
# docker inspect -f 'from outside: {{.State.Status}} {{.State.ExitCode}}' web1
# docker start web1

# %% [markdown] id="01-09-after" tags=["core", "reading"]
# 137 is 128 + 9, and 9 is `kill -9`. Keep that number: on page 2 it comes back with another face.

# %% id="01-09-why" tags=["core", "exercise", "solution"]
lab.solution("01-e1")

# %% [markdown] id="01-10-text" tags=["core", "text"] at="fresh"
# ## What is in the image?
#
# `docker save` writes an image to a file: an archive with an archive for each layer in it, and a list. Everything
# that travels is in there. Change the loop until you can answer.

# %% id="01-10" tags=["core", "exercise", "starter"] minutes=1
# %%bash
# docker save my-web-app:1.0 -o my-web-app.tar
# cat > count.py <<'END'
# import io, json, tarfile
# with tarfile.open("my-web-app.tar") as image:
#     for name in json.load(image.extractfile("manifest.json"))[0]["Layers"]:
#         layer = tarfile.open(fileobj=io.BytesIO(image.extractfile(name).read()))
#         print(len(layer.getmembers()), "names in a layer, the first one:", layer.getnames()[0])
# END
# python count.py

# %% id="01-10" tags=["core", "exercise", "solution"] minutes=1
# %%bash
# docker save my-web-app:1.0 -o my-web-app.tar
# cat > count.py <<'END'
# import io, json, tarfile
# with tarfile.open("my-web-app.tar") as image:
#     for name in json.load(image.extractfile("manifest.json"))[0]["Layers"]:
#         layer = tarfile.open(fileobj=io.BytesIO(image.extractfile(name).read()))
#         for file in layer.getmembers():
#             if file.isreg():
#                 print(file.size > 100_000, file.name)
# END
# python count.py

# %% id="01-11" tags=["core", "exercise"] minutes=2
lab.exercise("01-e2")

# %% id="01-11-answer" tags=["core", "exercise", "solution"]
lab.answer("01-e2", files="5", kernel="none", share="99.9")

# %% id="01-11-why" tags=["core", "exercise", "solution"]
lab.solution("01-e2")

# %% [markdown] id="01-12-text" tags=["core", "text"]
# And yet a program in the container can ask for the kernel's name, and gets an answer. This time Python asks the
# engine, with the library `docker`:

# %% id="01-12" tags=["core", "run"] minutes=1 needs="engine"
import docker

engine = docker.from_env()
answer = engine.containers.run("my-web-app:1.0", ["uname", "-r"], remove=True, network_mode="none")
print("in the container:", answer.decode().strip())
code, machine = lab.sh("ecrlab host uname -r")
print("on the machine:  ", machine.splitlines()[-1])

# %% [markdown] id="01-12-after" tags=["core", "reading"]
# One name, twice. The image has no kernel, so it can only be the machine's.

# %% [markdown] id="01-13" tags=["core", "box"]
# > **People say:** "A container is a small virtual machine."
# >
# > **In fact** it is a process with walls around its view. A virtual machine boots a kernel of its own. This one
# > started within half a second, and most of that was docker setting up.

# %% [markdown] id="01-14" tags=["core", "text"] at="web1"
# ## The same page in Node.js
#
# The summary that this course grew from packs a Node.js web app. Here it is. Its base has little in it: the program
# `node`, and the libraries that it asks for. It is made from the Node.js of this computer, or of an image that the
# engine has, or of the package registry.

# %% id="01-15" tags=["core", "run"] minutes=1 needs="node"
# %%bash
# ecrlab node
# cat my-web-app/Dockerfile.node

# %% id="01-16" tags=["core", "run"] minutes=1 needs="node"
# %%bash
# docker build -q -t my-web-app:node -f my-web-app/Dockerfile.node my-web-app/ > /dev/null
# docker rm -f -v web-node > /dev/null 2>&1 || true
# docker run -d --name web-node my-web-app:node > /dev/null
# sleep 1; docker exec web-node wget -q -O - http://127.0.0.1:8080/version.txt
# docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' web1 web-node
# docker image inspect -f '{{.Size}} bytes' my-web-app:1.0 my-web-app:node

# %% [markdown] id="01-16-after" tags=["core", "reading"]
# Another language and some fifty times the bytes, and *not one word of the commands has changed*: build, run, exec.
# That is what a container is good for. Nobody installed Node.js on the server.

# %% id="01-17" tags=["core", "guess"] minutes=1
lab.guess("01-g5")

# %% id="01-17-answer" tags=["core", "guess", "solution"]
lab.answer("01-g5", "c", confidence=2)

# %% id="01-18" tags=["core", "fail"] minutes=1 needs="node" fails="error while loading shared libraries"
# %%bash
# docker build -q -t my-web-app:node-short -f my-web-app/Dockerfile.short my-web-app/ > /dev/null
# docker run --rm my-web-app:node-short node -p process.version

# %% [markdown] id="01-18-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | neither docker nor `node`: the loader in the image that was to start `node` |
# | which question | *does it exist?* |
# | words that are mine | none; the library's name is the program's |
# | meaning | the machine's files do not exist for it |
#
# What must travel, travels in the image. That is all of *consistent across environments*. What does not travel is the
# kernel and the processor: page 2.

# %% [markdown] id="01-19-text" tags=["core", "text"] at="web1"
# ## Which walls?
#
# A few of its walls you have met by now. Which others are there, and which are missing?

# %% id="01-19" tags=["core", "exercise"] minutes=2
lab.exercise("01-e3")

# %% id="01-19-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "01-e3",
    {
        **dict.fromkeys(("processes", "network", "files", "name", "memory"), "own"),
        **dict.fromkeys(("kernel", "clock", "users"), "shared"),
    },
)

# %% [markdown] id="01-20-text" tags=["core", "text"]
# The kernel keeps a list of a process's views in `/proc/NUMBER/ns`. Compare `web1`'s with those of the machine:

# %% id="01-20" tags=["core", "run", "policy"] minutes=1 needs="engine"
# %%bash
# P=$(docker inspect -f '{{.State.Pid}}' web1)
# ecrlab host sh -c "for view in pid net mnt uts ipc user cgroup; do
#   one=\$(readlink /proc/$P/ns/\$view) || one=unread
#   own=\$(readlink /proc/self/ns/\$view)
#   test \"\$one\" = unread && echo \"\$view could not be read\" && continue
#   test \"\$one\" = \"\$own\" && echo \"\$view: the machine's\" || echo \"\$view: its own\"
# done"

# %% [markdown] id="01-20-after" tags=["core", "reading"]
# Walls come one by one. `cgroup`, the tree of rations, differs from engine to engine: newer kernels (cgroup version
# 2) give each container a view of its own. And one line nobody expects: `user`. Hold on to it for two minutes.

# %% [markdown] id="01-21" tags=["core", "picture"] minutes=1
# ![Picture 2. One kernel is the floor under everything on the left. On it stand processes of the machine, and one
# fenced field called web1 with a process in it. The fence has five parts, named pid, net, mnt, uts and ipc, and a
# gap, named user. Above the field hangs a gauge: cgroup, 16 MB. On the right, apart, a virtual machine: a box with a
# floor of its own, a second kernel.](images/walls.svg)
#
# **Picture 2.** The walls (namespaces) decide what the process sees. The gauge above it, a ration (cgroup), decides
# what it may use. On the right a virtual machine, with a floor of its own.

# %% [markdown] id="01-22-text" tags=["core", "text"] at="fresh"
# ## By hand

# %% id="01-22" tags=["core", "guess"] minutes=1
lab.guess("01-g6")

# %% id="01-22-answer" tags=["core", "guess", "solution"]
lab.answer("01-g6", "c", confidence=2)

# %% id="01-23" tags=["core", "run"] minutes=1 needs="namespaces"
# %%bash
# docker save my-web-app:1.0 -o my-web-app.tar
# python unpack.py my-web-app.tar by-hand
# TIMEFORMAT='%R seconds'
# time unshare --user --map-root-user --fork --kill-child --pid --mount --uts \
#   chroot by-hand sh -c 'mount -t proc proc /proc; hostname by-hand; hostname; ps; id -u'

# %% [markdown] id="01-23-after" tags=["core", "reading"]
# A name of its own, a list of its own that begins with 1, files of its own, in a fraction of a second.
# `unshare`: give the next program views of its own. `chroot`: let it take this folder for the whole disk. docker adds
# networks, rations, names, images and comfort. The container itself is the kernel's.

# %% [markdown] id="01-24" tags=["core", "box"]
# > **People say:** "Docker invented containers."
# >
# > **In fact** the kernel has the walls and the rations. docker, Podman and Kubernetes ask it for them.

# %% [markdown] id="01-25-text" tags=["core", "text"] at="web1"
# ## Who are you in there?

# %% id="01-25" tags=["core", "guess"]
lab.guess("01-g7")

# %% id="01-25-answer" tags=["core", "guess", "solution"]
lab.answer("01-g7", "c", confidence=2)

# %% id="01-26" tags=["core", "fail"] minutes=1 needs="engine" fails="permission denied"
# %%bash
# docker exec web1 id -u
# docker exec web1 mount -t tmpfs none /home

# %% [markdown] id="01-26-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `mount`, in the container |
# | which question | *may I?* |
# | words that are mine | none |
# | meaning | *are you root?* it asks. Yes: root with most of its powers taken away |
#
# `docker exec web1 grep CapEff /proc/1/status` shows the powers that are left, one bit each: 14 of some 40.

# %% [markdown] id="01-27-text" tags=["core", "text"]
# ## Whose file is it?
#
# And now the line that nobody expects. A folder of this computer is shown to a container, which writes a file into
# it.

# %% id="01-27" tags=["core", "run"] minutes=1 needs="engine"
# %%bash
# docker run --rm -v "$PWD/box:/box" my-web-app:1.0 touch /box/made-inside
# python -c 'import os; file = os.stat("box/made-inside"); print(file.st_uid, file.st_gid)'

# %% [markdown] id="01-27-after" tags=["core", "reading"]
# `0 0`: the file lies on the machine, and belongs to number 0, the machine's root, and to its group. If you work as
# an ordinary user, you may not even change it. There was no wall around *who*. (Docker Desktop and rootless engines
# put a translation in between, and show your own number.)

# %% [markdown] id="01-28" tags=["core", "box"]
# > **People say:** "Root in a container is nobody outside."
# >
# > **In fact**, by default, it is root, with fewer powers. Whoever may start containers may get at the machine's
# > files.

# %% [markdown] id="01-28-text" tags=["stretch", "text"]
# ## More: container or virtual machine?

# %% id="01-28-e4" tags=["stretch", "exercise"] minutes=2
lab.exercise("01-e4")

# %% id="01-28-answer" tags=["stretch", "exercise", "solution"]
lab.answer(
    "01-e4",
    {
        "driver": "vm",
        "windows": "vm",
        "hundred": "container",
        "versions": "container",
        "strangers": "both",
        "laptop": "both",
    },
)

# %% [markdown] id="01-half" tags=["core", "text"]
# ---
# ## Half-time
#
# A good place to stop. You have seen it from two sides: a number 1 inside, a number among others outside.

# %% [markdown] id="01-32-text" tags=["core", "text"] at="web1"
# ## One image, two containers
#
# A second container of the same image. Then Aiko puts up a notice, on the page of the first one.

# %% id="01-32" tags=["core", "run"] minutes=1 needs="engine"
# %%bash
# docker rm -f -v web2 > /dev/null 2>&1 || true
# docker run -d --name web2 my-web-app:1.0 > /dev/null
# docker exec web1 sh -c 'echo "<p>Closed on Sunday</p>" >> /www/index.html'
# for each in web1 web2; do docker exec $each tail -1 /www/index.html; done
# docker diff web1

# %% [markdown] id="01-32-after" tags=["core", "reading"]
# The last line of each page: the notice on `web1`'s, and on `web2`'s what the image has. `docker diff` lists what
# lies on a container's sheet: `C` is *changed*, `A` *added*, `D` *deleted*.

# %% [markdown] id="01-33" tags=["core", "picture"] minutes=1
# ![Picture 3. Two stacks of sheets side by side, web1 and web2. The two lower sheets run below both: the base with
# busybox, and above it the page, /www. They are the image my-web-app:1.0, only read, and shared. On top lies one
# sheet for each container: web1's has /www/index.html on it, changed; web2's is blank. An eye above web1 looks down
# and stops at the top sheet. An eye above web2 looks through its blank sheet down to the image's
# page.](images/sheets.svg)
#
# **Picture 3.** Reading goes down through the sheets until one has the file. Writing never goes down: the file is
# copied up first, and changed on the container's own sheet. (The kernel's name for it is *overlayfs*.)

# %% [markdown] id="01-34-text" tags=["core", "text"] at="two"
# ## Asleep, or gone?

# %% id="01-34" tags=["core", "guess"] minutes=1
lab.guess("01-g8")

# %% id="01-34-answer" tags=["core", "guess", "solution"]
lab.answer("01-g8", "b", confidence=2)

# %% id="01-35" tags=["core", "run"] minutes=1 needs="engine"
# %%bash
# docker stop -t 1 web1 > /dev/null; docker start web1 > /dev/null
# docker exec web1 tail -1 /www/index.html
# docker rm -f web1 > /dev/null; docker run -d --name web1 my-web-app:1.0 > /dev/null
# docker exec web1 tail -1 /www/index.html

# %% [markdown] id="01-35-after" tags=["core", "reading"]
# Stopped is asleep, with its sheet. Removed is gone, sheet and all.

# %% [markdown] id="01-35-box" tags=["core", "box"]
# > **People say:** "ECR stores our containers."
# >
# > **In fact** it stores images. You have started two containers of one image, and removed one of them: the image is
# > what it was, and no registry has heard of either.

# %% [markdown] id="01-36-text" tags=["core", "text"] at="fresh"
# ## What must outlive it
#
# A **volume** is a folder that the engine keeps, and that belongs to no container: `-v NAME:/path` lays it over a
# folder of the container. A folder of your own goes the same way: `-v "$PWD/folder:/path"`. What is mounted lies over
# all sheets.

# %% id="01-36" tags=["core", "exercise"] minutes=3
lab.exercise("01-e5")

# %% id="01-37" tags=["core", "exercise", "starter"]
# %%bash
# echo "your commands go here"

# %% id="01-37" tags=["core", "exercise", "solution"] needs="engine"
# %%bash
# docker rm -f -v board > /dev/null 2>&1 || true
# docker run -d --name board -v closing:/www my-web-app:1.0 > /dev/null
# docker exec board sh -c 'echo "<p>Closed on Sunday</p>" >> /www/index.html'
# python night.py

# %% id="01-38" tags=["core", "exercise", "solution"]
lab.solution("01-e5")

# %% [markdown] id="01-39" tags=["stretch", "text"]
# ## More: the old volume and the new image

# %% id="01-40" tags=["stretch", "guess"] minutes=1
lab.guess("01-g9")

# %% id="01-40-answer" tags=["stretch", "guess", "solution"]
lab.answer("01-g9", "b", confidence=2)

# %% id="01-41" tags=["stretch", "run"] minutes=1 needs="engine"
# %%bash
# docker volume rm -f harbour-notes > /dev/null
# docker run --rm -v harbour-notes:/www my-web-app:1.0 true
# docker run --rm my-web-app:2.0 cat /www/version.txt
# docker run --rm -v harbour-notes:/www my-web-app:2.0 cat /www/version.txt

# %% [markdown] id="01-41-after" tags=["stretch", "reading"]
# An empty volume is filled from the image, once. From then on it lies *over* the image's folder, whatever the image
# brings.

# %% [markdown] id="01-42" tags=["core", "text"] at="two"
# ## How much may it use?
#
# Omar gives each container 16 megabytes, so that none can starve the others.

# %% id="01-43" tags=["core", "guess"]
lab.guess("01-g10")

# %% id="01-43-answer" tags=["core", "guess", "solution"]
lab.answer("01-g10", "c", confidence=2)

# %% id="01-44" tags=["core", "run"] minutes=1 needs="memory"
# %%bash
# docker run --rm -m 16m my-web-app:1.0 sh -c 'free | head -2
#   cd /sys/fs/cgroup
#   for limit in memory.max memory/memory.limit_in_bytes; do test ! -f $limit || cat $limit; done'

# %% [markdown] id="01-44-after" tags=["core", "reading"]
# It *sees* all the memory of the machine (in kilobytes), and may *use* 16,777,216 bytes. A wall hides, a ration
# limits, and neither does the other's work. Programs that plan with what `free` says have died of this.

# %% id="01-45" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("01-e6")

# %% id="01-45-answer" tags=["core", "exercise", "solution"]
lab.answer("01-e6", "d", confidence=2)

# %% id="01-46" tags=["core", "run"] minutes=1 needs="memory"
# %%bash
# docker rm -f -v greedy > /dev/null 2>&1 || true
# docker run --name greedy -m 16m --memory-swap 16m my-web-app:1.0 \
#   sh -c 'tail /dev/zero' || echo "docker run ended with $?"
# docker inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' greedy

# %% [markdown] id="01-46-after" tags=["core", "reading"]
# Half a second, and not a word from the program.

# %% id="01-46-why" tags=["core", "exercise", "solution"]
lab.solution("01-e6")

# %% id="01-47" tags=["core", "exercise"] minutes=2
lab.exercise("01-e7")

# %% id="01-47-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "01-e7",
    {
        **dict.fromkeys(("first", "name", "root", "cards"), "see"),
        **dict.fromkeys(("killed", "five", "half"), "use"),
        **dict.fromkeys(("kernel", "libraries"), "neither"),
    },
)

# %% [markdown] id="01-48-text" tags=["core", "text"] at="two"
# ## 137 again
#
# `docker stop` asks politely (signal 15) and waits ten seconds, or as many as `-t` says.

# %% id="01-48" tags=["core", "guess"]
lab.guess("01-g11")

# %% id="01-48-answer" tags=["core", "guess", "solution"]
lab.answer("01-g11", "d", confidence=2)

# %% id="01-49" tags=["core", "run"] minutes=1 needs="engine"
# %%bash
# docker start web2 > /dev/null
# TIMEFORMAT='%R seconds'
# time docker stop -t 2 web2
# docker inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' web2

# %% [markdown] id="01-49-after" tags=["core", "reading"]
# Number 1 hears only what it has asked to hear, and this server asked for nothing. After the wait comes the other
# kill. **137 twice, two causes**: the second field tells. (`docker run --init` puts a number 1 in front that listens:
# the stop takes no time, and the code is 143, 128 + 15.)

# %% [markdown] id="01-50-text" tags=["core", "text"] at="fresh"
# ## Two bytes
#
# `harbour:1` is an image with one file of some 200 bytes. Bytes 18 and 19 of a program say for which processor it was
# made: `3e 00` is amd64, `b7 00` is arm64.

# %% id="01-50" tags=["core", "run", "volatile"] minutes=1
# %%bash
# wc -c < harbour/hello
# od -A d -j 18 -N 2 -t x1 harbour/hello

# %% id="01-50-live" tags=["core", "run"] needs="engine"
# %%bash
# docker run --rm harbour:1

# %% id="01-51" tags=["core", "guess"]
lab.guess("01-g12")

# %% id="01-51-answer" tags=["core", "guess", "solution"]
lab.answer("01-g12", "c", confidence=2)

# %% id="01-52" tags=["core", "fail"] minutes=1 needs="engine" fails="format error"
# %%bash
# mkdir -p harbour-2; cp harbour/* harbour-2/
# printf '\xf7\x00' | dd of=harbour-2/hello bs=1 seek=18 conv=notrunc status=none
# docker build -q -t harbour:2 harbour-2/ > /dev/null
# docker image inspect -f 'the label says {{.Architecture}}' harbour:2
# docker run --rm harbour:2

# %% [markdown] id="01-52-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | the kernel's words, passed on by the engine |
# | which question | none of the four: *can it run here?* |
# | words that are mine | the path of the file |
# | meaning | the kernel does not know the format of that file |

# %% id="01-53" tags=["core", "exercise"]
lab.exercise("01-e8")

# %% id="01-53-answer" tags=["core", "exercise", "solution"]
lab.answer("01-e8", "c")

# %% [markdown] id="01-53-box" tags=["core", "box"]
# ## Dara and Omar
#
# > **People say:** "A container runs on any system."
# >
# > **In fact** it needs a kernel of the same family and a processor of the same kind. Dara's laptop has an Apple
# > chip, and builds for arm64. Omar's server is amd64. `--platform` is the remedy (lessons 04 and 09).

# %% [markdown] id="01-54-text" tags=["core", "text"] at="two"
# ## Six that did not live
#
# `dead.py` makes six containers, and shows of each its status, its exit code and its last words.

# %% id="01-54" tags=["core", "run"] minutes=1 needs="engine"
# %%bash
# python dead.py

# %% id="01-54-look" tags=["core", "run"] needs="engine"
# %%bash
# for name in one two; do
#   docker cp $name:/$name.sh - | tar xO | head -c 11 | od -A n -c
# done

# %% [markdown] id="01-54-after" tags=["core", "reading"]
# `docker cp` gets a file out of a container that is dead; `od -c` shows every character of it.

# %% id="01-55" tags=["core", "exercise"] minutes=2
lab.exercise("01-e9")

# %% id="01-55-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "01-e9",
    {
        **{"greedy": "memory", "web2": "stopped", "one": "firstline", "two": "windows"},
        **{"three": "mode", "four": "path", "five": "word", "six": "background"},
    },
)

# %% id="01-55-why" tags=["core", "exercise", "solution"]
lab.solution("01-e9")

# %% [markdown] id="01-57-text" tags=["core", "text"] at="fresh"
# ## On your own

# %% id="01-57" tags=["core", "exercise"] minutes=4
lab.exercise("01-e10")

# %% id="01-58" tags=["core", "exercise", "starter"]
# %%bash
# ls -l start; od -A n -c start/start.sh | head -2

# %% id="01-58" tags=["core", "exercise", "solution"]
# %%bash
# sed 's/\r$//; s/^httpd/exec httpd -f/' start/start.sh > fixed
# cp fixed start/start.sh; chmod +x start/start.sh; rm fixed
# cat start/start.sh

# %% id="01-58-why" tags=["core", "exercise", "solution"]
lab.solution("01-e10")

# %% [markdown] id="01-60" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear
# once yours is saved.

# %% id="01-60-say" tags=["core", "interview"]
lab.exercise("01-i1")

# %% id="01-60-said" tags=["core", "interview", "solution"]
lab.answer(
    "01-i1",
    text="A container is an ordinary process of the machine, started from an image. Namespaces decide what it sees, "
    "cgroups what it may use. What it writes lies on a sheet of its own and goes with it. Kernel and processor are the "
    "machine's, and have to fit.",
    made=["process", "walls", "sheet", "fit"],
)

# %% [markdown] id="01-61" tags=["core", "guess"]
# ## What you thought at first
#
# Your three first guesses have their answers now. Here they are again, with what you said then.

# %% id="01-61-back" tags=["core", "guess"]
lab.look_back("01")

# %% [markdown] id="01-62" tags=["core", "summary"] minutes=1
# ## On one screen
#
# | you see | ask | it means |
# |---|---|---|
# | 137, `OOMKilled` true | how much does it need? | over its memory limit |
# | 137, `OOMKilled` false | who stopped it? | killed: a stop that number 1 did not hear, or `kill -9` |
# | *created*, 126 · 127 | is the file there, may it be executed? | it was never started |
# | `exec format error` | `7f 45 4c 46` or text? | other processor · no first line `#!` |
# | `no such file`, and it is there | how does the first line end? | what the first line names is not there |
# | 0 at once | who is number 1? | it was done, or went into the background |
# | *Up*, and no page | `exec … ps`, `wget`, mounts | number 1 lives; more is not said |

# %% [markdown] id="01-62-aws" tags=["core", "box"]
# > **On real AWS** a container on ECS or EKS is the same: a process of a machine that you rent. On Fargate, AWS
# > starts a small virtual machine around each task, because strangers share the house. What lies in ECR is images,
# > never containers, and an image for arm64 does not start on an amd64 machine there either.

# %% [markdown] id="01-64" tags=["core", "text"]
# ## Yours to play
#
# `docker run --rm -it my-web-app:1.0 sh` in a terminal, and look around. Nothing you break in there is anybody
# else's.

# %% [markdown] id="01-65" tags=["core", "text"]
# ## Left behind
#
# Containers, two volumes and some images. The reset removes the containers and the volumes. Images stay, and so do
# your files and your progress.

# %% id="01-66" tags=["core", "run"]
lab.reset("01")
