# %% [markdown] id="10-01" tags=["core", "text"] minutes=1
# # 10 · Interview
#
# After this lesson you can
#
# - **answer** with a reason,
# - **show** it on the registry,
# - **ask** the next question.
#
# You need nothing but this computer; without a container engine, the lab's stand-in acts as `docker`, and all seven
# exercises count. {{neighbours}}

# %% [markdown] id="10-01-story" tags=["core", "text"]
# Harbour Bikes needs a second platform engineer. On Thursday somebody interviews you. Today you sit on both chairs.

# %% [markdown] id="10-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **key point** | a sentence that a good answer must hold |
# | **follow-up** | the second question; it often decides |
# | **evidence** | what a request returned, not what somebody remembers |
# | **red flag** | a sentence or a deed that worries an interviewer |
# | **unaided** | said without a hint, before the points were shown |
# | **scorecard** | what was said, shown and left out, on one page |

# %% id="10-02" tags=["core", "run", "volatile"] minutes=1
# %load_ext ecrlab_course
lab.lesson("10")

# %% [markdown] id="10-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="10-03-r1" tags=["core", "recall"]
lab.guess("10-r1")

# %% id="10-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("10-r1", "c")

# %% id="10-03-r2" tags=["core", "recall"]
lab.guess("10-r2")

# %% id="10-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("10-r2", "a")

# %% id="10-03-r3" tags=["core", "recall"]
lab.guess("10-r3")

# %% id="10-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("10-r3", "b")

# %% [markdown] id="10-04-text" tags=["core", "text"] at="begun"
# ## The same question, three chairs
#
# *“The push works from Dara's laptop. In CI it ends with* not authorized to perform: ecr:InitiateLayerUpload. *What do
# you do?”*
#
# - **First chair:** “That's the token, it lives twelve hours. GetAuthorizationToken, PowerUser, then it works.”
# - **Second chair:** “CI is another user than Dara. Its policy does not allow this, so I'd add the actions of a push.”
# - **Third chair:** “CI is another user; the message names it. Nobody allowed the action, it says. I'd ask as CI who it
#   is, change one statement and push again. Which action comes next I have not checked.”

# %% id="10-04-guess" tags=["core", "guess"] minutes=1
lab.guess("10-g1")

# %% id="10-04-guess-answer" tags=["core", "guess", "solution"]
lab.answer("10-g1", "c", confidence=2)

# %% [markdown] id="10-05-text" tags=["core", "text"]
# ### Read it in three breaths
#
# Omar may pull, and nothing else. He asks for what a push asks for first.

# %% id="10-05" tags=["core", "fail"] minutes=1 fails="because no identity-based policy allows"
# %%bash --as ops
# aws ecr initiate-layer-upload --repository-name web/page

# %% [markdown] id="10-05-card" tags=["core", "reading"]
# **How to read it**
#
# | breath | words | tells |
# |---|---|---|
# | who is asking | `User: …user/ops` | somebody who is known: the login is not the question |
# | what, on what | `ecr:InitiateLayerUpload on resource: …repository/web/page` | one action, one thing: compare |
# | how does it end | `because no identity-based policy allows` | nobody said yes; *explicit deny* leads elsewhere |
#
# ECR's API printed it. In front of an interviewer, these three are an answer by themselves.

# %% [markdown] id="10-05-picture" tags=["core", "picture"] minutes=1
# ### Four locks
#
# ![Picture 1, four locks in a row, passed from left to right by a request that goes to the registry. First lock, can it
# be reached: a refusal prints nothing but a timeout. Second lock, who are you: no basic auth credentials, or
# authorization token has expired. Third lock, does it exist: name unknown. Fourth lock, may you: is not authorized to
# perform, with an action and an ending. Behind the fourth stands the image.](images/locks.svg)
#
# **Picture 1.** A request to the registry passes four locks, left to right, to the image. *Can it be reached?* prints a
# timeout. *Who are you?* prints `no basic auth credentials` or `token has expired`. *Does it exist?* prints `name
# unknown`. *May you?* prints `not authorized to perform`. At the API, the last two come in the other order.

# %% id="10-06" tags=["core", "exercise"] minutes=4
lab.exercise("10-e1")

# %% id="10-06-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "your request goes here: behind %%bash write whose it is"

# %% id="10-06-work" tags=["core", "exercise", "solution"]
# %%bash --as ops
# aws sts get-caller-identity --query Arn --output text

# %% id="10-06-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "10-e1",
    who="the user that the ARN names, who was known",
    action="InitiateLayerUpload, the begin of a layer",
    thing="the repository named in the message, in its account and Region",
    ending="no identity-based policy allows it",
    look="ask as that user who AWS takes it for, and push again after one change",
    edge="whether the later actions of a push are allowed",
)

# %% id="10-06-why" tags=["core", "exercise", "solution"]
lab.solution("10-e1")

# %% [markdown] id="10-06-box" tags=["core", "box"]
# > **People say:** “It depends.”
# >
# > **In fact** it depends on two or three things, and you can name them. *It depends on who asks: the message names a
# > user, so I compare that ARN first.* Now it is a reason, and the cell above has shown it.

# %% [markdown] id="10-07-text" tags=["core", "text"] at="slide" minutes=1
# ## A slide from the intranet
#
# | | Amazon ECR in six sentences |
# |---|---|
# | 1 | Images are encrypted with a KMS key by default. |
# | 2 | A login is good for twelve hours. |
# | 3 | A layer is stored once for all repositories of a registry. |
# | 4 | Docker Hub lets you pull ten images an hour without a login. |
# | 5 | A tag of a repository with immutable tags can still be deleted. |
# | 6 | To name another account in a repository's policy is not enough for its people to pull. |

# %% id="10-07" tags=["core", "exercise"] minutes=3
lab.exercise("10-e2")

# %% id="10-07-answer" tags=["core", "exercise", "solution"]
lab.answer("10-e2", key="wrong", hours="holds", once="wrong", ten="wrong", deleted="holds", account="holds")

# %% id="10-07-why" tags=["core", "exercise", "solution"]
lab.solution("10-e2")

# %% [markdown] id="10-08-text" tags=["core", "text"]
# ### Said so far. Now shown
#
# An interviewer with a terminal asks: *how do you know?*

# %% id="10-08" tags=["core", "exercise"] minutes=3
lab.exercise("10-e3")

# %% id="10-08-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "your request goes here"

# %% id="10-08-work" tags=["core", "exercise", "solution"]
# %%bash
# aws ecr describe-repositories --output text \
#   --query 'sort_by(repositories, &repositoryName)[].[repositoryName, encryptionConfiguration.encryptionType]'

# %% id="10-08-check" tags=["core", "exercise", "solution"]
lab.check("10-e3")

# %% id="10-08-why" tags=["core", "exercise", "solution"]
lab.solution("10-e3")

# %% [markdown] id="10-09-text" tags=["core", "text"] at="slide"
# ## One layer, two shelves
#
# Sentence 3 deserves a second look: it is the one that most people believe.

# %% id="10-09" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("10-e4")

# %% id="10-09-answer" tags=["core", "exercise", "solution"]
lab.answer("10-e4", "b", confidence=2)

# %% id="10-09-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws ecr create-repository --repository-name web/jobs --query repository.repositoryName ||
#   echo "web/jobs is there already"
# docker pull -q "$REGISTRY/web/page:1"
# docker tag "$REGISTRY/web/page:1" "$REGISTRY/web/jobs:1"
# docker push "$REGISTRY/web/jobs:1" | tail -1

# %% id="10-09-xray" tags=["core", "run", "volatile"]
lab.xray()  # what web/jobs was sent

# %% [markdown] id="10-09-card" tags=["core", "reading"]
# Look for `PATCH`: the first one carries the layer, some 60 kB. The very bytes were in the registry, on another shelf.
# (A second run of the push sends nothing: now this shelf has them.)

# %% id="10-09-why" tags=["core", "exercise", "solution"]
lab.solution("10-e4")

# %% [markdown] id="10-10-text" tags=["core", "text"]
# ### The same push, with one setting
#
# The registry has a setting for this since February 2026. It is off until somebody turns it on.

# %% id="10-10-guess" tags=["core", "guess"] minutes=1
lab.guess("10-g2")

# %% id="10-10-guess-answer" tags=["core", "guess", "solution"]
lab.answer("10-g2", "b", confidence=2)

# %% id="10-10" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws ecr put-account-setting --name BLOB_MOUNTING --value ENABLED --query value --output text
# aws ecr create-repository --repository-name web/night --query repository.repositoryName ||
#   echo "web/night is there already"
# docker tag "$REGISTRY/web/jobs:1" "$REGISTRY/web/night:1"
# docker push "$REGISTRY/web/night:1" | tail -1
# aws ecr put-account-setting --name BLOB_MOUNTING --value DISABLED --query value --output text

# %% id="10-10-xray" tags=["core", "run", "volatile"]
lab.xray()  # what web/night was sent

# %% [markdown] id="10-10-card" tags=["core", "reading"]
# docker asked for the layer *from another repository*: `201`, *I have it*, and not a byte of it was sent; a `PATCH`
# that you see carries the small config. Without the setting such a request is answered `202`, *send it*.
#
# **So sentence 3 is wrong by default, and right with a setting that you name.** That is the answer to give.

# %% [markdown] id="10-10-picture" tags=["core", "picture"] minutes=1
# ![Picture 2, one layer and three repositories of one registry. web/page has the layer. To web/jobs an arrow goes from
# the computer, labelled 202, 60 kB sent. To web/night a dashed arrow goes from web/jobs, labelled 201, mounted, 0
# bytes; above it a switch, BLOB_MOUNTING, is on.](images/shelves.svg)
#
# **Picture 2.** `web/page` has the layer. To `web/jobs` an arrow goes from the computer: *202, 60 kB sent*. To
# `web/night` a dashed arrow goes from `web/jobs`: *201, mounted, 0 bytes*, under a switch that is on.

# %% [markdown] id="10-11-text" tags=["core", "text"]
# ### Immutable, and gone
#
# Sentence 5 holds. A repository with immutable tags gets `1`, and then another image as `1`.

# %% id="10-11" tags=["core", "fail", "volatile"] minutes=1 fails="push-to-immutable-tag"
# %%bash
# aws ecr create-repository --repository-name web/fixed --image-tag-mutability IMMUTABLE \
#   --query repository.imageTagMutability --output text || echo "web/fixed is there already"
# docker tag "$REGISTRY/web/page:1" "$REGISTRY/web/fixed:1"
# docker push -q "$REGISTRY/web/fixed:1"
# date > page/built.txt
# echo 'COPY built.txt /www/' | cat page/Dockerfile - | docker build -q -t "$REGISTRY/web/fixed:1" -f - page > /dev/null
# docker push -q "$REGISTRY/web/fixed:1"

# %% [markdown] id="10-11-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | docker; the sentence is the registry's |
# | which question | none of *who, may I, does it exist*: a setting of the repository |
# | words that are mine | the tag and the repository |

# %% id="10-11-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws ecr batch-delete-image --repository-name web/fixed --image-ids imageTag=1 \
#   --query 'imageIds[].imageTag' --output text
# docker push -q "$REGISTRY/web/fixed:1"

# %% [markdown] id="10-11-after" tags=["core", "reading"]
# Deleted, and pushed: the tag names another image now. **Immutable is about moving, not about deleting.** Who may call
# `BatchDeleteImage` is the other half of the answer.

# %% [markdown] id="10-12-text" tags=["core", "text"] at="sprint"
# ## Evidence sprint
#
# Somebody else's Friday, and a terminal. The next cell puts things as they stand; behind it nobody gives you a command.

# %% id="10-12-friday" tags=["core", "run"]
lab.goto("10", "sprint")

# %% id="10-12" tags=["core", "exercise"] minutes=7
lab.exercise("10-e5")

# %% id="10-12-work" tags=["core", "exercise", "starter"]
# %%bash
# aws iam get-user-policy --user-name ops --policy-name pages

# %% id="10-12-work" tags=["core", "exercise", "solution"]
import json

iam, ecr = lab.client("iam"), lab.client("ecr")
policy = iam.get_user_policy(UserName="ops", PolicyName="pages")["PolicyDocument"]
text = json.dumps(policy).replace("repository/web/pages", "repository/web/page")
iam.put_user_policy(UserName="ops", PolicyName="pages", PolicyDocument=text)
tags = [{"imageTag": tag} for tag in ("1", "prod")]
one, prod = (ecr.batch_get_image(repositoryName="web/page", imageIds=[tag])["images"][0] for tag in tags)
if one["imageId"]["imageDigest"] != prod["imageId"]["imageDigest"]:
    manifest, kind = one["imageManifest"], one["imageManifestMediaType"]
    ecr.put_image(repositoryName="web/page", imageManifest=manifest, imageManifestMediaType=kind, imageTag="prod")

# %% id="10-12-pull" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as ops
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker pull -q "$REGISTRY/web/page:1"

# %% id="10-12-later" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as ops
# ecrlab clock +13h
# docker rmi -f "$REGISTRY/web/page:1" > /dev/null
# docker pull -q "$REGISTRY/web/page:1" || echo "the login has expired"
# ecrlab clock reset

# %% id="10-12-check" tags=["core", "exercise", "solution"]
lab.check("10-e5")

# %% id="10-12-why" tags=["core", "exercise", "solution"]
lab.solution("10-e5")

# %% [markdown] id="10-13-text" tags=["core", "text"]
# ## The other chair
#
# Whoever has once had to choose a question knows what questions are for.

# %% [markdown] id="10-13-picture" tags=["core", "picture"] minutes=1
# ![Picture 3, two chairs at a table. Before the candidate's chair lie three cards: cause, proof, edge. Before the
# interviewer's chair lie three cards: listen, what is missing, one question. Between them stands a screen that both
# see, with a request and its answer.](images/chairs.svg)
#
# **Picture 3.** Before the candidate lie three cards: *cause, proof, edge*. Before the interviewer three others:
# *listen, what is missing, one question*. Between them a screen that both see: a request and its answer.

# %% id="10-13" tags=["core", "exercise"] minutes=2
lab.exercise("10-e6")

# %% id="10-13-answer" tags=["core", "exercise", "solution"]
lab.answer("10-e6", "a")

# %% id="10-13-why" tags=["core", "exercise", "solution"]
lab.solution("10-e6")

# %% [markdown] id="10-14-text" tags=["core", "text"] minutes=1
# ## ECR or Docker Hub, the last time
#
# The table of lesson 05. Each filled cell is a request of yours, from any lesson; grey is what is documented only. An
# empty one is what you would be guessing at on Thursday.

# %% id="10-14" tags=["core", "run", "volatile"]
lab.table()  # closed

# %% [markdown] id="10-14-card" tags=["core", "reading"]
# One cell names this lesson, *a cache of the other* at the Hub, and stays empty: no page was found that describes
# such a rule of the Hub's, and what was not found proves nothing. In an interview that is an edge.
#
# Close it for yourself: which two rows decide for Harbour Bikes, and which two for a weekend project? Two rows, each
# with its request, are a better answer than all of them by name.

# %% [markdown] id="10-15-text" tags=["core", "text"]
# ## My plan
#
# What you missed in this course is on this computer, in your progress.

# %% id="10-15" tags=["core", "exercise"] minutes=2
lab.exercise("10-e7")

# %% id="10-15-answer" tags=["core", "exercise", "solution"]
ways = {"how1": "a drill with evidence, 10 min", "how2": "three questions aloud, 10 min"}
topics = {"first": "06 IAM", "second": "05 ECR or Docker Hub", "third": "08 safe and small"}
lab.answer("10-e7", **topics, **ways, how3="an exercise again, 10 min")

# %% id="10-15-why" tags=["core", "exercise", "solution"]
lab.solution("10-e7")

# %% [markdown] id="10-15-mock" tags=["core", "text"]
# Then rehearse it: `lab.mock(minutes=8)` asks, waits, and keeps a scorecard; with 20 or 45 minutes it is an interview.
# `lab.ready()` shows what you made unaided in two weeks, `lab.mock(minutes=20, partner=True)` is for two people.

# %% [markdown] id="10-16" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down. The points of a good answer appear once yours is saved.

# %% id="10-16-say" tags=["core", "interview"]
lab.exercise("10-i1")

# %% id="10-16-said" tags=["core", "interview", "solution"]
lab.answer(
    "10-i1",
    text="It depends on who pulls, and from where. For your own nodes at AWS a role gives logins that expire after 12 "
    "hours, and ECR has no count of pulls in six hours. The Hub counts for the address: one HEAD shows the header. "
    "Images for the world stay there. I have not checked the price for your traffic.",
    made=["asks", "keys", "limit", "shown", "edge"],
)

# %% [markdown] id="10-17" tags=["core", "summary"] minutes=1
# ## On one screen
#
# | on this chair | do | not |
# |---|---|---|
# | candidate | the cause: who, what, how it ends | names and numbers without a use |
# | | the proof: one request, and what its answer would say | *it works now* |
# | | the edge: what was not checked | *I am sure* |
# | | the least that helps | `ecr:*`, *for now* |
# | interviewer | listen for the missing point | a new topic |
# | | one open question about it | yes or no; the answer inside the question |

# %% [markdown] id="10-17-aws" tags=["core", "box"]
# > **On real AWS**
# >
# > - `BLOB_MOUNTING` is a setting of the registry in one Region; the source must have the same encryption and key.
# > - The end of a refusal names the kind of policy. A service control policy is changed by whoever runs the
# >   organization.
# > - A permission that was just changed can take some seconds: push again before you look for another cause.
# > - Prices and limits move. Say the date with the number.

# %% [markdown] id="10-17-yours" tags=["core", "text"]
# ## Yours to play
#
# Take the slide's sentence that you were surest of, and try to make it false.

# %% id="10-17-play" tags=["core", "run"]
# %%bash
# aws ecr list-images --repository-name web/page --query 'imageIds[].imageTag' --output text

# %% [markdown] id="10-17-left" tags=["core", "text"]
# ## Left behind
#
# The repositories below `web/`, Omar's policy, docker's logins: the reset puts all that back. Your table, your plan and
# your progress stay.

# %% id="10-17-reset" tags=["core", "run"]
lab.reset("10")
