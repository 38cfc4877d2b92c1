# %% [markdown] id="09-01" tags=["core", "text"] minutes=1
# # 09 · Delivery
#
# After this lesson you can
#
# - **let** a pipeline in without giving it a key,
# - **stop** a bad build before anybody runs it, and take a release back,
# - **say** who fetches an image, and read why it did not come.
#
# You need this computer and git; without a container engine, the lab's stand-in acts as `docker`, and all exercises
# count. {{neighbours}}

# %% [markdown] id="09-01-story" tags=["core", "text"]
# On Monday somebody pasted the build robot's access key into the team chat, so that a colleague could try something.
# It was deleted within a minute. *Is that soon enough?* asks Aiko. Nobody answers. At the end of this page the robot
# has no key to paste.

# %% [markdown] id="09-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **identity token** | a signed letter in which the git server says what its bearer is running |
# | **provider** | in IAM: the issuer whose letters this account reads at all |
# | **subject** | the line `sub` of the letter: who the bearer is |
#
# Page 2 adds *task definition*, *service*, *execution role* and *task role*.

# %% id="09-02" tags=["core", "run", "volatile"] minutes=1
# %load_ext ecrlab_course
lab.lesson("09")

# %% [markdown] id="09-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="09-03-r1" tags=["core", "recall"]
lab.guess("09-r1")

# %% id="09-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("09-r1", "a")

# %% id="09-03-r2" tags=["core", "recall"]
lab.guess("09-r2")

# %% id="09-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("09-r2", "b")

# %% id="09-03-r3" tags=["core", "recall"]
lab.guess("09-r3")

# %% id="09-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("09-r3", "c")

# %% [markdown] id="09-04" tags=["core", "text"] at="robot"
# ## The key that fits every day
#
# This is what was in the chat: the access key of `ci`.

# %% id="09-04-run" tags=["core", "run"] minutes=1
# %%bash
# aws iam list-access-keys --user-name ci --query 'AccessKeyMetadata[].Status' --output text
# aws sts get-caller-identity --profile ci --query Arn --output text

# %% [markdown] id="09-04-after" tags=["core", "reading"]
# `Active`. It works from every computer in the world, on every day, until a person remembers it. Nothing in it says
# *pipeline*, or *booking*, or *today*. A key proves one thing: that you have the key.

# %% [markdown] id="09-05" tags=["core", "text", "picture"] minutes=1
# ![Picture 1, three parties and a letter. On the left the git server: inside it a private key, on its outside wall the
# public keys, for everybody to read. In the middle the run of main, with a letter of four lines: from, about, to, good
# until. On the right the account: STS, a list of the providers whose letters it reads, and the role pipeline with its
# trust policy. Five arrows: 1, the git server writes and signs the letter for the run; 2, the run shows the letter to
# STS, and no key; 3, STS looks at the public keys on the wall; 4, STS reads the trust policy of the role; 5, STS gives
# the run keys for an hour.](images/letter.svg)
#
# **Picture 1.** The git server knows which repository and which branch it is running. It writes that down and signs it
# with a key that only it has (1). The run shows the letter to STS, and no key (2). STS verifies the signature with the
# public half, which hangs where anybody can look (3), asks the role's trust policy (4), and hands out keys for an hour
# (5).
#
# ## A letter instead
#
# A run gets such a letter by itself. Have one written, and read it:

# %% id="09-06" tags=["core", "run", "volatile"] minutes=1
# %%bash
# ecrlab ci token main > main.jwt
# python letters.py read main.jwt

# %% [markdown] id="09-06-after" tags=["core", "reading"]
# Nothing in it is hidden: base64 wraps and does not lock.
#
# | the letter | line |
# |---|---|
# | from | `iss`: the git server |
# | about | `sub`: what the bearer is running. GitHub writes it in the same form |
# | to | `aud`: STS, and nobody else |
# | good until | `exp`: five minutes after `iat` |
#
# What makes it worth something is the end: 342 characters that only the owner of the private key can write.

# %% [markdown] id="09-08" tags=["core", "text"]
# So far IAM would not even open it. Tell it whose letters to read:

# %% id="09-08-run" tags=["core", "run"] minutes=1
# %%bash
# aws iam create-open-id-connect-provider --url https://git.harbour-bikes.example \
#   --client-id-list sts.amazonaws.com --query OpenIDConnectProviderArn --output text ||
#   echo "there is one already"
# grep -A3 Condition trust.json

# %% [markdown] id="09-08-after" tags=["core", "reading"]
# You gave no key and no certificate. You said: *letters from this sender, addressed to `sts.amazonaws.com`, may be
# opened.* Whom to let in is the trust policy's business. Dara has drafted one for the role `pipeline`: `trust.json`.

# %% id="09-09" tags=["core", "guess"] minutes=1
lab.guess("09-g1")

# %% id="09-09-answer" tags=["core", "guess", "solution"]
lab.answer("09-g1", "b", confidence=2)

# %% id="09-10" tags=["core", "run", "volatile"] minutes=1
# %%bash
# ecrlab ci token main > main.jwt
# export AWS_WEB_IDENTITY_TOKEN_FILE=main.jwt
# export AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pipeline
# aws sts get-caller-identity --query Arn --output text
# aws sts get-caller-identity --query Arn --output text --profile ci

# %% [markdown] id="09-10-after" tags=["core", "reading"]
# Nobody wrote a line of code: `aws` found the two variables, showed the letter to STS, and got keys for an hour. The
# letter came before the profile of the *environment*; a profile named in the *command* came before the letter. And keys
# in the environment would come before all of these.

# %% id="09-11" tags=["core", "run", "volatile"] minutes=1
lab.xray()  # the letter, shown to STS

# %% [markdown] id="09-11-after" tags=["core", "reading"]
# `AssumeRoleWithWebIdentity`, and nobody has signed it: the letter is the only proof. So a letter that leaks opens the
# door, too. For five minutes, and only to what this role may.

# %% [markdown] id="09-12" tags=["core", "text"] at="reading"
# ## Two strangers

# %% id="09-12-g2" tags=["core", "guess"] minutes=1
lab.guess("09-g2")

# %% id="09-12-g2-answer" tags=["core", "guess", "solution"]
lab.answer("09-g2", "b", confidence=2)

# %% id="09-13" tags=["core", "fail", "volatile"] minutes=2 fails="Couldn't retrieve verification key"
# %%bash
# ecrlab ci token main --repository stranger/booking > stranger.jwt
# python letters.py forge stranger.jwt > forged.jwt
# export AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pipeline
# AWS_WEB_IDENTITY_TOKEN_FILE=stranger.jwt aws sts get-caller-identity --query Arn --output text
# AWS_WEB_IDENTITY_TOKEN_FILE=forged.jwt aws sts get-caller-identity --query Arn --output text

# %% [markdown] id="09-13-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `aws`; the sentence is STS's (which one AWS prints for a wrong signature is not documented) |
# | which question | *is this letter real?* It was asked of both, and the forged one failed |
# | words that are mine | none |
# | not in the text | the first line: the **honest stranger is in**, as `pipeline` |
#
# Nothing was stolen, and nothing was forged. Your door says: *letters of this git server, addressed to STS*. He has
# one.
#
# > **People say:** "The token is signed by our git server, so it is ours."
# >
# > **In fact** the server signs for everybody who has a repository there. On GitHub that is everybody.

# %% id="09-14" tags=["core", "exercise"] minutes=5
lab.exercise("09-e1")

# %% id="09-14-answer" tags=["core", "exercise", "solution", "policy"]
lab.answer(
    "09-e1",
    """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/git.harbour-bikes.example"},
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {"git.harbour-bikes.example:aud": "sts.amazonaws.com"},
        "StringLike": {
          "git.harbour-bikes.example:sub": [
            "repo:harbour-bikes/booking:ref:refs/heads/main",
            "repo:harbour-bikes/booking:ref:refs/tags/v*"
          ]
        }
      }
    }
  ]
}
""",
)

# %% id="09-14-why" tags=["core", "exercise", "solution"]
lab.solution("09-e1")

# %% [markdown] id="09-15" tags=["core", "text"] at="trusted"
# ## The stranger comes again

# %% id="09-15-run" tags=["core", "fail"] minutes=1 fails="Not authorized to perform sts:AssumeRoleWithWebIdentity"
# %%bash
# ecrlab ci token main --repository stranger/booking > stranger.jwt
# export AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pipeline
# AWS_WEB_IDENTITY_TOKEN_FILE=stranger.jwt aws sts get-caller-identity --query Arn --output text

# %% [markdown] id="09-15-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `aws`; the sentence is STS's |
# | which question | *may you?* His letter is real |
# | words that are mine | none: no subject, no condition, no name of the role |
# | not in the text | whether there is such a role at all. STS says the same when there is none |
#
# When it is you who stands outside: decode the letter, and lay it beside the trust policy.

# %% id="09-16-e2" tags=["core", "exercise"] minutes=3
lab.exercise("09-e2")

# %% id="09-16-e2-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "09-e2",
    main="in",
    tag="in",
    pull="not",
    environment="not",
    chat="invalid",
    old="late",
    fork="not",
)

# %% id="09-16-e2-why" tags=["core", "exercise", "solution"]
lab.solution("09-e2")

# %% id="09-16-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# python letters.py door

# %% [markdown] id="09-16-after" tags=["core", "reading"]
# Three kinds of no, in STS's own words. *Invalid* and *expired* are about the letter, *not authorized* is about your
# policy.

# %% id="09-17-e3" tags=["core", "exercise"] minutes=2
lab.exercise("09-e3")

# %% id="09-17-e3-answer" tags=["core", "exercise", "solution"]
lab.answer("09-e3", "c", confidence=2)

# %% id="09-17-e3-why" tags=["core", "exercise", "solution"]
lab.solution("09-e3")

# %% [markdown] id="09-18" tags=["core", "text", "picture"] at="trusted"
# ![Picture 2, the line. Five stations from left to right: build leaves an image, test leaves a report, push leaves a
# name in ECR, the tag of the commit; then a bar across the road, the gate, which leaves a yes or a no; behind it,
# deploy. Before the gate the road is wide and says: commits. Behind it the road is narrow and says: one
# digest.](images/line.svg)
#
# **Picture 2.** Build, test and push each leave something: an image, a report, a name in ECR. Then a bar across the
# road: the gate. Behind it only one thing goes on, the digest that was tested.
#
# ## The pipeline
#
# It is a file of the repository. Whoever changes it does so in a commit, which can be read.

# %% id="09-18-run" tags=["core", "run"] minutes=1
# %%bash
# tail -n 13 my-booking/pipeline.sh

# %% id="09-19" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("09-e4")

# %% id="09-19-answer" tags=["core", "exercise", "solution"]
lab.answer("09-e4", "c", confidence=2)

# %% id="09-20" tags=["core", "run", "volatile"] minutes=2
# %%bash
# cd my-booking
# git commit -q --allow-empty -m "Opening hours"
# git push -q lab main

# %% [markdown] id="09-20-after" tags=["core", "reading"]
# `remote:` is what the other side says while you push. It took your commit, wrote a letter for `refs/heads/main`, and
# ran `pipeline.sh`. The image's tag is the commit: nobody types a version number any more, and nobody can forget to.

# %% id="09-20-why" tags=["core", "exercise", "solution"]
lab.solution("09-e4")

# %% id="09-22" tags=["core", "run", "volatile"] minutes=1
lab.xray()  # a run of the pipeline

# %% [markdown] id="09-22-after" tags=["core", "reading"]
# The letter, the login, the push, the question of the gate: all of them `pipeline/run-…`. Look for `admin`.

# %% id="09-21" tags=["stretch", "run"] minutes=1
had = lab.ci.environment()
print(*had, sep=" ")
print("keys:", [name for name in had if "KEY" in name or "SECRET" in name])

# %% [markdown] id="09-21-after" tags=["stretch", "reading"]
# All that a run has, by name. `AWS_PROFILE`, your home, your `~/.aws` are not there. Had they been, whose name would be
# on the push? You have seen it three cells before the strangers came.

# %% [markdown] id="09-26" tags=["core", "text"] at="gates"
# ## The gate
#
# A scan writes a note and stops nothing (lesson 08), so a step of ours reads it. Before `gate.sh` there was
# another one, for a year: `old-gate.sh`. It asks ECR for one number.

# %% id="09-26-run" tags=["core", "run"]
# %%bash
# cat old-gate.sh

# %% id="09-27" tags=["core", "guess"] minutes=1
lab.guess("09-g3")

# %% id="09-27-answer" tags=["core", "guess", "solution"]
lab.answer("09-g3", "c", confidence=2)

# %% id="09-27-run" tags=["core", "run", "volatile"] minutes=2
# %%bash
# for tag in clean high critical bare; do
#   if bash old-gate.sh $tag; then echo "$tag: through"; else echo "$tag: STOPPED"; fi
# done

# %% [markdown] id="09-27-after" tags=["core", "reading"]
# `critical` has no finding that is `HIGH`. So the answer was the word `None`, `[ None -gt 0 ]` is an error, an error
# is not a yes, and only a yes stops. `bare` was never scanned, and the gate cannot tell that from clean. **A gate has
# to be shut by every answer but the one that opens it.**

# %% id="09-28" tags=["core", "exercise"] minutes=5
lab.exercise("09-e5")

# %% id="09-28-answer" tags=["core", "exercise", "solution", "policy"]
lab.answer(
    "09-e5",
    """#!/bin/bash
# The pipeline of the kiosk team.
set -euo pipefail
tag=${GIT_COMMIT:0:12}
image=$REGISTRY/booking:$tag
echo "--- build"
docker build -q -t "$image" .
echo "--- test"
bash test.sh | tee test.log
echo "--- push"
aws ecr get-login-password |
  docker login --username AWS --password-stdin "$REGISTRY" 2>&1 | tail -n 1
docker push -q "$image"
echo "--- gate"
bash gate.sh "$tag"
""",
)

# %% id="09-28-why" tags=["core", "exercise", "solution"]
lab.solution("09-e5")

# %% [markdown] id="09-35" tags=["core", "text"] at="gates"
# ## The last key in the building

# %% id="09-35-g4" tags=["core", "guess"] minutes=1
lab.guess("09-g4")

# %% id="09-35-g4-answer" tags=["core", "guess", "solution"]
lab.answer("09-g4", "a", confidence=2)

# %% id="09-35-run" tags=["core", "run", "volatile"] minutes=2
# %%bash
# KEY=$(aws iam list-access-keys --user-name ci --query 'AccessKeyMetadata[0].AccessKeyId' --output text)
# aws iam update-access-key --user-name ci --access-key-id "$KEY" --status Inactive
# cd my-booking
# git commit -q --allow-empty -m "Without a key"
# git push -q lab main

# %% [markdown] id="09-35-after" tags=["core", "reading"]
# Nobody noticed. The key in the chat opens nothing any more, and the pipeline never had it.

# %% id="09-36" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws cloudtrail lookup-events --max-items 1 --output text \
#   --lookup-attributes AttributeKey=EventName,AttributeValue=PutImage \
#   --query 'Events[].CloudTrailEvent' |
#   python -c 'import json, sys; e = json.load(sys.stdin); print(e["userIdentity"]["arn"])'
# ecrlab ci list | head -n 3

# %% [markdown] id="09-36-after" tags=["core", "reading"]
# From the image to the run, from the run to the commit. On AWS one event more, `AssumeRoleWithWebIdentity`, has the
# subject of the letter.

# %% [markdown] id="09-half" tags=["core", "text"] minutes=1
# ## Half of the way
#
# | before | now |
# |---|---|
# | a key, good every day, for whoever has it | a letter, good for five minutes, about one run |
# | `1.4`, typed by hand | the commit |
# | every push has the robot's name | every push has its run's name |
# | a scan that nobody reads | a gate that only *complete and clean* opens |
#
# Yours to play: can you write a commit that gets past your own pipeline?
