# %% [markdown] id="lab-01-01" tags=["core", "text"] minutes=2
# # Lab 01 · Ship my-web-app
#
# After this lab you can
#
# - **bring a change from source into ECR** without being told the steps,
# - **run it with another identity's permissions**,
# - **prove** that what runs is what was pushed.
#
# 40 minutes. Before: lesson 04. Three of the four milestones count on every machine; the third needs a container
# engine, because something has to run.

# %% [markdown] id="lab-01-01-story" tags=["core", "text"]
# It is four in the afternoon. Dara has finished version 1.2 of the booking page: bicycles may be returned at any
# landing stage. By tonight Omar's server has to run it, **from ECR**. Omar will ask you how you know.

# %% id="lab-01-02" tags=["core", "run", "volatile"] minutes=1
# %load_ext ecrlab_course
lab.lesson("lab-01")

# %% [markdown] id="lab-01-03" tags=["core", "text"] minutes=1
# ## What you have
#
# | what | where |
# |---|---|
# | the source | the folder `my-web-app-1.2`, in this lab's folder |
# | your registry | `$REGISTRY`; nothing of 1.2 is in it |
# | yourself | `admin`: a cell with `%%bash` |
# | Omar's server | the user `ops`: a cell with `%%bash --as ops`. It may pull, and no more |
#
# There are no steps. The checks look at what is there, never at how it got there: docker, buildx, compose, skopeo or a
# script of your own. Names and tags are yours to choose.

# %% id="lab-01-03-source" tags=["core", "run"]
# %%bash
# cat my-web-app-1.2/Dockerfile my-web-app-1.2/www/version.txt

# %% [markdown] id="lab-01-04" tags=["core", "picture"]
# ![Picture 1, the way of version 1.2. A build makes an image from the source on this computer; a push sends it to ECR;
# the server, as ops, pulls it and runs a container. Four numbers mark the milestones: 1 at ECR, 2 at the server, 3 at
# the container, 4 from the container back to ECR, where both must have the same digest.](images/way.svg)
#
# **Picture 1.** The four milestones. Take them in any order that works.

# %% [markdown] id="lab-01-05-text" tags=["core", "text"] at="fresh"
# ## Milestone 1

# %% id="lab-01-05" tags=["core", "exercise"] minutes=10
lab.exercise("lab-01-m1")

# %% id="lab-01-05-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "your commands go here; add as many cells as you like"

# %% id="lab-01-05-work" tags=["core", "exercise", "solution"]
# %%bash
# aws ecr describe-repositories --repository-names harbour/booking > /dev/null 2>&1 ||
#   aws ecr create-repository --repository-name harbour/booking \
#     --query repository.repositoryName --output text
# aws ecr get-login-password |
#   docker login --username AWS --password-stdin "$REGISTRY"
# docker build -q -t "$REGISTRY/harbour/booking:1.2" my-web-app-1.2/ > /dev/null 2>&1
# docker push -q "$REGISTRY/harbour/booking:1.2"

# %% id="lab-01-05-why" tags=["core", "exercise", "solution"]
lab.solution("lab-01-m1")

# %% [markdown] id="lab-01-06-text" tags=["core", "text"] at="pushed"
# ## Milestone 2

# %% id="lab-01-06" tags=["core", "exercise"] minutes=8
lab.exercise("lab-01-m2")

# %% id="lab-01-06-work" tags=["core", "exercise", "starter"]
# %%bash --as ops
# echo "the server's commands go here"

# %% id="lab-01-06-work" tags=["core", "exercise", "solution"]
# %%bash --as ops
# aws ecr get-login-password |
#   docker login --username AWS --password-stdin "$REGISTRY"
# docker rmi -f "$REGISTRY/harbour/booking:1.2" > /dev/null 2>&1
# docker pull -q "$REGISTRY/harbour/booking:1.2"

# %% id="lab-01-06-check" tags=["core", "exercise", "solution", "volatile"]
lab.check("lab-01-m2")

# %% id="lab-01-06-why" tags=["core", "exercise", "solution"]
lab.solution("lab-01-m2")

# %% [markdown] id="lab-01-07-text" tags=["core", "text"] at="pulled"
# ## Milestone 3

# %% id="lab-01-07" tags=["core", "exercise"] minutes=8
lab.exercise("lab-01-m3")

# %% id="lab-01-07-work" tags=["core", "exercise", "starter"]
# %%bash --as ops
# echo "start it here"

# %% id="lab-01-07-work" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as ops
# docker rm -f booking > /dev/null 2>&1 || true
# if docker run -d --name booking "$REGISTRY/harbour/booking:1.2" > /dev/null 2>&1; then
#   sleep 1
#   docker exec booking /bin/busybox wget -qO- http://127.0.0.1:8080/version.txt
# else
#   echo "no engine here: nothing can run"
# fi

# %% id="lab-01-07-why" tags=["core", "exercise", "solution"]
lab.solution("lab-01-m3")

# %% [markdown] id="lab-01-08-text" tags=["core", "text"] at="pulled"
# ## Milestone 4
#
# Omar asks: *how do I know that this is what you built?* A tag is not an answer.

# %% id="lab-01-08" tags=["core", "exercise"] minutes=6
lab.exercise("lab-01-m4")

# %% id="lab-01-08-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "look for the digest here, then fill in the fields above"

# %% id="lab-01-08-answer" tags=["core", "exercise", "solution", "volatile"]
name = {"repositoryName": "harbour/booking", "imageIds": [{"imageTag": "1.2"}]}
digest = ecr.describe_images(**name)["imageDetails"][0]["imageDigest"]
lab.answer("lab-01-m4", repository="harbour/booking", digest=digest)

# %% id="lab-01-08-check" tags=["core", "exercise", "solution", "volatile"]
lab.check("lab-01-m4")

# %% id="lab-01-08-why" tags=["core", "exercise", "solution"]
lab.solution("lab-01-m4")

# %% [markdown] id="lab-01-09" tags=["core", "interview"] minutes=3
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear once
# yours is saved.

# %% id="lab-01-09-say" tags=["core", "interview"]
lab.exercise("lab-01-i1")

# %% id="lab-01-09-said" tags=["core", "interview", "solution"]
lab.answer(
    "lab-01-i1",
    text="I ask the runtime for the digest of the image that it started, because the tag may have moved since. Then I "
    "ask the registry which repository and tags hold that digest.",
    made=["digest", "registry"],
)

# %% [markdown] id="lab-01-10" tags=["core", "box"] minutes=1
# > **On real AWS**
# >
# > - In production nobody starts containers by hand: ECS or Kubernetes pull with their own role (lesson 09), and report
# >   the digest of what they started.
# > - The build runs in a pipeline, so the source on your laptop is never what ships.
# > - The server is another computer: a name that exists only where you built it fails there at once.

# %% [markdown] id="lab-01-11" tags=["core", "text"]
# ## Left behind
#
# A repository, images and a container. The button of the next cell removes every image of 1.2, the container and the
# logins, and puts back the permissions that `ops` had at first.

# %% id="lab-01-12" tags=["core", "run"]
lab.reset("lab-01")
