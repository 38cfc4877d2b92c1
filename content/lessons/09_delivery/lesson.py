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
# This is what was in the chat: the access key of `ci`. The first cell lets the lab stand as it was on that day.

# %% id="09-04-begin" tags=["core", "run"]
lab.goto("09", "robot")

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
#
# The next cell shuts the door as the solution does, whatever you have tried.

# %% id="09-15-begin" tags=["core", "run"]
lab.goto("09", "trusted")

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

# %% id="09-21" tags=["stretch", "run", "volatile"] minutes=1
had = lab.ci.environment()
print(*had, sep=" ")
print("keys:", [name for name in had if "KEY" in name or "SECRET" in name])

# %% [markdown] id="09-21-after" tags=["stretch", "reading"]
# All that a run has, by name. `AWS_PROFILE`, your home, your `~/.aws` are not there. Had they been, and
# a profile named in a command: whose name would be on the push?

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

# %% id="09-28-answer" tags=["core", "exercise", "solution", "policy", "volatile"]
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

# %% id="09-28-check" tags=["core", "exercise", "solution", "volatile"]
lab.check("09-e5")

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
import json

wanted = [{"AttributeKey": "EventName", "AttributeValue": "PutImage"}]
event = lab.client("cloudtrail").lookup_events(LookupAttributes=wanted, MaxResults=1)["Events"][0]
print(json.loads(event["CloudTrailEvent"])["userIdentity"]["arn"])
run = lab.ci.runs()[-1]
print("run", run.number, run.subject, run.commit[:12])

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

# %% [markdown] id="09-50" tags=["core", "text"] minutes=1
# ## From an image to a container
#
# It is three in the morning, Omar is awake, and the booking page is not. After this page you can say who fetches an
# image, read why it did not come, and take a release back.
#
# | new word | in a line |
# |---|---|
# | **task definition** | ECS's recipe, such as the image and two roles; each change is a new *revision* |
# | **service** | the promise that so many tasks of a recipe run |
# | **execution role** | what ECS assumes to fetch the image |
# | **task role** | what the program inside gets |

# %% id="09-50-r4" tags=["core", "guess"] minutes=1
lab.guess("09-r4")

# %% id="09-50-r4-answer" tags=["core", "guess", "solution"]
lab.answer("09-r4", "b")

# %% id="09-50-r5" tags=["core", "guess"]
lab.guess("09-r5")

# %% id="09-50-r5-answer" tags=["core", "guess", "solution"]
lab.answer("09-r5", "c")

# %% [markdown] id="09-53" tags=["core", "text", "picture"] at="gated" minutes=1
# ![Picture 3, who pulls. Four columns from left to right: you, ECS, ECR, the program. You ask ECS for a task, and IAM
# asks whether you may pass the roles. ECS assumes booking-execution and fetches the token, then the manifest and the
# layers from ECR. Then ECS starts the program, and the program gets booking-task. Neither role crosses to the
# other.](images/pulls.svg)
#
# **Picture 3.** You ask ECS for a task; IAM asks whether you may hand the roles over. As `booking-execution`, ECS
# fetches token, manifest and layers from ECR. Then it starts the program, and gives it `booking-task`. Neither role
# crosses to the other.
#
# The next cell builds the place where this page begins: two releases, the two roles, and an empty cluster.

# %% id="09-53-begin" tags=["core", "run"]
lab.goto("09", "gated")

# %% [markdown] id="09-53-roles" tags=["core", "text"]
# ## Two roles
#
# A recipe is JSON. This one names the image and no role:

# %% id="09-54" tags=["core", "fail"] minutes=1 fails="Fargate requires task definition to have execution role ARN"
# %%bash
# aws ecs register-task-definition --cli-input-json file://recipes/no-role.json

# %% [markdown] id="09-54-card" tags=["core", "reading"]
# Refused before anything ran: the recipe cannot say who fetches. (The text is from two public reports, of 2018.) In
# `recipes/booking.json` both roles are named. Now the pipeline itself registers it.

# %% id="09-55" tags=["core", "fail", "volatile"] minutes=1 fails="is not authorized to perform: iam:PassRole"
# %%bash
# aws iam put-role-policy --role-name pipeline --policy-name ship --policy-document '{
#   "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Resource": "*",
#   "Action": ["ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:DescribeTasks"]}}'
# ecrlab ci token main > main.jwt
# export AWS_WEB_IDENTITY_TOKEN_FILE=main.jwt AWS_ROLE_SESSION_NAME=run-3
# export AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pipeline
# aws ecs register-task-definition --cli-input-json file://recipes/booking.json

# %% [markdown] id="09-55-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `aws`; the sentence is IAM's, by way of ECS |
# | which question | *may you?* The pipeline may register; it may not **hand over a role** |
# | words that are mine | the session, and the role that it wanted to hand over |
# | meaning | whoever may hand any role to a machine of his own may do whatever the strongest role may |
#
# `pass.json` allows just that: these two roles, and to ECS alone.

# %% id="09-56" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws iam put-role-policy --role-name pipeline --policy-name ship --policy-document file://recipes/pass.json
# ecrlab ci token main > main.jwt
# export AWS_WEB_IDENTITY_TOKEN_FILE=main.jwt AWS_ROLE_SESSION_NAME=run-4
# export AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pipeline
# aws ecs register-task-definition --cli-input-json file://recipes/booking.json \
#   --query 'taskDefinition.[taskDefinitionArn,executionRoleArn]' --output text

# %% [markdown] id="09-57" tags=["core", "text"] at="shipped"
# ## Who fetches it?
#
# The recipe is there. Nothing runs yet.

# %% id="09-57-e6" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("09-e6")

# %% id="09-57-e6-answer" tags=["core", "exercise", "solution"]
lab.answer("09-e6", "c", confidence=2)

# %% id="09-58" tags=["core", "run", "volatile"] minutes=1
# %%bash
# python ship.py run booking

# %% id="09-59" tags=["core", "run", "volatile"] minutes=1
lab.task("booking")

# %% [markdown] id="09-59-after" tags=["core", "reading"]
# Session, login, manifest, layers: all as `booking-execution`. Look for `admin` in these rows, and for `booking-task`.
#
# > **People say:** "The task needs a role that can pull."
# >
# > **In fact** the task has not begun. ECS pulls, before there is a program.

# %% id="09-59-why" tags=["core", "exercise", "solution"]
lab.solution("09-e6")

# %% id="09-61" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("09-e7")

# %% id="09-61-answer" tags=["core", "exercise", "solution"]
lab.answer("09-e7", "b", confidence=2)

# %% id="09-62" tags=["core", "run", "volatile"] minutes=1
# %%bash
# if aws iam get-role-policy --role-name booking-execution --policy-name work \
#     --query PolicyDocument --output json > moved.json; then
#   aws iam put-role-policy --role-name booking-task --policy-name work --policy-document file://moved.json
#   aws iam delete-role-policy --role-name booking-execution --policy-name work
# fi
# python ship.py run booking

# %% [markdown] id="09-62-after" tags=["core", "reading"]
# Where to read it, always in this order: `stopCode` (it did not start), `stoppedReason` (why), then each container's
# own `reason`. And the last words name the role and the action.

# %% id="09-62-why" tags=["core", "exercise", "solution"]
lab.solution("09-e7")

# %% [markdown] id="09-63" tags=["core", "text"] at="shipped"
# ## Four causes, one name
#
# `CannotPullContainerError` means: the program never ran. It means nothing more. The next cell puts the roles back, and
# the one behind it runs four recipes with four causes.

# %% id="09-63-begin" tags=["core", "run"]
lab.goto("09", "shipped")

# %% id="09-64" tags=["core", "run", "volatile"] minutes=2
# %%bash
# ecrlab region eu-west-1 off
# python ship.py causes
# ecrlab region eu-west-1 on

# %% id="09-64-e8" tags=["core", "exercise"] minutes=2
lab.exercise("09-e8")

# %% id="09-64-e8-answer" tags=["core", "exercise", "solution"]
lab.answer("09-e8", one="may", two="there", three="reach", four="fits")

# %% id="09-64-e8-why" tags=["core", "exercise", "solution"]
lab.solution("09-e8")

# %% [markdown] id="09-66" tags=["core", "text"] at="broken"
# ## Omar's kiosk
#
# It is still three in the morning. The next cell builds the place: Omar's recipe, its roles, its repository.

# %% id="09-66-begin" tags=["core", "run"]
lab.goto("09", "broken")

# %% id="09-66-e9" tags=["core", "exercise"] minutes=6
lab.exercise("09-e9")

# %% id="09-66-work" tags=["core", "exercise", "starter"]
# %%bash
# python ship.py run kiosk

# %% id="09-66-work" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# aws iam put-role-policy --role-name kiosk-execution --policy-name work --policy-document '{
#   "Version": "2012-10-17", "Statement": [
#     {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
#     {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
#      "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/kiosk"}]}'
# python ship.py run kiosk

# %% id="09-66-why" tags=["core", "exercise", "solution"]
lab.solution("09-e9")

# %% [markdown] id="09-67" tags=["core", "text"] at="running"
# ## A service, and a tag that moves
#
# A service keeps its promise: so many tasks of a recipe. `booking` will run by digest, and the next cell
# has it made; `landing` will run by a tag.

# %% id="09-67-begin" tags=["core", "run"]
lab.goto("09", "running")

# %% id="09-68" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("09-e10")

# %% id="09-68-answer" tags=["core", "exercise", "solution"]
lab.answer("09-e10", "a", confidence=2)

# %% id="09-69" tags=["core", "run", "volatile"] minutes=2
# %%bash
# python ship.py service landing landing:live
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker build -q -t "$REGISTRY/landing:live" my-booking > /dev/null
# docker push -q "$REGISTRY/landing:live"
# python ship.py scale landing 3

# %% [markdown] id="09-69-after" tags=["core", "reading"]
# Three times the same digest, and it is the one before the push. A deployment is the moment of choice; the start of a
# task is not.

# %% id="09-69-why" tags=["core", "exercise", "solution"]
lab.solution("09-e10")

# %% [markdown] id="09-70" tags=["core", "text"] at="running"
# ## A green light

# %% id="09-70-g5" tags=["core", "guess"] minutes=1
lab.guess("09-g5")

# %% id="09-70-g5-answer" tags=["core", "guess", "solution"]
lab.answer("09-g5", "b", confidence=2)

# %% id="09-70-run" tags=["core", "run", "volatile"] minutes=2
# %%bash
# python ship.py deploy booking booking:not-pushed
# aws ecs wait services-stable --cluster harbour --services booking; echo "exit $?"

# %% id="09-70-show" tags=["core", "run", "volatile"]
lab.service("booking")

# %% [markdown] id="09-70-after" tags=["core", "reading"]
# `exit 0`, and the *old* revision runs. Stable means: one deployment, and as many tasks as wanted. The old one is that,
# too. A pipeline whose last step is this wait is green, and nothing was delivered. The question that tells: **is the
# digest that runs the digest that I deployed?**

# %% [markdown] id="09-71-text" tags=["core", "text"] at="running"
# ## Deliver, and take back

# %% id="09-71" tags=["core", "exercise"] minutes=5
lab.exercise("09-e11")

# %% id="09-71-work" tags=["core", "exercise", "starter"]
# %%bash
# aws ecr describe-images --repository-name booking --query 'imageDetails[].imageTags' --output text

# %% id="09-71-work" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# DIGEST=$(aws ecr describe-images --repository-name booking --image-ids imageTag=2d9b51e6c083 \
#   --query 'imageDetails[0].imageDigest' --output text)
# python ship.py deploy booking "booking@$DIGEST"
# aws ecs update-service --cluster harbour --service booking --task-definition booking:1 \
#   --query service.taskDefinition --output text
# python ship.py wait booking

# %% id="09-71-why" tags=["core", "exercise", "solution"]
lab.solution("09-e11")

# %% [markdown] id="09-72" tags=["core", "text"] at="running"
# ## Elsewhere
#
# Lambda makes a function of an image as well. So: it asks, as itself.

# %% id="09-72-run" tags=["core", "run", "volatile"] minutes=1
import json

print(lab.pull_as("lambda", "booking", "first"))
statement = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
}
text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
lab.client("ecr").set_repository_policy(repositoryName="booking", policyText=text)
print(lab.pull_as("lambda", "booking", "first"))
lab.client("ecr").delete_repository_policy(repositoryName="booking")["registryId"]

# %% [markdown] id="09-72-after" tags=["core", "reading"]
# No role at all: a statement of the **repository's** policy names the service. In EKS it is the role of the machine on
# which the pod runs: every pod there can use what this role may read.

# %% id="09-73" tags=["core", "exercise"] minutes=2
lab.exercise("09-e12")

# %% id="09-73-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "09-e12",
    fargate="execution",
    kubelet="node",
    pod="nobody",
    function="service",
    ci="login",
    deployer="nobody",
    ec2="node",
)

# %% id="09-73-why" tags=["core", "exercise", "solution"]
lab.solution("09-e12")

# %% [markdown] id="09-74" tags=["core", "text", "picture"] minutes=1
# ![Picture 4, four doors in a wall. On the left a task without a way to the internet. In the wall four doors: ecr.api,
# behind it the token; ecr.dkr, behind it the manifest; a route to S3, behind it the layers; logs, behind it the log
# group. On the right, what is read when a door is shut: unable to pull registry auth; failed to do request, Head;
# failed to copy; failed to initialize logging.](images/doors.svg)
#
# **Picture 4.** A closed network needs four ways out: to ECR's API for the token, to the registry for the manifest, to
# S3 for the layers, to the logs. On the right stands what is read when one of them is shut.
#
# ## A closed network

# %% id="09-75" tags=["core", "exercise"] minutes=2
lab.exercise("09-e13")

# %% id="09-75-answer" tags=["core", "exercise", "solution"]
lab.answer("09-e13", token="api", manifest="dkr", layers="s3", driver="logs", refused="none")

# %% id="09-75-why" tags=["core", "exercise", "solution"]
lab.solution("09-e13")

# %% [markdown] id="09-76" tags=["core", "interview"] minutes=3
# ## Say it in an interview
#
# Say it aloud first, then write it down. The points of a good answer appear once yours is saved.

# %% id="09-76-say" tags=["core", "interview"]
lab.exercise("09-i1")

# %% id="09-76-said" tags=["core", "interview", "solution"]
lab.answer(
    "09-i1",
    text="No key: the job shows a signed token, and the role's trust policy tests audience and subject. Built once, "
    "tagged with the commit, and a gate that only complete and clean opens. Deployed by digest, so going back is the "
    "old revision; I look at the digests that run. The execution role pulls, nobody else.",
    made=["identity", "gate", "digest", "puller"],
)

# %% [markdown] id="09-77" tags=["core", "summary", "box"] minutes=1
# ## On one screen
#
# | question | answer |
# |---|---|
# | how does the pipeline get in? | a letter of five minutes, exchanged for a session; no key |
# | who gets in? | whom the trust policy names by `sub`; the signature is everybody's |
# | what stops a bad build? | a step whose exit code is read, before anything can run it |
# | which bytes run? | those of the digest; a service looks at a tag once per deployment |
# | who pulls? | ECS as the execution role; EKS as the machine; Lambda as itself; you as whoever logged in |
# | `CannotPullContainerError`? | the program never ran: may it, is it there, can it be reached, does it fit |
# | is it delivered? | when the running digest is the one that was deployed |
# | how back? | the old revision, without a build |
#
# > **On real AWS**
# >
# > - STS fetches the issuer's keys over the public internet: a git server in your cellar cannot be a provider.
# > - Newer repositories of GitHub have their numbers in `sub`. Decode one letter before you write a policy.
# > - Fargate bills by the second, and a NAT gateway bills every byte of a layer.
# > - `services-stable` waits up to ten minutes.
#
# ## Yours to play
#
# Write a second recipe of `booking` for `arm64`, and find out which of your images it can run.

# %% [markdown] id="09-77-left" tags=["core", "text"]
# ## Left behind
#
# A cluster with services and tasks; recipes; roles; a provider; a git server with its runs; repositories. The reset
# puts all that back. Your files and your progress stay.

# %% id="09-77-reset" tags=["core", "run"]
lab.reset("09")
