# %% [markdown] id="05-01" tags=["core", "text"] minutes=1
# # 05 · ECR or Docker Hub
#
# After this lesson you can
#
# - **show** each difference between the two by a request of your own,
# - **get servers started** again when a pull limit is reached,
# - **decide** for a company, and say which of your reasons is a fact of theirs.
#
# You need nothing but this computer; without a container engine, the lab's stand-in acts as `docker`, and all nine
# exercises count. {{neighbours}}

# %% [markdown] id="05-01-story" tags=["core", "text"]
# Monday, ten o'clock. Aiko holds up a bill: *Why do we have ECR? Docker Hub has private repositories as well.* Three
# people answer, with three adjectives. By noon you will have a table in which each cell is a request that **you** made.
#
# Docker Hub itself is out of reach here. *The Hub*, in this lesson, is the lab's own registry in its style, at `$HUB`.

# %% [markdown] id="05-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **namespace** | the first part of a name at the Hub, a person or an organisation: `learner/…`, `harbourbikes/…` |
# | **access token** | a second password that may do less, made for one program |
# | **team** | members of an organisation who share permissions on its repositories: read, write or admin |
# | **ECR Public** | AWS's registry for everybody: another service, another address, other permissions |

# %% id="05-02" tags=["core", "run", "volatile"]
# %load_ext ecrlab_course
lab.lesson("05")

# %% [markdown] id="05-02-table" tags=["core", "text"]
# Here is the table. It fills when you have asked, never before, and nobody can write into it: not you, not a check, not
# the lab.

# %% id="05-02-table-run" tags=["core", "run"]
lab.table()  # before anything was asked

# %% [markdown] id="05-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="05-03-r1" tags=["core", "recall"]
lab.guess("05-r1")

# %% id="05-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("05-r1", "b")

# %% id="05-03-r2" tags=["core", "recall"]
lab.guess("05-r2")

# %% id="05-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("05-r2", "c")

# %% id="05-03-r3" tags=["core", "recall"]
lab.guess("05-r3")

# %% id="05-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("05-r3", "a")

# %% [markdown] id="05-04-text" tags=["core", "text"] at="fresh"
# ## One image, two registries
#
# Dara has drawn a map of the bicycle stations. Log in at both places, and give the image an address at each.

# %% id="05-04" tags=["core", "run"] minutes=1
# %%bash
# docker login --username learner --password-stdin "$HUB" < "$HUB_PASSWORD_FILE"
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker tag harbour-map:1 "$HUB/learner/harbour-map:1"
# docker tag harbour-map:1 "$REGISTRY/harbour-map:1"

# %% [markdown] id="05-05-text" tags=["core", "text"] at="logged-in"
# ## Two pushes
#
# Same image, two names. At neither place is there a `harbour-map`. Say first what you expect.

# %% id="05-05" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("05-e1")

# %% id="05-05-answer" tags=["core", "exercise", "solution"]
lab.answer("05-e1", "b", confidence=2)

# %% id="05-06" tags=["core", "fail", "volatile"] minutes=1 fails="push-without-repository"
# %%bash
# docker push -q "$HUB/learner/harbour-map:1"
# docker push -q "$REGISTRY/harbour-map:1"

# %% [markdown] id="05-06-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `docker`; the sentence is ECR's. The Hub's push ended in the line above it |
# | which question | *is it there?* |
# | words that are mine | the repository's name, and the account |
#
# One made the shelf when you came with the box, the other asked you to build it. What else did the Hub decide when it
# made it? Look on.

# %% id="05-06-why" tags=["core", "exercise", "solution"]
lab.solution("05-e1")

# %% [markdown] id="05-07-text" tags=["core", "text"] at="pushed"
# ## A minute later
#
# A cell that begins with `--as nobody` belongs to a stranger: no AWS keys, no password of the Hub, and a docker that is
# logged in nowhere.

# %% id="05-07" tags=["core", "guess"] minutes=1
lab.guess("05-g1")

# %% id="05-07-answer" tags=["core", "guess", "solution"]
lab.answer("05-g1", "c", confidence=2)

# %% id="05-08" tags=["core", "run"] minutes=1
# %%bash --as nobody
# docker rmi -f "$HUB/learner/harbour-map:1" > /dev/null
# docker pull -q "$HUB/learner/harbour-map:1"
# docker tag harbour-map:1 "$HUB/learner/harbour-map:1"

# %% [markdown] id="05-08-card" tags=["core", "reading"]
# A minute ago it was on your laptop. **A stranger has it.** A push makes a repository as the namespace's setting says,
# and here that says *public*. What a new account at Docker Hub is set to could not be confirmed: look before the first
# push, not after.

# %% id="05-08-table" tags=["core", "run", "volatile"] minutes=1
lab.table()  # after two pushes and a stranger

# %% [markdown] id="05-08-table-card" tags=["core", "reading"]
# Each filled cell names the request that proved it. Open one: it is a row of your X-ray. What you ask tomorrow is
# added; what you saw today stays, also when the lab is reset.

# %% [markdown] id="05-09-picture" tags=["core", "picture"] minutes=1
# ### What a push finds
#
# ![Picture 1, what a push finds. Left, Docker Hub: a laptop pushes learner/harbour-map; no shelf is there, so one is
# made, with the sign public; a stranger takes the image from it. Right, ECR: a laptop pushes harbour-map; no shelf is
# there, and the answer is 404. After create-repository there is a shelf with the sign who are you?, and a stranger
# stands before it.](images/push-finds.svg)
#
# **Picture 1.** Left, the Hub: the laptop pushes, a shelf is made with the sign *public*, and a stranger takes the
# image. Right, ECR: the laptop pushes, there is no shelf, the answer is 404. Once it is made, its sign asks *who are
# you?*, and the stranger stands before it.

# %% id="05-10" tags=["core", "exercise"] minutes=3
lab.exercise("05-e2")

# %% id="05-10-work" tags=["core", "exercise", "starter"]
lab.hub.repositories

# %% id="05-10-work" tags=["core", "exercise", "solution"]
changed = lab.hub.api("PATCH", "/v2/repositories/learner/harbour-map", {"is_private": True}, user="learner")
print(changed["name"], "· private:", changed["is_private"])

# %% id="05-10-stranger" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as nobody
# docker rmi -f "$HUB/learner/harbour-map:1" > /dev/null
# docker pull -q "$HUB/learner/harbour-map:1" || echo "the stranger does not get it"

# %% id="05-10-owner" tags=["core", "exercise", "solution"]
# %%bash
# docker pull -q "$HUB/learner/harbour-map:1"

# %% id="05-10-check" tags=["core", "exercise", "solution"]
lab.check("05-e2")

# %% id="05-10-why" tags=["core", "exercise", "solution"]
lab.solution("05-e2")

# %% [markdown] id="05-10-box" tags=["core", "box"]
# > **People say:** "Docker Hub is public, ECR is private."
# >
# > **In fact** the Hub has both, by a setting; a free account includes {{fact:hub-private-personal}}. A private
# > repository of the Hub turns strangers away as one of ECR does, so *private* speaks for neither.

# %% [markdown] id="05-11-text" tags=["core", "text"] at="pushed"
# ## Smaller keys
#
# The build robot should not have your password. Make it a key that can read.

# %% id="05-11" tags=["core", "run"] minutes=1
key = lab.hub.api("POST", "/v2/access-tokens", {"token_label": "robot", "scopes": ["repo:read"]}, user="learner")
print(key["token"][:11] + "…", "· ends:", key["expires_at"], "· may:", ", ".join(key["scopes"]))
print("robot:", lab.hub.login(secret=key["token"], profile="ci"))

# %% [markdown] id="05-11-card" tags=["core", "reading"]
# Shown once, now. It ends never, unless you set a date, and it reads **every** repository of yours: a personal token
# cannot be made for one alone. (Organisations can have such keys; the lab does not.)

# %% id="05-12" tags=["core", "run", "volatile"] minutes=1
# %%bash --as ci
# docker tag harbour-map:1 "$HUB/learner/harbour-map:2"
# docker pull -q "$HUB/learner/harbour-map:1"
# docker push -q "$HUB/learner/harbour-map:2" || echo "the robot may not push"

# %% id="05-12-xray" tags=["core", "run", "volatile"]
lab.xray()  # a key that reads

# %% [markdown] id="05-12-card" tags=["core", "reading"]
# The refusal has no word on who, what or why; ECR's name all three (lesson 04). The X-ray knows: docker asked for a
# pass with `pull,push` and got one with `pull`. At the Hub the permissions are **in the pass**, settled when it is
# made. ECR's token holds none: IAM is asked at each request.

# %% [markdown] id="05-13-text" tags=["core", "text"]
# People get their permissions from **teams**. Omar is a member of `harbourbikes`. What is his pass good for, before he
# is in a team, and after?

# %% id="05-13" tags=["core", "run"] minutes=1
import base64
import json

import requests


def omar_may():
    ask = {"scope": "repository:harbourbikes/booking:pull,push"}
    answer = requests.get(f"http://{lab.hub.address}/token", params=ask, auth=("omar", lab.hub.password("omar")))
    middle = answer.json()["token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=="))["access"][0]["actions"]


lab.hub.team("ops", "omar")
print("in a team without repositories:", omar_may())
lab.hub.team("ops", "omar", booking="read")
print("in a team that reads booking:  ", omar_may())

# %% [markdown] id="05-13-card" tags=["core", "reading"]
# Three words are all there are: *read, write, admin*. No condition, no hour, no tag, no second company. For many teams
# that is enough, and quicker than IAM. What IAM can say more is lesson 06.

# %% [markdown] id="05-14-text" tags=["core", "text"] at="pushed"
# ## A door for everybody
#
# The map is for tourists. Can ECR give it to them?

# %% id="05-14" tags=["core", "guess"] minutes=1
lab.guess("05-g2")

# %% id="05-14-answer" tags=["core", "guess", "solution"]
lab.answer("05-g2", "c", confidence=2)

# %% id="05-15-open" tags=["core", "run"] minutes=1
# %%bash
# aws ecr describe-repositories --query 'repositories[].repositoryName' | grep -q harbour-open ||
#   aws ecr create-repository --repository-name harbour-open --query repository.repositoryName
# docker tag harbour-map:1 "$REGISTRY/harbour-open:1"
# docker push -q "$REGISTRY/harbour-open:1"
# aws ecr set-repository-policy --repository-name harbour-open --query repositoryName --policy-text '{
#   "Version": "2012-10-17", "Statement": [{"Sid": "Everybody", "Effect": "Allow", "Principal": "*",
#   "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}]}'

# %% id="05-15" tags=["core", "fail", "volatile"] fails="pull-without-login"
# %%bash --as nobody
# docker rmi -f "$REGISTRY/harbour-open:1" > /dev/null
# docker pull -q "$REGISTRY/harbour-open:1"

# %% [markdown] id="05-15-card" tags=["core", "reading"]
# **How to read it.** *Who are you?*, nothing else, and no word is yours. **Everybody** means everybody whom AWS knows.
# The first door asks for a name before any policy is read, and a stranger has none. A private repository has no switch
# to public.

# %% [markdown] id="05-16-text" tags=["core", "text"] at="public"
# ## The other door
#
# For strangers AWS has a service of its own.

# %% id="05-16" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws ecr-public describe-repositories --region us-east-1 --query 'repositories[].repositoryName' |
#   grep -q harbour-map || aws ecr-public create-repository --region us-east-1 --repository-name harbour-map > /dev/null
# aws ecr-public describe-repositories --region us-east-1 \
#   --query 'repositories[0].repositoryUri' --output text | tee public-address.txt

# %% [markdown] id="05-16-card" tags=["core", "reading"]
# Another host (`public.ecr.aws`, here behind a port), a short name for you that AWS made up, and an API in one Region
# only. The address now lies in `public-address.txt`, where a stranger can read it.

# %% id="05-17" tags=["core", "exercise"] minutes=3
lab.exercise("05-e3")

# %% id="05-17-work" tags=["core", "exercise", "starter"]
# %%bash
# cat public-address.txt

# %% id="05-17-work" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# PUBLIC=$(cat public-address.txt)
# aws ecr-public get-login-password --region us-east-1 |
#   docker login --username AWS --password-stdin "$PUBLIC_REGISTRY"
# docker tag harbour-map:1 "$PUBLIC:1"
# docker push -q "$PUBLIC:1"

# %% id="05-17-stranger" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as nobody
# PUBLIC=$(cat public-address.txt)
# docker rmi -f "$PUBLIC:1" > /dev/null
# docker pull -q "$PUBLIC:1"

# %% id="05-17-check" tags=["core", "exercise", "solution", "volatile"]
lab.check("05-e3")

# %% id="05-17-why" tags=["core", "exercise", "solution"]
lab.solution("05-e3")

# %% id="05-18" tags=["core", "guess"] minutes=1
lab.guess("05-g3")

# %% id="05-18-answer" tags=["core", "guess", "solution"]
lab.answer("05-g3", "b", confidence=2)

# %% id="05-19" tags=["core", "run", "volatile"] minutes=1
# %%bash
# ecrlab clock reset > /dev/null
# aws ecr-public get-login-password --region us-east-1 |
#   docker login --username AWS --password-stdin "$PUBLIC_REGISTRY" > /dev/null
# ecrlab clock +13h
# docker rmi -f "$(cat public-address.txt):1" > /dev/null 2>&1 || true
# docker pull -q "$(cat public-address.txt):1" || echo "Omar does not get it"

# %% [markdown] id="05-19-card" tags=["core", "reading"]
# **How to read it.** Engines word it differently; ECR Public's own words are *Your authorization token has expired*. So
# the question is *who are you?*: docker showed a login, and it was looked at. **Who shows nothing is treated better
# than who shows something old.** Where docker guesses that a login is required: on the contrary, `docker logout` helps.

# %% id="05-19-stranger" tags=["core", "run", "volatile"]
# %%bash --as nobody
# docker pull -q "$(cat public-address.txt):1" && echo "the stranger has it" ||
#   echo "nothing is there yet: exercise 05-e3 puts it there"

# %% id="05-19-after" tags=["core", "run", "volatile"]
# %%bash
# docker logout "$PUBLIC_REGISTRY"
# ecrlab clock reset

# %% [markdown] id="05-19-limit-text" tags=["stretch", "text"]
# *More.* ECR Public's door has an end, too: {{fact:public-anonymous-rate}}. With that number set here, a stranger asks
# three times in one second.

# %% id="05-19-limit" tags=["stretch", "run", "volatile"] minutes=1
# %%bash --as nobody
# ecrlab quota set --public "unauthenticated image pulls per second" 1 > /dev/null
# ADDRESS=$(cat public-address.txt)
# TOKEN=$(curl -s "http://${ADDRESS%%/*}/token/" |
#   python -c 'import json, sys; print(json.load(sys.stdin)["token"])')
# for _ in 1 2 3; do
#   curl -s -o answer.json -w '%{http_code}\n' -H "Authorization: Bearer $TOKEN" \
#     "http://${ADDRESS%%/*}/v2/${ADDRESS#*/}/manifests/1"
# done
# cat answer.json; rm answer.json
# ecrlab quota reset --public "unauthenticated image pulls per second" > /dev/null

# %% [markdown] id="05-19-limit-card" tags=["stretch", "reading"]
# `429`, *how often?*, and no word is yours: no account, no link of Docker's, no number of what is left. A second later
# the same request is welcome, and who signs in may ask ten times as often. (`404` three times: exercise 05-e3 puts the
# map there.)

# %% [markdown] id="05-half" tags=["core", "text"] minutes=1
# ## Half-time
#
# A good place to stop. Say it in one breath: *what does a push find, at the Hub and at ECR?* And: *how would you show
# it?*

# %% [markdown] id="05-20" tags=["core", "text"] minutes=1 at="morning"
# ## Nine o'clock
#
# The shop opens. A hundred and one servers start, each with an empty disk, and all stand behind one address: that of
# the office. They want `busybox` from the Hub.
#
# | new word | in a line |
# |---|---|
# | **pull limit** | so many manifests in six hours, counted for an address or an account |
# | **upstream** | the registry that a copy or a cache takes its images from |
# | **pull-through cache** | a rule: what is asked for under this prefix and is not here, fetch it there and keep it |

# %% [markdown] id="05-21-text" tags=["core", "text"]
# First look, without spending anything.

# %% id="05-21" tags=["core", "run", "volatile"] minutes=1
# %%bash
# TOKEN=$(curl -s "http://$HUB/token?scope=repository:ratelimitpreview/test:pull" |
#   python -c 'import json, sys; print(json.load(sys.stdin)["token"])')
# curl -sI -H "Authorization: Bearer $TOKEN" "http://$HUB/v2/ratelimitpreview/test/manifests/latest" | grep -i ratelimit

# %% [markdown] id="05-21-card" tags=["core", "reading"]
# Three headers: **for whom** it counts, **how many** in how many seconds, **how many are left** (a stranger of page 1
# may have spent one). 21,600 seconds are six hours. Docker documents this very question for its Hub, and these numbers:
# {{dated:hub-pulls-anonymous}}, {{fact:hub-pulls-personal}}. *Ten an hour*, which people still quote, was a plan that
# did not stay.

# %% id="05-22" tags=["core", "exercise"] minutes=3
lab.exercise("05-e4")

# %% id="05-22-answer" tags=["core", "exercise", "solution"]
costs = {"get": "counts", "new-server": "counts"}
free = ("head", "layer", "push", "login", "up-to-date", "no-tag", "ecr")
lab.answer("05-e4", {**costs, **dict.fromkeys(free, "free")})

# %% id="05-22-why" tags=["core", "exercise", "solution"]
lab.solution("05-e4")

# %% [markdown] id="05-22-text" tags=["core", "text"]
# Now measured: each is done once, and the number is read before and after.

# %% id="05-22-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# python costs.py || true

# %% [markdown] id="05-23-text" tags=["core", "text"] at="morning"
# ## The queue
#
# `fleet.py` starts servers, one after the other. Each fetches the manifest and the layers, as docker on an empty disk
# does.

# %% id="05-23" tags=["core", "fail", "volatile"] minutes=1 fails="reached your unauthenticated pull rate limit"
# %%bash
# python fleet.py 101

# %% [markdown] id="05-23-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | the Hub: a link to Docker, and no account, Region or action of AWS |
# | which question | none of *who, may, is it there*. A fourth: *how often?* |
# | words that are mine | none. The header `docker-ratelimit-source` has them: the address |
#
# Did fewer than a hundred start? What you measured, and the stranger, came from the same address in the same six hours.

# %% [markdown] id="05-24-text" tags=["core", "text"] at="nine"
# ## Next door
#
# The office next door has another address. Same Hub, same minute. (Here it is a second port of the lab's Hub, which
# counts for another address.)

# %% id="05-25" tags=["core", "run", "volatile"] minutes=1
from requests import get

for office, hub in (("ours", lab.hub.address), ("next door", lab.hub.next_door)):
    ask = {"scope": "repository:library/busybox:pull"}
    show = {"Authorization": "Bearer " + get(f"http://{hub}/token", params=ask).json()["token"]}
    answer = get(f"http://{hub}/v2/library/busybox/manifests/latest", headers=show)
    left = answer.headers["ratelimit-remaining"]
    print(f"{office}: {answer.status_code}, {answer.headers['docker-ratelimit-source']} has {left} left")

# %% [markdown] id="05-25-card" tags=["core", "reading"]
# **The limit hangs on the address.** A hundred servers behind one NAT share a hundred pulls; so do a class and its
# teacher. Two people at home have a hundred each.

# %% id="05-26" tags=["core", "exercise"] minutes=3
lab.exercise("05-e5")

# %% id="05-26-work" tags=["core", "exercise", "starter"]
# %%bash
# python fleet.py 3 || true

# %% id="05-26-work" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# python fleet.py 3 me

# %% id="05-26-check" tags=["core", "exercise", "solution"]
lab.check("05-e5")

# %% id="05-26-why" tags=["core", "exercise", "solution"]
lab.solution("05-e5")

# %% [markdown] id="05-27-text" tags=["core", "text"] at="nine"
# ## A way out that lasts
#
# ECR can fetch what it lacks, and keep it. One rule says from where, for which prefix. First a guess.

# %% id="05-27-guess" tags=["core", "guess"] minutes=1
lab.guess("05-g4")

# %% id="05-27-guess-answer" tags=["core", "guess", "solution"]
lab.answer("05-g4", "c", confidence=2)

# %% id="05-27" tags=["core", "run", "volatile"] minutes=1
# %%bash
# SECRET=arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf
# aws ecr describe-pull-through-cache-rules | grep -q '"docker-hub"' ||
#   aws ecr create-pull-through-cache-rule --ecr-repository-prefix docker-hub \
#     --upstream-registry-url registry-1.docker.io --credential-arn "$SECRET" --query upstreamRegistry
# python fleet.py 101 ecr docker-hub/library/busybox

# %% [markdown] id="05-27-card" tags=["core", "reading"]
# A hundred strangers had used up the address, but ECR comes with a name: for the Hub a rule *must* have a login, kept
# in Secrets Manager. (Here the Hub's user `learner` takes its place, and no secret is read.)

# %% id="05-28" tags=["core", "run", "volatile"]
lab.xray(service="hub")  # what the Hub saw of it

# %% [markdown] id="05-28-card" tags=["core", "reading"]
# The client is `ecr`, signed in: one manifest with its layers, if it was not here already, and then silence. The second
# server, and the hundredth, met a copy. ECR compares a tag with the Hub {{fact:cache-check-rate}}, and serves what it
# has when the Hub is away.

# %% [markdown] id="05-28-picture" tags=["core", "picture"] minutes=1
# ### Nine o'clock, twice
#
# ![Picture 2, nine o'clock. Left: a hundred and one servers, all arrows run through one gate, one address, to the Hub;
# its counter runs from 100 to 0, and the last arrow ends at the gate with 429. Below, the office next door has a gate
# and a counter of its own. Right: the same servers, all arrows go to ECR in this Region; from ECR one single arrow goes
# to the Hub, labelled once, by name.](images/nine.svg)
#
# **Picture 2.** Left: all servers come to the Hub through one gate, *one address*; its counter runs from 100 to 0, and
# the last arrow ends there with 429. The office next door has a gate and a counter of its own. Right: all servers go to
# ECR in this Region, and one single arrow goes from ECR to the Hub: *once, by name*.

# %% id="05-29" tags=["core", "exercise"] minutes=3
lab.exercise("05-e6")

# %% id="05-29-work" tags=["core", "exercise", "starter"]
# %%bash
# SECRET=arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf
# echo "your commands go here"

# %% id="05-29-work" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# SECRET=arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf
# aws ecr describe-pull-through-cache-rules | grep -q '"mirror"' ||
#   aws ecr create-pull-through-cache-rule --ecr-repository-prefix mirror \
#     --upstream-registry-url registry-1.docker.io --credential-arn "$SECRET" --query upstreamRegistry
# python fleet.py 101 ecr mirror/library/busybox

# %% id="05-29-check" tags=["core", "exercise", "solution"]
lab.check("05-e6")

# %% id="05-29-why" tags=["core", "exercise", "solution"]
lab.solution("05-e6")

# %% [markdown] id="05-30" tags=["core", "box"]
# > **People say:** "ECR has no limits."
# >
# > **In fact** it counts no pulls in six hours. It has rates ({{fact:batch-get-image-rate}}) and quotas; lesson 07
# > meets one. ECR Public has both for strangers: {{fact:public-anonymous-rate}}, and a monthly amount of data
# > ({{dated:public-anonymous-data}}).

# %% [markdown] id="05-31-text" tags=["stretch", "text"]
# *More.* Another 429, from another morning.

# %% id="05-31" tags=["stretch", "exercise", "volatile"] minutes=2
lab.exercise("05-e7")

# %% id="05-31-answer" tags=["stretch", "exercise", "solution", "volatile"]
lab.answer("05-e7", "account", confidence=2)

# %% id="05-31-why" tags=["stretch", "exercise", "solution"]
lab.solution("05-e7")

# %% [markdown] id="05-32-text" tags=["core", "text"] at="cached"
# ## Decide
#
# Your table. Look at what is grey and what is empty: grey is what somebody wrote, empty is what you would be guessing
# at. Lessons 06, 07 and 08 fill more of it.

# %% id="05-32" tags=["core", "run", "volatile"]
lab.table()  # before the decision

# %% id="05-33" tags=["core", "exercise"] minutes=2
lab.exercise("05-e8")

# %% id="05-33-answer" tags=["core", "exercise", "solution"]
shown = dict.fromkeys(("hub-makes", "no-count", "hours"), "shows")
against = dict.fromkeys(("ecr-makes", "hub-private", "switch"), "opposite")
not_run = dict.fromkeys(("safer", "unlimited", "cleaning"), "open")
lab.answer("05-e8", {**shown, **against, **not_run})

# %% id="05-33-why" tags=["core", "exercise", "solution"]
lab.solution("05-e8")

# %% [markdown] id="05-34-box" tags=["core", "box"]
# > **People say:** "ECR is safer, because it is private. And there is Google Container Registry."
# >
# > **In fact** both can be private, so say what the one can do and the other cannot: keys that end on their own,
# > permissions down to a tag, a record of who did what. Google Container Registry was closed on {{fact:gcr-closed}}.

# %% id="05-34" tags=["core", "exercise"] minutes=4
lab.exercise("05-e9")

# %% id="05-34-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "05-e9",
    a="Docker Hub, public", a1="strangers find it and pull without an account", a2="it costs them nothing",
    b="ECR, with a cache for the Hub's images", b1="machines get keys that end on their own, and no password is stored",
    b2="base images come through one door, fetched once",
    c="Docker Hub, a paid plan", c1="paid by the person, with any number of private repositories",
    c2="nothing to set up but teams",
    d="ECR, and a public registry beside it", d1="another AWS account is let in by its number",
    d2="each Region has its own copy, by a rule",
)  # fmt: skip

# %% id="05-34-why" tags=["core", "exercise", "solution"]
lab.solution("05-e9")

# %% [markdown] id="05-35" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear once
# yours is saved.

# %% id="05-35-say" tags=["core", "interview"]
lab.exercise("05-i1")

# %% id="05-35-said" tags=["core", "interview", "solution"]
lab.answer(
    "05-i1",
    text="I ask first who pulls, and from where. Your nodes at AWS get keys that end on their own, and ECR counts no "
    "pulls in the Region; base images come through a cache, once. Images for the world stay at the Hub. Both can be "
    "private, so that decides nothing. The price for your seats I have not checked.",
    made=["asks", "keys", "limit", "stays", "unknown"],
)

# %% [markdown] id="05-36" tags=["core", "summary"] minutes=1
# ## On one screen
#
# | ask | Docker Hub | ECR |
# |---|---|---|
# | a push to a new name | makes it, as the namespace's setting says | refuses, unless a template says otherwise |
# | a stranger | gets what is public | is asked *who are you?*, whatever the policy says |
# | for everybody | the same registry | ECR Public: another service, host and permissions |
# | what docker keeps | password or access token, until it is taken back | a token for {{fact:token-lifetime}} |
# | where permissions are | in the pass, settled when it is made | behind the door, asked at each request |
# | who may, said how | teams: read, write, admin | IAM policies (lesson 06) |
# | pulls | counted for an address or an account: 429 | not counted in six hours; rates and quotas |
# | of the other | | a pull-through cache: once, by name |

# %% [markdown] id="05-36-picture" tags=["core", "picture"]
# ![Picture 3, three doors. Private ECR asks who? and may you? of everybody, to pull and to push. ECR Public asks nobody
# who pulls, and asks who? and may you? of whoever pushes; somebody with an old ticket is stopped there, too. The Hub
# asks for a pass, with or without a name on it.](images/doors.svg)
#
# **Picture 3.** Private ECR asks *who? may you?*, always. ECR Public lets everybody pull, asks *who? may you?* of
# whoever pushes, and stops whoever shows an old ticket. The Hub wants a pass, with or without a name on it.

# %% [markdown] id="05-36-aws" tags=["core", "box"]
# > **On real AWS**
# >
# > - The Hub is three hosts, and all of it is TLS: the registry, the token service, and the web pages with their API.
# > - A rule's login lies in Secrets Manager, in a secret whose name begins with `ecr-pullthroughcache/`.
# > - The first pull of a cache may need a way to the internet; whoever makes it needs two more permissions than a pull.
# > - Prices: people and plans on one side, gigabytes on the other. Look at both vendors' own pages before you quote
# >   any.

# %% [markdown] id="05-36-yours" tags=["core", "text"]
# ## Yours to play
#
# Which cell of your table would you like to see say something else? Try it: a later proof is added above the earlier
# one.

# %% id="05-36-play" tags=["core", "run", "volatile"]
sorted(lab.hub.repositories)

# %% [markdown] id="05-36-left" tags=["core", "text"]
# ## Left behind
#
# Repositories at the Hub, at ECR and at ECR Public, cache rules, a used-up address, docker's logins: the reset puts all
# that back. Your table stays; lesson 06 goes on with it.

# %% id="05-36-reset" tags=["core", "run"]
lab.reset("05")
