# %% [markdown] id="04-01" tags=["core", "text"] minutes=1
# # 04 · The first push to ECR
#
# After this lesson you can
#
# - **take an ECR address apart** and name every part of it,
# - **push and pull** an image, and say what each command asks of whom,
# - **read the refusals** that stop a first push, and fix them.
#
# You need nothing but this computer; without a container engine, the lab's stand-in acts as `docker`. {{neighbours}}

# %% [markdown] id="04-01-story" tags=["core", "text"]
# Dara has built the booking page of Harbour Bikes. Omar needs it on a server. Today you put ECR between them.
#
# Not everything will work at once. ECR is right every time it refuses, and each time for a different reason. Once you
# can tell the reasons apart, you can fix most first pushes in the world.

# %% [markdown] id="04-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **account** | a closed area at AWS with its own permissions and bill: twelve digits; what you make belongs to one |
# | **Region** | where AWS runs a registry, such as `us-east-1` (Virginia) or `eu-west-1` (Ireland): each has its own |
# | **repository URI** | the address of a repository: registry, slash, name |
# | **authorization token** | docker shows it to a registry; for {{fact:token-lifetime}} it stands for who fetched it |
# | **profile** | a name for one set of AWS keys: `admin` is you, `ci` is the build robot |

# %% id="04-02" tags=["core", "run", "volatile"] minutes=1
# %load_ext ecrlab_course
lab.lesson("04")

# %% [markdown] id="04-02-who" tags=["core", "text"]
# Before anything else, every time, for the rest of your life with AWS: *who am I?*

# %% id="04-02-run" tags=["core", "run"]
# %%bash
# aws sts get-caller-identity --query Arn --output text

# %% [markdown] id="04-02-app" tags=["core", "text"]
# And what did Dara build? Below a comment there are four instructions: a base, our files, a port, a command.

# %% id="04-02-app-run" tags=["core", "run"]
# %%bash
# cat my-web-app/Dockerfile

# %% [markdown] id="04-02-node" tags=["core", "text"]
# The base is a small web server of two megabytes, so nothing has to come from the internet. `Dockerfile.node` next to
# it builds the same page as a Node.js application: lesson 01 runs that one.

# %% [markdown] id="04-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="04-03-r1" tags=["core", "recall"]
lab.guess("04-r1")

# %% id="04-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("04-r1", "b")

# %% id="04-03-r2" tags=["core", "recall"]
lab.guess("04-r2")

# %% id="04-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("04-r2", "a")

# %% id="04-03-r3" tags=["core", "recall"]
lab.guess("04-r3")

# %% id="04-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("04-r3", "b")

# %% [markdown] id="04-04" tags=["core", "picture"] minutes=2
# ## The address
#
# ![Picture 1, an ECR address taken apart. localhost and a port: only here. 123456789012: the account. dkr.ecr: the
# registry service. us-east-1: the Region. amazonaws.com: AWS. web/booking: the repository. 2.3: the
# tag.](images/address.svg)
#
# **Picture 1.** On AWS the address begins with the account. Here `localhost` and a port come first, because this
# ECR runs on your computer. `$REGISTRY` holds everything before the repository, so you rarely type it.

# %% [markdown] id="04-04-letters" tags=["core", "text"]
# - **E**, elastic: you rent no disk and no server. Limits and bills remain (lesson 07).
# - **C**, container: what is stored here are *images*. A container exists only where an image has been started.
# - **R**, registry: every account has one in every Region, ready made. What you create are **repositories**.
#
# The slash in `web/booking` is a character of the name. There is no folder `web`.

# %% [markdown] id="04-04-box" tags=["core", "box"]
# > **People say:** "I create a registry for my app."
# >
# > **In fact** nobody creates a registry. An account and a Region name one, and it was there all along. You create a
# > repository in it.

# %% id="04-05" tags=["core", "exercise"] minutes=2
lab.exercise("04-e1")

# %% id="04-05-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "04-e1",
    account="444455556666",
    service="dkr.ecr",
    region="eu-west-1",
    repository="web/booking",
    mark=":",
    version="2.3",
)

# %% id="04-05-why" tags=["core", "exercise", "solution"]
lab.solution("04-e1")

# %% [markdown] id="04-06-text" tags=["core", "text"] at="fresh"
# ## The first try
#
# Dara's image is called `my-web-app:1.0`. The next cell gives it an ECR address and pushes it. First say what you
# expect.

# %% id="04-06" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("04-e2")

# %% id="04-06-answer" tags=["core", "exercise", "solution"]
lab.answer("04-e2", "b", confidence=2)

# %% id="04-07" tags=["core", "fail", "volatile"] minutes=2 fails="push-without-login"
# %%bash
# docker tag my-web-app:1.0 "$REGISTRY/my-web-app:1.0"
# docker push -q "$REGISTRY/my-web-app:1.0"

# %% [markdown] id="04-07-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `docker`, before it sent a single byte of the image |
# | which question | *who are you?* Nobody asked what you may do |
# | words that are mine | none, so look at the address: which host was asked? |
# | meaning | docker has no login for this host |
#
# The table under the output shows the same refusal from other engines: you will meet those at work. Some put a guess in
# front (*repository does not exist*); what counts comes last.

# %% id="04-07-xray" tags=["core", "run", "volatile"]
lab.xray()  # the first try

# %% [markdown] id="04-07-after" tags=["core", "reading"]
# The registry answered `401`: *who are you?* The decision says *not asked*: nobody asked whether you may push, because
# nobody knew who you were. `aws` has your keys, and docker has never heard of them: **two programs with two
# purses**.

# %% id="04-07-why" tags=["core", "exercise", "solution"]
lab.solution("04-e2")

# %% [markdown] id="04-08-text" tags=["core", "text"]
# ## From aws to docker
#
# `aws` fetches a token, and docker takes it as a password.

# %% id="04-08" tags=["core", "run"] minutes=2
# %%bash
# aws ecr get-login-password --region us-east-1 |
#   docker login --username AWS --password-stdin "$REGISTRY"

# %% [markdown] id="04-08-why" tags=["core", "text"]
# - **Why a pipe?** It keeps the password out of the command line and out of your history.
# - **Why `AWS`?** The user name is always that word. The password stands for whoever fetched it.
# - **Why `--region`?** AWS documents that a token fails in another Region. (That the answer is then `401` was seen by
#   many and is written nowhere; the lab answers so.)
# - **Where is it now?** docker stores the login unencrypted, in a file that belongs to this lab. (Its warning about
#   that is left out of the course's cells.) Which logins are in it?

# %% id="04-08-config" tags=["core", "run"]
# %%bash
# python -m json.tool "$DOCKER_CONFIG/config.json" | grep -o 'localhost:[0-9]*'

# %% [markdown] id="04-08-ports" tags=["core", "text"]
# One entry, named by host and port; what follows the port does not count. On AWS every account and Region has its own
# host, so each needs its own login. Here each has its own *port*. The effect is the same.

# %% [markdown] id="04-08-box" tags=["core", "box"]
# > **People say:** "Log in to your ECR repository."
# >
# > **In fact** you log in to a *registry*: one account in one Region. The same login serves all its repositories.

# %% [markdown] id="04-09-text" tags=["core", "text"] at="logged-in"
# ## The same command again
#
# Now docker can say who you are. Nothing else has changed. Push again, but first say what you expect.

# %% id="04-09" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("04-e3")

# %% id="04-09-answer" tags=["core", "exercise", "solution"]
lab.answer("04-e3", "b", confidence=2)

# %% id="04-09-run" tags=["core", "fail", "volatile"] minutes=2 fails="push-without-repository"
# %%bash
# docker push -q "$REGISTRY/my-web-app:1.0"

# %% [markdown] id="04-09-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `docker`; the sentence is ECR's, after an error code in lower case or *error from registry* |
# | which question | *is it there?* You are known now, and nobody has mentioned permissions yet |
# | words that are mine | two: the repository's name, and the account |
# | missing in the text | the Region. Look for it in the address |

# %% id="04-09-why" tags=["core", "exercise", "solution"]
lab.solution("04-e3")

# %% [markdown] id="04-10-text" tags=["core", "text"]
# ## What you did not choose
#
# Create a repository, and read what it comes with. The part after `||` runs if the repository is already there.

# %% id="04-10" tags=["core", "run"] minutes=1
# %%bash
# SHOW='[repositoryUri,imageTagMutability,encryptionConfiguration.encryptionType]'
# aws ecr create-repository --repository-name my-web-app --region us-east-1 \
#   --query "repository.$SHOW" --output text ||
#   aws ecr describe-repositories --repository-names my-web-app \
#     --query "repositories[0].$SHOW" --output text

# %% [markdown] id="04-10-after" tags=["core", "reading"]
# Two defaults to remember. `MUTABLE`: a tag can be moved to another image. `AES256` stands for
# {{fact:default-encryption}}. KMS, with AWS's key or your own, can be chosen only at creation, never later. **Run the
# cell again**: `RepositoryAlreadyExistsException` is good news.
#
# > **People say:** "The first push creates the repository."
# >
# > **In fact** Docker Hub does that. ECR does it only where somebody wrote a *creation template* for it, possible since
# > {{fact:create-on-push-since}}. You will write one in lesson 08.

# %% [markdown] id="04-11-text" tags=["stretch", "text"]
# *More.* The same for a script. `aws` reports "already there" with an error and an exit code; Python raises an
# exception. Their names tell both apart from real trouble.

# %% id="04-11" tags=["stretch", "run"] minutes=1
try:
    ecr.create_repository(repositoryName="my-web-app")
except ecr.exceptions.RepositoryAlreadyExistsException:
    print("already there")

# %% [markdown] id="04-12-text" tags=["core", "text"] at="repository"
# ## The push
#
# Dara sends one more change: version 1.1. Build it, name it, push it. But first a guess.

# %% id="04-12-guess" tags=["core", "guess"] minutes=1
lab.guess("04-g1")

# %% id="04-12-guess-answer" tags=["core", "guess", "solution"]
lab.answer("04-g1", "c", confidence=2)

# %% id="04-12" tags=["core", "run"] minutes=1
# %%bash
# echo 1.1 > my-web-app/www/version.txt
# docker build -q -t my-web-app:1.1 my-web-app/ > /dev/null
# docker tag my-web-app:1.1 "$REGISTRY/my-web-app:1.1"
# docker push -q "$REGISTRY/my-web-app:1.1"

# %% id="04-12-xray" tags=["core", "run", "volatile"] minutes=1
lab.xray()  # a push

# %% [markdown] id="04-12-asked" tags=["core", "reading"]
# The `401` in the first row is not a refusal yet: docker knocks without a name, hears *who are you?*, and shows its
# token from then on. For each row after that, ECR asks IAM about one action.
#
# Layers, then the config, then the manifest. The name `1.1` appears with the last request, when everything it needs is
# there. Break a push off in the middle, and nobody sees half an image.

# %% [markdown] id="04-12-picture" tags=["core", "picture"]
# ### The pattern in it
#
# ![Picture 2, a push in three lanes. docker asks ECR, ECR asks IAM. First docker knocks without a name and hears 401;
# IAM is not asked. For each layer and for the config: is it there (BatchCheckLayerAvailability), begin
# (InitiateLayerUpload), send (UploadLayerPart), finish (CompleteLayerUpload). At the end the manifest (PutImage): only
# now the name 1.1 exists.](images/push.svg)
#
# **Picture 2.** Above are your own requests, here is the pattern in them. Each arrow on the left is one request of
# docker's. For each one but the first, ECR asks IAM about one action. How often the four in the box occur, and whether
# docker asks *is it there?* before an upload, after it or both, depends on the image and on what docker remembers.
#
# On a laptop with an Apple chip, add `--platform linux/amd64` to `docker build` if your servers have Intel or AMD
# chips.

# %% [markdown] id="04-13-text" tags=["core", "text"]
# Your turn. Which steps have to wait for which?

# %% id="04-13" tags=["core", "exercise"] minutes=3
lab.exercise("04-e4")

# %% id="04-13-answer" tags=["core", "exercise", "solution"]
lab.answer("04-e4", ["create-repository", "build", "login", "tag", "push", "describe-images"])

# %% id="04-13-why" tags=["core", "exercise", "solution"]
lab.solution("04-e4")

# %% [markdown] id="04-14-text" tags=["core", "text"] at="pushed"
# ## The way back
#
# Omar pulls. The image is already on this computer, so we remove its names first; otherwise there would be nothing to
# do.

# %% id="04-14-guess" tags=["core", "guess"] minutes=1
lab.guess("04-g2")

# %% id="04-14-guess-answer" tags=["core", "guess", "solution"]
lab.answer("04-g2", "b", confidence=2)

# %% id="04-14" tags=["core", "run"] minutes=1
# %%bash
# docker rmi -f my-web-app:1.1 "$REGISTRY/my-web-app:1.1" > /dev/null 2>&1
# docker pull -q "$REGISTRY/my-web-app:1.1"
# docker pull -q "$REGISTRY/my-web-app:1.1"

# %% id="04-14-xray" tags=["core", "run", "volatile"] minutes=1
lab.xray()  # two pulls

# %% [markdown] id="04-14-asked" tags=["core", "reading"]
# The manifest asks for `ecr:BatchGetImage`; the config and each layer ask for `ecr:GetDownloadUrlForLayer`. On AWS the
# answer to a layer is a signed address in S3, so a closed network needs a way to S3 too (lesson 09).

# %% [markdown] id="04-14-digest" tags=["core", "text"]
# Is it the image that was pushed? docker remembers the digest it pulled. ECR has its own record. Compare:

# %% id="04-14-same" tags=["core", "run"]
# %%bash
# HERE=$(docker image inspect -f '{{index .RepoDigests 0}}' "$REGISTRY/my-web-app:1.1")
# THERE=$(aws ecr describe-images --repository-name my-web-app --image-ids imageTag=1.1 \
#   --query 'imageDetails[0].imageDigest' --output text)
# test "${HERE#*@}" = "$THERE" && echo "the same digest, here and there"

# %% [markdown] id="04-14-after" tags=["core", "text"]
# Add `echo "$THERE"` to see it. A tag says *which name*, a digest says *which bytes*. Does the difference matter? Dara
# pushes once more, and forgets to raise the version number.

# %% id="04-14-move-guess" tags=["core", "guess"] minutes=1
lab.guess("04-g7")

# %% id="04-14-move-guess-answer" tags=["core", "guess", "solution"]
lab.answer("04-g7", "b", confidence=2)

# %% id="04-14-move" tags=["core", "run"] minutes=1
# %%bash
# echo "1.1, with a larger map" > my-web-app/www/version.txt
# docker build -q -t my-web-app:1.1 my-web-app/ > /dev/null
# docker tag my-web-app:1.1 "$REGISTRY/my-web-app:1.1"
# docker push -q "$REGISTRY/my-web-app:1.1"
# aws ecr describe-images --repository-name my-web-app \
#   --query 'imageDetails[].[imageTags[0]]' --output text

# %% [markdown] id="04-14-moved" tags=["core", "reading"]
# Two images, one tag. It moved, and nobody asked; `None` is what is left of the first image's name.

# %% [markdown] id="04-14-e5-text" tags=["core", "text"] at="moved"
# ## The image that Omar tested
#
# Which bytes does Omar have in mind when he says `1.1`? Look at both, and use the cell below the card, or your own.

# %% id="04-14-e5" tags=["core", "exercise"] minutes=4
lab.exercise("04-e5")

# %% id="04-14-e5-work" tags=["core", "exercise", "starter"]
# %%bash
# aws ecr describe-images --repository-name my-web-app \
#   --query 'imageDetails[].[imageDigest, imageTags]' --output json
# # docker pull -q "$REGISTRY/my-web-app@____"

# %% id="04-14-e5-work" tags=["core", "exercise", "solution"]
# %%bash
# OLD=$(aws ecr describe-images --repository-name my-web-app --filter tagStatus=UNTAGGED \
#   --query 'imageDetails[0].imageDigest' --output text)
# if test "$OLD" != None; then
#   docker pull -q "$REGISTRY/my-web-app@$OLD" > /dev/null
#   docker tag "$REGISTRY/my-web-app@$OLD" "$REGISTRY/my-web-app:tested"
#   docker push -q "$REGISTRY/my-web-app:tested"
# fi

# %% id="04-14-e5-why" tags=["core", "exercise", "solution"]
lab.solution("04-e5")

# %% [markdown] id="04-half" tags=["core", "text"]
# ---
# ## Half-time
#
# A good place to stop. You were refused twice, and you know both refusals: *I do not know you* and *I do not know
# that*. What is in ECR stays there.

# %% [markdown] id="04-15-text" tags=["core", "text"] at="pushed"
# ## The robot's turn
#
# Nobody at Harbour Bikes wants to push by hand forever. There is a build robot, the user `ci`. `--as ci` runs a cell
# with the robot's keys and the robot's docker logins.

# %% id="04-15-guess" tags=["core", "guess"] minutes=1
lab.guess("04-g3")

# %% id="04-15-guess-answer" tags=["core", "guess", "solution"]
lab.answer("04-g3", "d", confidence=2)

# %% id="04-15" tags=["core", "fail", "volatile"] minutes=2 fails="push-without-right"
# %%bash --as ci
# aws ecr get-login-password |
#   docker login --username AWS --password-stdin "$REGISTRY"
# docker tag my-web-app:1.0 "$REGISTRY/my-web-app:1.0-ci"
# docker push -q "$REGISTRY/my-web-app:1.0-ci"

# %% [markdown] id="04-15-card" tags=["core", "reading"]
# **How to read it.** Four pieces, in this order:
#
# | piece | here |
# |---|---|
# | who | `User: …user/ci`. Is it the person you meant? |
# | wanted what | `perform: ecr:…`, one action |
# | on what | `resource: …`: Region, account, repository |
# | who said no | `because no identity-based policy allows`: nobody forbade it, nobody allowed it |
#
# AWS calls that last one an **implicit deny**: no policy says no, but none says yes either.

# %% id="04-15-xray" tags=["core", "run", "volatile"]
lab.xray()  # the robot's push

# %% [markdown] id="04-15-words" tags=["core", "reading"]
# Was a `HEAD` refused above the `POST`? An answer to `HEAD` carries no text, so the words are those of the `POST`.
# Engines with the containerd store stop at that `HEAD` and print only `403 Forbidden`; the lab then takes ECR's words
# from the X-ray. At work there is no X-ray: a bare `403` means *check the permissions, and the age of the login*.

# %% [markdown] id="04-15-doors" tags=["core", "picture"]
# ## Three doors
#
# ![Picture 3, three doors in a row. First door: who are you? Without a login: 401, no basic auth credentials. Second
# door: is it there? Without the repository: 404, name unknown. Third door: may you? Without permission: 403, not
# authorized to perform. Behind the third door the image is stored.](images/doors.svg)
#
# **Picture 3.** Three refusals, each with its own words and its own fix. *Who are you?* always comes first. Whether AWS
# then looks for the repository or for your permission is not documented, so go by the words.

# %% [markdown] id="04-15-box" tags=["core", "box"]
# > **People say:** "But it is logged in!"
# >
# > **In fact** a login answers *who*. *May you?* is asked again with every single request.

# %% [markdown] id="04-16-text" tags=["core", "text"]
# ## Let the robot in
#
# Let the robot in, as far as it needs to go. First the exercise and a guess, then three cells to work with. Change the
# first one, and run all three.

# %% id="04-16" tags=["core", "exercise"] minutes=4
lab.exercise("04-e6")

# %% id="04-16-guess" tags=["core", "guess"] minutes=1
lab.guess("04-g8")

# %% id="04-16-guess-answer" tags=["core", "guess", "solution"]
lab.answer("04-g8", "b", confidence=2)

# %% id="04-16-policy" tags=["core", "exercise", "policy", "starter"]
# %%bash
# cat > ci-push.json <<'END'
# {
#   "Version": "2012-10-17",
#   "Statement": [
#     {
#       "Sid": "PushMyWebApp",
#       "Effect": "Allow",
#       "Action": [
#         "ecr:PutImage"
#       ],
#       "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
#     }
#   ]
# }
# END

# %% id="04-16-policy" tags=["core", "exercise", "policy", "solution"]
# %%bash
# cat > ci-push.json <<'END'
# {
#   "Version": "2012-10-17",
#   "Statement": [
#     {
#       "Sid": "PushMyWebApp",
#       "Effect": "Allow",
#       "Action": [
#         "ecr:BatchCheckLayerAvailability",
#         "ecr:InitiateLayerUpload",
#         "ecr:UploadLayerPart",
#         "ecr:CompleteLayerUpload",
#         "ecr:PutImage",
#         "ecr:BatchGetImage"
#       ],
#       "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
#     }
#   ]
# }
# END

# %% id="04-16-attach" tags=["core", "exercise"]
# %%bash
# aws iam put-user-policy --user-name ci --policy-name push-my-web-app \
#   --policy-document file://ci-push.json

# %% id="04-16-push" tags=["core", "exercise"]
# %%bash --as ci
# docker push -q "$REGISTRY/my-web-app:1.0-ci" || echo "still refused"

# %% id="04-16-check" tags=["core", "exercise"]
lab.check("04-e6")

# %% id="04-16-why" tags=["core", "exercise", "solution"]
lab.solution("04-e6")

# %% [markdown] id="04-17-text" tags=["core", "text"] at="pushed"
# ## What is in a token?

# %% id="04-17-guess" tags=["core", "guess"] minutes=1
lab.guess("04-g4")

# %% id="04-17-guess-answer" tags=["core", "guess", "solution"]
lab.answer("04-g4", "b", confidence=2)

# %% id="04-17" tags=["core", "run"] minutes=1
from base64 import b64decode

data = ecr.get_authorization_token()["authorizationData"][0]
user, _, password = b64decode(data["authorizationToken"]).decode().partition(":")
left = data["expiresAt"] - lab.clock.now()
print("user name:", user)
print("password: ", password[:3] + "… whoever has it is you")
print(f"good for:  {left.total_seconds() / 3600:.0f} hours")

# %% [markdown] id="04-17-after" tags=["core", "reading"]
# A name and a password, and no list of permissions. So the robot's login is older than its new permission, and it is
# good enough: the token says who is coming, and what that person may do is looked up at the door.

# %% [markdown] id="04-17-picture" tags=["core", "picture"]
# ![Picture 4, the way of a token. aws signs a request with your keys; ECR answers with a wrapped token, base64 of
# `AWS`, a colon and a password; get-login-password unwraps it and prints only the password; docker login stores it
# under the registry's host; with each request docker shows it, and IAM is asked what you may do now.](images/token.svg)
#
# **Picture 4.** base64 is wrapping paper, not a lock. There is no list of permissions in the token: it stands for
# whoever fetched it. It lives {{fact:token-lifetime}}; {{fact:token-parameters}}.

# %% id="04-17-e7" tags=["core", "exercise"] minutes=3
lab.exercise("04-e7")

# %% id="04-17-e7-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "04-e7",
    {"who": "settled", "may": "again", "end": "settled", "region": "settled", "tag": "again", "key": "neither"},
)

# %% id="04-17-e7-why" tags=["core", "exercise", "solution"]
lab.solution("04-e7")

# %% [markdown] id="04-18-text" tags=["core", "text"] at="pushed"
# ## One minute after midnight
#
# At noon docker logged in for the night job. Now let half a day pass. It takes a second: the lab has its own clock.

# %% id="04-18-guess" tags=["core", "guess"] minutes=1
lab.guess("04-g5")

# %% id="04-18-guess-answer" tags=["core", "guess", "solution"]
lab.answer("04-g5", "b", confidence=2)

# %% id="04-18" tags=["core", "run"] minutes=1
lab.clock.advance(hours=12, minutes=1)

# %% id="04-18-run" tags=["core", "fail", "volatile"] fails="push-with-old-token"
# %%bash
# docker push -q "$REGISTRY/my-web-app:1.1"

# %% [markdown] id="04-18-card" tags=["core", "reading"]
# **How to read it.** ECR refuses (`denied`), but no permission is missing: its sentence names no person, no action and
# no resource. A missing permission names all three. An engine that prints only `403 Forbidden` does not tell the two
# apart: ask first how old the login is.

# %% [markdown] id="04-18-fix-text" tags=["core", "text"]
# ### Once more

# %% id="04-18-fix" tags=["core", "run"]
# %%bash
# aws ecr get-login-password |
#   docker login --username AWS --password-stdin "$REGISTRY"
# docker push -q "$REGISTRY/my-web-app:1.1"

# %% [markdown] id="04-18-e8-text" tags=["core", "text"] at="expired"
# The same thing happens to a server that pulls, but there it looks like something else.

# %% id="04-18-e8" tags=["core", "exercise", "volatile"] minutes=2
lab.exercise("04-e8")

# %% id="04-18-e8-answer" tags=["core", "exercise", "solution"]
lab.answer("04-e8", "d", confidence=2)

# %% id="04-18-e8-why" tags=["core", "exercise", "solution"]
lab.solution("04-e8")

# %% [markdown] id="04-19-text" tags=["core", "text"] at="pushed"
# ## The night job
#
# What you just typed is easy when somebody is there to type it. Below is the night job as it is now. Fix it in the
# card, and let the night run.

# %% id="04-19" tags=["core", "exercise"] minutes=4
lab.exercise("04-e9")

# %% id="04-19-file" tags=["core", "exercise", "solution"]
# %%bash
# cat > nightly.sh <<'END'
# # `python hour.py N` waits for hour N: the lab moves its clock.
# for hour in 0 11 13 26; do
#   python hour.py "$hour"
#   aws ecr get-login-password |
#     docker login --username AWS --password-stdin "$REGISTRY"
#   docker tag my-web-app:1.0 "$REGISTRY/my-web-app:night-$hour"
#   docker push -q "$REGISTRY/my-web-app:night-$hour"
# done
# END

# %% id="04-19-answer" tags=["core", "exercise", "solution"]
lab.answer("04-e9")

# %% id="04-19-why" tags=["core", "exercise", "solution"]
lab.solution("04-e9")

# %% [markdown] id="04-20-text" tags=["core", "text"] at="pushed"
# ## Four at once
#
# The next cell makes four things fail for real, and shows what each one said. Another number picks other causes.

# %% id="04-20-desk" tags=["core", "run", "volatile"] minutes=1
# %%bash
# python desk.py 3

# %% id="04-20" tags=["core", "exercise"] minutes=3
lab.exercise("04-e10")

# %% id="04-20-look" tags=["core", "exercise", "solution"]
# %%bash
# for region in us-east-1 eu-west-1; do
#   aws ecr describe-repositories --region $region \
#     --query 'sort(repositories[].repositoryName)' --output text
# done

# %% id="04-20-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "04-e10",
    one="repository never made",
    two="tag missing",
    three="token expired",
    four="repository made in another Region",
)

# %% id="04-20-why" tags=["core", "exercise", "solution"]
lab.solution("04-e10")

# %% [markdown] id="04-21-text" tags=["stretch", "text"] at="pushed"
# ## More: the same from Python
#
# What you typed today, and what a program calls. The last column is the action IAM is asked about.
#
# | step | by hand | boto3 | action |
# |---|---|---|---|
# | repository | `aws ecr create-repository` | `ecr.create_repository` | `ecr:CreateRepository` |
# | login | `aws ecr get-login-password` | `ecr.get_authorization_token` | `ecr:GetAuthorizationToken` |
# | is it there? | `aws ecr describe-images` | `ecr.describe_images` | `ecr:DescribeImages` |
# | fetch a manifest | `docker pull` | `ecr.batch_get_image` | `ecr:BatchGetImage` |

# %% id="04-21-guess" tags=["stretch", "guess"] minutes=1
lab.guess("04-g6")

# %% id="04-21-guess-answer" tags=["stretch", "guess", "solution"]
lab.answer("04-g6", "b", confidence=2)

# %% id="04-21" tags=["stretch", "run"] minutes=2
answer = ecr.batch_get_image(repositoryName="my-web-app", imageIds=[{"imageTag": "2.0"}])
print("images found:", len(answer["images"]))
print("an exception:  none")

# %% id="04-21-fix" tags=["stretch", "run"]
for failure in answer["failures"]:
    print(failure["imageId"]["imageTag"], failure["failureCode"], failure["failureReason"])

# %% [markdown] id="04-21-after" tags=["stretch", "reading"]
# The call worked: it asked, and it got an answer. The answer was *no*.

# %% [markdown] id="04-21-sdk-text" tags=["stretch", "text"]
# ### The docker library for Python
#
# It speaks to the engine itself, without the command `docker`, and finds the same logins. Push to a repository that
# nobody created, and look at the last line. Where no engine is running, the cell shows what one sent when this page was
# written.

# %% id="04-21-sdk" tags=["stretch", "run", "volatile"] minutes=1
from pathlib import Path

import docker

try:
    engine = docker.from_env()
    engine.images.get("my-web-app:1.0").tag(f"{lab.registry}/not-made", "1.0")
    stream = engine.images.push(f"{lab.registry}/not-made", tag="1.0", stream=True)
except (docker.errors.DockerException, KeyError) as error:  # KeyError: what Podman says here has no message
    print(f"no stream from an engine here ({type(error).__name__}); recorded with Docker 20.10:")
    stream = Path("refused-push.jsonl").read_bytes().splitlines()
for line in stream:
    print(line.decode().strip())

# %% [markdown] id="04-21-sdk-after" tags=["stretch", "reading"]
# A line with `error` is all that Docker's engine has to say of a refusal, and `images.push()` raises nothing: whoever
# does not read the lines takes it for done. A script is done when **ECR shows the digest**, not when nothing was
# raised.

# %% [markdown] id="04-22-text" tags=["stretch", "text"]
# ## More: brackets from a book
#
# Many guides print `docker push <aws_account_id>.dkr.ecr.<region>.amazonaws.com/…`. Type it exactly as printed:

# %% id="04-22" tags=["stretch", "fail", "volatile"] minutes=1 fails="No such file or directory"
# %%bash
# docker push <aws_account_id>.dkr.ecr.us-east-1.amazonaws.com/my-web-app

# %% [markdown] id="04-22-after" tags=["stretch", "reading"]
# docker was never started. To bash, `<name` means: read from the file `name`. Use variables instead, like `$REGISTRY`
# here.

# %% [markdown] id="04-23-text" tags=["core", "text"] at="pushed"
# ## On your own

# %% id="04-23" tags=["core", "exercise"] minutes=4
lab.exercise("04-e11")

# %% id="04-23-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "your commands go here"

# %% id="04-23-work" tags=["core", "exercise", "solution"]
# %%bash
# aws ecr describe-repositories --query 'repositories[].repositoryName' | grep -q '"team-a/booking"' ||
#   aws ecr create-repository --repository-name team-a/booking \
#     --query repository.repositoryName --output text
# aws ecr get-login-password |
#   docker login --username AWS --password-stdin "$REGISTRY"
# for tag in 1.0 stable; do
#   docker tag my-web-app:1.0 "$REGISTRY/team-a/booking:$tag"
#   docker push -q "$REGISTRY/team-a/booking:$tag"
# done

# %% id="04-23-why" tags=["core", "exercise", "solution"]
lab.solution("04-e11")

# %% [markdown] id="04-24" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear once
# yours is saved.

# %% id="04-24-say" tags=["core", "interview"]
lab.exercise("04-i1")

# %% id="04-24-said" tags=["core", "interview", "solution"]
lab.answer(
    "04-i1",
    text="First I make the repository, in the right account and Region, because a push will not. Then I fetch a "
    "token with my IAM credentials and give it to docker login: it is good for 12 hours and carries no permissions. I "
    "name the image with the registry's host, because the name decides where it goes, and push it.",
    made=["repository", "token", "name"],
)

# %% [markdown] id="04-24-back" tags=["core", "guess"] minutes=1
# ## What you thought in lesson 00
#
# One of your first guesses now has its answer. Here it is again, with what you said then.

# %% id="04-24-back-run" tags=["core", "guess"]
lab.look_back("04")

# %% [markdown] id="04-25" tags=["core", "summary"] minutes=1
# ## On one screen
#
# | command | asks whom | what you read when something is missing |
# |---|---|---|
# | `aws ecr create-repository` | ECR's API | `The repository with name … does not exist …` |
# | `aws ecr get-login-password` into `docker login` | ECR's API, then the registry | `no basic auth credentials` |
# | `docker tag` | nobody: a second name, nothing is sent | `An image does not exist locally with the tag` |
# | `docker push` | the registry, and IAM at each request | (no permission) `not authorized to perform: ecr:…` |
# | `docker pull` | registry, and IAM: `BatchGetImage`, `GetDownloadUrlForLayer` | (no such tag) `… image not found` |
#
# More than {{fact:token-lifetime}} after the login, push and pull say `authorization token has expired`: log in again.
# An engine with the containerd store (Docker Desktop) may show less: `403 Forbidden` where you are refused, `not found`
# where a pull finds nothing.

# %% [markdown] id="04-25-aws" tags=["core", "box"]
# > **On real AWS**
# >
# > - Every account and Region has its own host; nothing comes before the account number.
# > - What you store is billed: {{dated:storage-price}}. So is what leaves the Region. There is
# >   {{dated:request-price}}. Look at AWS's own page before you quote any of it.
# > - Nobody should push as administrator. Robots use roles, whose keys expire on their own (lesson 09).
# > - A new permission can take a few seconds to reach every door.

# %% [markdown] id="04-25-yours" tags=["core", "text"]
# ## Yours to play
#
# Nothing here reaches AWS or costs money. Try something you always wanted to see fail.

# %% id="04-25-play" tags=["core", "run"]
# %%bash
# aws ecr describe-repositories --query 'sort(repositories[].repositoryName)' --output text

# %% [markdown] id="04-25-left" tags=["core", "text"]
# ## Left behind
#
# Repositories with images, here and in Ireland; the robot's permissions; docker's logins; a clock that runs ahead: the
# reset puts all that back. The images on this computer stay, and so do your files and your progress.

# %% id="04-25-reset" tags=["core", "run"]
lab.reset("04")
