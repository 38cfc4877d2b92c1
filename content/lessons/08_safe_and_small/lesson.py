# %% [markdown] id="08-01" tags=["core", "text"] minutes=1
# # 08 · Images safe and small
#
# After this lesson you can
#
# - **read** what a repository does and does not do for you,
# - **choose** the settings that keep a release unchanged, scanned and signed,
# - **prove** on a live registry what each of them stops, and what it lets through.
#
# You need nothing but this computer; without a container engine, the lab's stand-in acts as `docker`, and all twelve
# exercises count. {{neighbours}}

# %% [markdown] id="08-01-story" tags=["core", "text"] minutes=1
# Aiko audits on Friday. She has sent a form with ten sentences. A consultant wrote them; nobody has tried them. She
# does not believe settings. She believes what she sees happen. It is Thursday.
#
# | | Aiko's form |
# |---|---|
# | 1 | Images are encrypted with KMS. |
# | 2 | That can be changed later. |
# | 3 | A release cannot change. |
# | 4 | Every image is scanned. |
# | 5 | Nothing with a critical finding runs. |
# | 6 | What runs is what we built. |
# | 7 | Nothing in use is ever deleted. |
# | 8 | Old images are cleaned up. |
# | 9 | At three in the morning we need nobody else's registry. |
# | 10 | A new team gets all of this. |

# %% [markdown] id="08-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **KMS key** | a key in AWS whose use can be allowed, logged and switched off |
# | **exclusion filter** | the tags to which a tag setting does not apply |
# | **finding** | a known fault in a package of an image |
# | **gate** | a step of yours that stops an image |
#
# Page 2 adds *referrer*, *lifecycle policy* and *pull-through cache*.

# %% id="08-02" tags=["core", "run", "volatile"] minutes=1
# %load_ext ecrlab_course
lab.lesson("08")

# %% [markdown] id="08-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="08-03-r1" tags=["core", "recall"]
lab.guess("08-r1")

# %% id="08-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("08-r1", "b")

# %% id="08-03-r2" tags=["core", "recall"]
lab.guess("08-r2")

# %% id="08-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("08-r2", "c")

# %% id="08-03-r3" tags=["core", "recall"]
lab.guess("08-r3")

# %% id="08-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("08-r3", "a")

# %% [markdown] id="08-04" tags=["core", "text"] at="fresh"
# ## What you did not choose
#
# Sentence 1. Make a repository, give it nothing but a name, and read what it comes with.

# %% id="08-04-e1" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("08-e1")

# %% id="08-04-e1-answer" tags=["core", "exercise", "solution"]
lab.answer("08-e1", "b", confidence=2)

# %% id="08-05" tags=["core", "run"] minutes=1
# %%bash
# SHOW='encryptionConfiguration.encryptionType,imageTagMutability'
# SHOW="$SHOW,imageScanningConfiguration.scanOnPush"
# aws ecr create-repository --repository-name booking --query "repository.[$SHOW]" --output text ||
#   aws ecr describe-repositories --repository-names booking \
#     --query "repositories[0].[$SHOW]" --output text

# %% [markdown] id="08-05-after" tags=["core", "reading"]
# Three answers that you did not give: encrypted with a key that S3 manages; every tag can be moved; nobody scans. It is
# not a bad start. It is just not what the form says.
#
# > **People say:** "ECR encrypts with KMS by default."
# >
# > **In fact** S3's own key does it, free of charge, and KMS is a choice that somebody has to make.

# %% id="08-05-why" tags=["core", "exercise", "solution"]
lab.solution("08-e1")

# %% [markdown] id="08-06" tags=["core", "text"]
# ## Then change it
#
# Sentence 2. `booking` should have a KMS key after all.

# %% id="08-06-g1" tags=["core", "guess"] minutes=1
lab.guess("08-g1")

# %% id="08-06-g1-answer" tags=["core", "guess", "solution"]
lab.answer("08-g1", "c", confidence=2)

# %% [markdown] id="08-07-text" tags=["core", "text"]
# Everything in ECR's API that can be put, set or updated:

# %% id="08-07" tags=["core", "run"] minutes=1
ecr = lab.client("ecr")
print(*[name for name in dir(ecr) if name.startswith(("put_", "set_", "update_"))], sep="\n")

# %% [markdown] id="08-07-after" tags=["core", "reading"]
# Read the list for what is **not** in it. Then this is all that is left to try:

# %% id="08-08" tags=["core", "fail"] minutes=1 fails="The repository with name 'booking' already exists"
# %%bash
# aws ecr create-repository --repository-name booking \
#   --encryption-configuration encryptionType=KMS

# %% [markdown] id="08-08-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `aws`; the sentence is ECR's |
# | which question | *is it there?* Yes, and so nothing was made and nothing was changed |
# | words that are mine | the repository's name, and the account |
# | not in the text | whether the one that exists is what I asked for |
#
# In a script with `|| true` behind it, this line has looked like success for years.

# %% id="08-09-push" tags=["core", "run", "volatile"] minutes=1
# %%bash
# docker tag booking:2.0 "$REGISTRY/booking:2.0"
# docker push -q "$REGISTRY/booking:2.0"

# %% [markdown] id="08-09" tags=["core", "picture"]
# ![Picture 1, one digest on two shelves. The left shelf, the repository booking, has the label AES256; the right one,
# booking-kms, has the label KMS. On both is the same box, sha256 5760. An arrow from left to right says pull, tag,
# push. A crossed-out arrow to the left label says: no call does this.](images/shelves.svg)
#
# **Picture 1.** The label is fixed when the shelf is made. The box carries its own name wherever it stands.

# %% [markdown] id="08-10-text" tags=["core", "text"] at="stored"
# ## The same image, under KMS

# %% id="08-10" tags=["core", "exercise"] minutes=4
lab.exercise("08-e2")

# %% id="08-10-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "your commands go here"

# %% id="08-10-work" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# aws ecr create-repository --repository-name booking-kms --query repository.repositoryName \
#   --encryption-configuration encryptionType=KMS --output text || true
# docker pull -q "$REGISTRY/booking:2.0"
# docker tag "$REGISTRY/booking:2.0" "$REGISTRY/booking-kms:2.0"
# docker push -q "$REGISTRY/booking-kms:2.0"

# %% id="08-10-why" tags=["core", "exercise", "solution"]
lab.solution("08-e2")

# %% [markdown] id="08-11" tags=["core", "text"] minutes=1
# Same bytes, same digest, another shelf. The digest says what is in the box, and nothing about the lock on the door. On
# AWS, ECR works with *grants* on your key: take them away, and nobody reads the images. Here the setting is kept and
# shown, and encrypts nothing.

# %% [markdown] id="08-12" tags=["core", "text"] at="stored"
# ## A release
#
# Sentence 3. The switch is one word. Then Dara builds 2.0 once more on Thursday, with one line changed, and pushes it.

# %% id="08-12-run" tags=["core", "fail", "volatile"] minutes=1 fails="push-to-immutable-tag"
# %%bash
# aws ecr put-image-tag-mutability --repository-name booking \
#   --image-tag-mutability IMMUTABLE --query imageTagMutability --output text
# echo "2.0, Thursday" > booking/www/version.txt
# docker build -q -t booking:2.0 booking > /dev/null
# docker tag booking:2.0 "$REGISTRY/booking:2.0"
# docker push -q "$REGISTRY/booking:2.0"

# %% [markdown] id="08-12-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `docker`; the sentence is ECR's |
# | which question | none of *who are you*, *may you*: it is about **what is there already** |
# | words that are mine | the tag and the repository |
# | meaning | the tag names other bytes, and may not move |
#
# It was not Dara's permissions: you are `admin`, and are refused in the same words.

# %% id="08-13" tags=["core", "exercise"] minutes=3
lab.exercise("08-e3")

# %% id="08-13-work" tags=["core", "exercise", "starter"]
# %%bash
# aws ecr describe-repositories --repository-names landing --query 'repositories[0].imageTagMutability'

# %% id="08-13-work" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# aws ecr put-image-tag-mutability --repository-name landing --query imageTagMutability \
#   --image-tag-mutability IMMUTABLE_WITH_EXCLUSION --output text \
#   --image-tag-mutability-exclusion-filters filterType=WILDCARD,filter=latest
# for tag in latest v2.0; do
#   docker tag booking:2.0 "$REGISTRY/landing:$tag"
#   docker push -q "$REGISTRY/landing:$tag" || echo "refused"
# done

# %% id="08-13-why" tags=["core", "exercise", "solution"]
lab.solution("08-e3")

# %% [markdown] id="08-14" tags=["core", "text"] at="locked"
# ## The other half of the lock
#
# The tags of `booking` are immutable, and Thursday's push of `2.0` was refused.

# %% id="08-14-g2" tags=["core", "guess"] minutes=1
lab.guess("08-g2")

# %% id="08-14-g2-answer" tags=["core", "guess", "solution"]
lab.answer("08-g2", "c", confidence=2)

# %% id="08-15" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws ecr batch-delete-image --repository-name booking --image-ids imageTag=2.0 \
#   --query 'imageIds[0].imageTag' --output text
# docker push -q "$REGISTRY/booking:2.0"
# ecrlab can developer BatchDeleteImage booking | head -1 || true

# %% [markdown] id="08-15-after" tags=["core", "reading"]
# The push that was refused a minute ago. **The lock is on overwriting. It is not on the bin.** So the other half of the
# lock is in IAM: Dara pushes with *PowerUser* and may not delete. Who may? You.
#
# > **People say:** "Immutable means it stays."
# >
# > **In fact** it means it is not *replaced*. Deleted and pushed again, `2.0` is something else.

# %% [markdown] id="08-17" tags=["core", "text"] at="locked"
# ## Is it clean?
#
# Sentence 4. Debian here is three small files: the list that a scanner reads, the system's name, and one program that
# says its version. The advisories are real; the list of them is short. So: what has been found in 2.0?

# %% id="08-17-run" tags=["core", "fail"] minutes=1 fails="Image scan does not exist for the image with"
# %%bash
# aws ecr describe-image-scan-findings --repository-name booking --image-id imageTag=2.0

# %% [markdown] id="08-17-card" tags=["core", "reading"]
# *ScanNotFound*: nobody has looked. That is something else than *nothing was found*, and a program that reads only the
# count cannot tell the two apart. Now look, slowly: a scan takes two seconds from now on, as it takes a while at AWS.

# %% id="08-18" tags=["core", "run"] minutes=1
ecr = lab.client("ecr")
which = {"repositoryName": "booking", "imageId": {"imageTag": "2.0"}}
lab.scan_time(2)
try:
    ecr.start_image_scan(**which)
except ecr.exceptions.LimitExceededException as error:
    print(error.response["Error"]["Message"])
found = ecr.describe_image_scan_findings(**which)
print(found["imageScanStatus"]["status"], found.get("imageScanFindings"))
lab.scan_time(0)

# %% [markdown] id="08-18-after" tags=["core", "reading"]
# `IN_PROGRESS`, and instead of findings: nothing. Whoever asks too early gets an answer without counts. (Run it a
# second time: one scan per image in {{fact:scan-interval}}.)

# %% id="08-18-findings" tags=["core", "run"] minutes=1
ecr.get_waiter("image_scan_complete").wait(**which, WaiterConfig={"Delay": 1})
found = ecr.describe_image_scan_findings(**which)
print(found["imageScanStatus"]["status"])
for each in found["imageScanFindings"]["findings"]:
    attributes = {one["key"]: one["value"] for one in each["attributes"]}
    print(f"{each['severity']:10} {each['name']:15} {attributes['package_name']:6} {attributes['package_version']}")

# %% [markdown] id="08-18-read" tags=["core", "reading"]
# Package, version, and the name of the fault. Your code is not in this list: all three came in with the base.
# `UNDEFINED` is not harmless; nobody has rated it yet.

# %% [markdown] id="08-19-text" tags=["core", "text"] at="scanned"
# ## And now it is pulled
#
# Sentence 5. The finding is known. Remove the image from this computer, and pull it as a server does.

# %% id="08-19" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("08-e4")

# %% id="08-19-answer" tags=["core", "exercise", "solution"]
lab.answer("08-e4", "c", confidence=2)

# %% id="08-20" tags=["core", "run", "volatile"] minutes=1
# %%bash
# docker rmi -f "$REGISTRY/booking:2.0" > /dev/null
# docker pull -q "$REGISTRY/booking:2.0"

# %% id="08-20-xray" tags=["core", "run", "volatile"]
lab.xray()  # the pull of an image with a critical finding

# %% [markdown] id="08-20-after" tags=["core", "reading"]
# The rows of any pull. IAM was asked whether you may read the image; **no row asks the scanner**.

# %% id="08-20-why" tags=["core", "exercise", "solution"]
lab.solution("08-e4")

# %% [markdown] id="08-20-picture" tags=["core", "picture"] minutes=1
# ![Picture 2, where a stop could be. A road runs from push to ECR, to pull, to runs. Beside the road, not on it, stands
# the scanner, which puts a note on the image in ECR. On the road, between ECR and the pull, is a dotted bar: your
# gate.](images/road.svg)
#
# **Picture 2.** The scanner writes notes. Only a bar across the road stops anything, and nobody builds it for you.

# %% [markdown] id="08-21" tags=["core", "text"] at="scanned"
# ## From now on, automatically
#
# A rule of the *registry*: what is pushed to `booking` is scanned.

# %% id="08-21-g3" tags=["core", "guess"] minutes=1
lab.guess("08-g3")

# %% id="08-21-g3-answer" tags=["core", "guess", "solution"]
lab.answer("08-g3", "b", confidence=2)

# %% id="08-21-run" tags=["core", "run"] minutes=1
ecr = lab.client("ecr")
meant = [{"filter": "booking", "filterType": "WILDCARD"}]
on_push = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": meant}]
ecr.put_registry_scanning_configuration(scanType="BASIC", rules=on_push)
one = ecr.describe_repositories(repositoryNames=["booking"])["repositories"][0]
print("the repository's flag:", one["imageScanningConfiguration"])
asked = ecr.batch_get_repository_scanning_configuration(repositoryNames=["booking"])
print("what is done:         ", asked["scanningConfigurations"][0]["scanFrequency"])

# %% [markdown] id="08-21-after" tags=["core", "reading"]
# Ask the registry what is *done*, not the repository what was once *set*. A filter without a star means *contains*, so
# `booking-kms` is meant, too. And what was pushed before the rule is not looked at: **from the day of the rule, on
# push**.

# %% [markdown] id="08-22-text" tags=["core", "text"] at="scanned"
# ## Fix the finding

# %% id="08-22" tags=["core", "exercise"] minutes=4
lab.exercise("08-e5")

# %% id="08-22-answer" tags=["core", "exercise", "solution", "volatile"]
lab.answer(
    "08-e5",
    """FROM harbour/os:12.9
COPY site/ /usr/lib/python3/dist-packages/
COPY www/ /www/
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
""",
)

# %% id="08-22-why" tags=["core", "exercise", "solution"]
lab.solution("08-e5")

# %% [markdown] id="08-23" tags=["core", "text"] at="fixed"
# ## Two green lights

# %% id="08-23-g4" tags=["core", "guess"] minutes=1
lab.guess("08-g4")

# %% id="08-23-g4-answer" tags=["core", "guess", "solution"]
lab.answer("08-g4", "b", confidence=2)

# %% id="08-23-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# tail -2 booking/Dockerfile.quick
# docker build -q -f booking/Dockerfile.quick -t booking:2.1-quick booking > /dev/null
# docker tag booking:2.1-quick "$REGISTRY/booking:2.1-quick"
# docker push -q "$REGISTRY/booking:2.1-quick"
# ecrlab tree --compare booking:2.0 booking:2.1-quick

# %% id="08-23-scan" tags=["core", "run"]
ecr = lab.client("ecr")
which = {"repositoryName": "booking", "imageId": {"imageTag": "2.1-quick"}}
ecr.get_waiter("image_scan_complete").wait(**which, WaiterConfig={"Delay": 1})
found = ecr.describe_image_scan_findings(**which)
print(found["imageScanStatus"]["status"], found["imageScanFindings"].get("findingSeverityCounts", {}))

# %% [markdown] id="08-23-after" tags=["core", "reading"]
# `COMPLETE`, and no findings. But `COPY nothing /var/lib/dpkg/status` put an empty file over the list of packages, and
# the layer with the old curl is in both images. **The scanner reads a list. Dara has emptied the list.**

# %% id="08-24-g5" tags=["core", "guess"] minutes=1
lab.guess("08-g5")

# %% id="08-24-g5-answer" tags=["core", "guess", "solution"]
lab.answer("08-g5", "b", confidence=2)

# %% id="08-24" tags=["core", "run"] minutes=1
import time

always = [{"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": "booking", "filterType": "WILDCARD"}]}]
ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=always)
there = {each.get("imageTag") for each in ecr.list_images(repositoryName="booking")["imageIds"]}
which = {"repositoryName": "booking", "imageId": {"imageTag": "2.1" if "2.1" in there else "2.0"}}
time.sleep(2)
for each in ecr.describe_image_scan_findings(**which)["imageScanFindings"]["enhancedFindings"]:
    package = each["packageVulnerabilityDetails"]["vulnerablePackages"][0]
    print(each["severity"], each["packageVulnerabilityDetails"]["vulnerabilityId"], package["name"], package["version"])
always[0]["scanFrequency"] = "SCAN_ON_PUSH"
back = ecr.put_registry_scanning_configuration(scanType="BASIC", rules=always)

# %% [markdown] id="08-24-after" tags=["core", "reading"]
# The same image, the same minute, another reader.
#
# | | basic | enhanced |
# |---|---|---|
# | reads | packages of the system | those of the language, too |
# | when | on push, or by hand: once in {{fact:scan-interval}} | on push, or with each new advisory; never by hand |
# | costs | nothing | Amazon Inspector bills it |
#
# *No findings* always means: none that this reader knows.

# %% [markdown] id="08-25" tags=["core", "text"] at="fixed"
# ## A gate
#
# Nobody builds the bar of picture 2 for you. Here is one that a colleague wrote on a Friday.

# %% id="08-25-e6" tags=["core", "exercise"] minutes=5
lab.exercise("08-e6")

# %% id="08-25-e6-answer" tags=["core", "exercise", "solution", "policy"]
lab.answer(
    "08-e6",
    """import sys
import time

import boto3

ecr = boto3.client("ecr")
name, tag = sys.argv[1:]
which = {"repositoryName": name, "imageId": {"imageTag": tag}}
try:
    ecr.start_image_scan(**which)
except ecr.exceptions.LimitExceededException:
    pass  # scanned within a day: the findings are there
status = "IN_PROGRESS"
while status == "IN_PROGRESS":
    time.sleep(0.1)
    found = ecr.describe_image_scan_findings(**which)
    status = found["imageScanStatus"]["status"]
counts = found.get("imageScanFindings", {}).get("findingSeverityCounts", {})
bad = counts.get("CRITICAL", 0) + counts.get("HIGH", 0)
print(status, counts)
sys.exit(0 if status == "COMPLETE" and not bad else 1)
""",
)

# %% id="08-25-e6-why" tags=["core", "exercise", "solution"]
lab.solution("08-e6")

# %% [markdown] id="08-half" tags=["core", "text"] minutes=1
# ## Half of the form
#
# | | the form says | what you have seen |
# |---|---|---|
# | 1 | encrypted with KMS | with S3's key, unless somebody chose KMS |
# | 2 | can be changed later | in a new repository; the digest stays |
# | 3 | a release cannot change | not by a push; by delete and push it can |
# | 4 | every image is scanned | from the day of the rule, on push |
# | 5 | nothing critical runs | nothing stops it but a gate of ours |
#
# Yours to play: can you write a Dockerfile that gets past your own gate?

# %% [markdown] id="08-31" tags=["core", "text"] minutes=1
# ## Small, and from where
#
# After this page you can say who vouches for an image, clean up without deleting what runs, and pull when the Hub is
# down.
#
# | new word | in a line |
# |---|---|
# | **referrer** | an artifact that points at an image, such as a signature |
# | **lifecycle policy** | rules by which ECR deletes images, or archives them |
# | **pull-through cache** | a repository that fetches what it does not have yet |

# %% id="08-31-r4" tags=["core", "guess"] minutes=1
lab.guess("08-r4")

# %% id="08-31-r4-answer" tags=["core", "guess", "solution"]
lab.answer("08-r4", "b")

# %% id="08-31-r5" tags=["core", "guess"]
lab.guess("08-r5")

# %% id="08-31-r5-answer" tags=["core", "guess", "solution"]
lab.answer("08-r5", "c")

# %% [markdown] id="08-32" tags=["core", "text"] at="half"
# ## Who built it?
#
# Sentence 6. ECR can sign what is pushed. `sign.json` names a *signing profile*, `harbour`, and the repositories that
# are meant: `kiosk`.
#
# The next cell builds the place where this page begins, with the repositories `kiosk`, `dock` and `release`.

# %% id="08-32-begin" tags=["core", "run"]
lab.goto("08", "half")

# %% id="08-32-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws ecr put-signing-configuration --signing-configuration file://sign.json \
#   --query 'signingConfiguration.rules[0].signingProfileArn' --output text
# docker tag booking:2.1 "$REGISTRY/kiosk:3.0"
# docker push -q "$REGISTRY/kiosk:3.0"
# aws ecr list-images --repository-name kiosk --query 'imageIds[].[imageTag]' --output text
# python verify.py kiosk 3.0

# %% [markdown] id="08-32-after" tags=["core", "reading"]
# One push, two entries. The second has no tag and points at the first: a **referrer**. Remember it; somebody will find
# it untidy. `verify.py` reads it: whose key signed, and which digest. Forty lines; have a look.
#
# > **People say:** "ECR stores Docker images."
# >
# > **In fact** it stores any OCI artifact. You have just stored a signature.

# %% id="08-33-g6" tags=["core", "guess"] minutes=1
lab.guess("08-g6")

# %% id="08-33-g6-answer" tags=["core", "guess", "solution"]
lab.answer("08-g6", "b", confidence=2)

# %% id="08-33-run" tags=["core", "run", "volatile"] minutes=1
# %%bash --as ci
# docker tag booking:2.0 "$REGISTRY/kiosk:3.1"
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker push -q "$REGISTRY/kiosk:3.1"

# %% id="08-33-status" tags=["core", "run"]
import time

time.sleep(1)
ecr = lab.client("ecr")
which = {"repositoryName": "kiosk", "imageId": {"imageTag": "3.1"}}
for each in ecr.describe_image_signing_status(**which)["signingStatuses"]:
    print(each["status"], each.get("failureReason", ""))

# %% [markdown] id="08-33-after" tags=["core", "reading"]
# A push that worked, with a refusal inside: ECR signs **in the name of whoever pushes**, and the robot lacks
# `signer:SignPayload`. docker said nothing, and was right: the push is done. Who would have told you?

# %% [markdown] id="08-34-text" tags=["core", "text"] at="half"
# ## Five images in the dock

# %% id="08-34-run" tags=["core", "run"] minutes=1
# %%bash
# python verify.py dock 4.0 4.1 4.2 4.3 4.4 || echo "not all of them are signed by us"

# %% [markdown] id="08-34-after" tags=["core", "reading"]
# ECR checks no signature at a pull. And a signature does not say that an image is *good*: Dara's quick one would get
# one like any other. How it becomes a condition at the door: lesson 09. By hand, outside ECR, `notation` and `cosign`
# make the same kind of artifact.

# %% id="08-34" tags=["core", "exercise"] minutes=3
lab.exercise("08-e7")

# %% id="08-34-answer" tags=["core", "exercise", "solution"]
lab.answer("08-e7", zero="not", one="not", two="not", three="run", four="not")

# %% id="08-34-why" tags=["core", "exercise", "solution"]
lab.solution("08-e7")

# %% [markdown] id="08-35" tags=["core", "text"] at="fleet"
# ## Which may go?
#
# Sentences 7 and 8. `lab.fleet` pushes images of all ages: the clock walks from the oldest to the youngest.

# %% id="08-35-run" tags=["core", "run", "volatile"] minutes=1
from ships import FLEETS

ecr = lab.client("ecr")
lab.clear(*FLEETS)
print(lab.fleet(FLEETS))
now = lab.clock.now()
for each in sorted(ecr.describe_images(repositoryName="fleet")["imageDetails"], key=lambda one: one["imagePushedAt"]):
    print(f"{(now - each['imagePushedAt']).days:3} days  {' '.join(each.get('imageTags', ['(no tag)']))}")

# %% [markdown] id="08-35-after" tags=["core", "reading"]
# Sixteen manifests: two of those without a tag are the halves of `v2.0`, for two processors. The kiosk at the landing
# stage runs `v1.1`, and the tag `live` says so. **ECR has no list of what runs.**

# %% id="08-36-g7" tags=["core", "guess"] minutes=1
lab.guess("08-g7")

# %% id="08-36-g7-answer" tags=["core", "guess", "solution"]
lab.answer("08-g7", "b", confidence=2)

# %% id="08-36-run" tags=["core", "run"] minutes=1
# %%bash
# python preview.py rules/prod-first.json pair

# %% [markdown] id="08-36-after" tags=["core", "reading"]
# A *preview* deletes nothing. Rule 1 selected A and B and kept B. From then on no later rule touches B.

# %% [markdown] id="08-36-picture" tags=["core", "picture"]
# ![Picture 3, rules in order. Three sieves, one below the other: rule 1 prod star, rule 2 beta star, rule 3 any. Three
# images fall from above. A and B have a prod tag and stop at the first sieve: A is taken by rule 1, B is kept by rule
# 1. C falls through to the second sieve and is kept by rule 2. Nothing reaches the third.](images/sieves.svg)
#
# **Picture 3.** Each image stops at the first sieve that selects its tags, and stays there: taken, or kept. Later
# sieves never see it.

# %% id="08-37" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("08-e8")

# %% id="08-37-answer" tags=["core", "exercise", "solution"]
lab.answer("08-e8", "c", confidence=2)

# %% id="08-37-run" tags=["core", "run"] minutes=1
# %%bash
# python preview.py rules/beta-first.json pair

# %% id="08-37-why" tags=["core", "exercise", "solution"]
lab.solution("08-e8")

# %% id="08-38-g8" tags=["core", "guess"] minutes=1
lab.guess("08-g8")

# %% id="08-38-g8-answer" tags=["core", "guess", "solution"]
lab.answer("08-g8", "a", confidence=1)

# %% id="08-38-run" tags=["core", "run"] minutes=1
# %%bash
# python preview.py rules/leavings.json fleet
# python preview.py rules/leavings-two.json fleet

# %% [markdown] id="08-38-after" tags=["core", "reading"]
# Accepted, attached, and it would never delete anything: the entries of one list must **all** be on the same image.
# Alternatives are separate rules. This is the quietest failure of the course.

# %% [markdown] id="08-39-text" tags=["core", "text"] at="fleet"
# ## A policy for all seasons

# %% id="08-39" tags=["core", "exercise"] minutes=5
lab.exercise("08-e9")

# %% id="08-39-answer" tags=["core", "exercise", "solution", "policy"]
import json

lab.answer(
    "08-e9",
    json.dumps(
        {
            "rules": [
                {
                    "rulePriority": number,
                    "selection": {
                        **({"tagStatus": "tagged", "tagPatternList": [what]} if "*" in what else {"tagStatus": what}),
                        "countType": kind,
                        **({"countUnit": "days"} if kind == "sinceImagePushed" else {}),
                        "countNumber": count,
                    },
                    "action": {"type": "expire"},
                }
                for number, what, kind, count in (
                    (1, "live*", "imageCountMoreThan", 99),
                    (2, "v*", "imageCountMoreThan", 3),
                    (3, "untagged", "sinceImagePushed", 1),
                    (4, "any", "sinceImagePushed", 30),
                )
            ]
        },
        indent=2,
    ),
)

# %% id="08-39-why" tags=["core", "exercise", "solution"]
lab.solution("08-e9")

# %% [markdown] id="08-41-text" tags=["stretch", "text"] at="fleet"
# ## More: one preview, two seasons
#
# `rules/by-age.json` keeps what is live and lets releases go after a month. Today its preview is that of a good policy.

# %% id="08-41" tags=["stretch", "run"] minutes=2
# %%bash
# python preview.py rules/by-age.json trial/today | tail -1
# python preview.py rules/by-age.json trial/summer

# %% [markdown] id="08-41-after" tags=["stretch", "reading"]
# Six today. In summer, when nobody has pushed for sixty days, no release is left but the one that is live. A preview
# proves today; only reading the rules proves the summer.

# %% [markdown] id="08-40" tags=["core", "text"] at="fleet"
# ## Attach it
#
# `keep.json` is your policy. Its preview on `fleet` is known; now attach it, and let a day go by.

# %% id="08-40-g9" tags=["core", "guess"] minutes=1
lab.guess("08-g9")

# %% id="08-40-g9-answer" tags=["core", "guess", "solution"]
lab.answer("08-g9", "c", confidence=1)

# %% id="08-40-run" tags=["core", "run"] minutes=1
from pathlib import Path

ecr = lab.client("ecr")


def in_fleet():
    return [
        " ".join(one.get("imageTags", ["-"])) for one in ecr.describe_images(repositoryName="fleet")["imageDetails"]
    ]


before = in_fleet()
ecr.put_lifecycle_policy(repositoryName="fleet", lifecyclePolicyText=Path("keep.json").read_text())
print("attached:    ", len(in_fleet()), "manifests, as before")
lab.clock.advance(hours=25)
print("25 hours on: ", len(in_fleet()), "manifests;", len(before) - len(in_fleet()), "are gone")
print("left:        ", *sorted(in_fleet()))

# %% [markdown] id="08-40-after" tags=["core", "reading"]
# The seventh had no tag and was pushed just before: in the meantime it had turned a day old. A preview answers for
# *now*; a policy acts within {{fact:lifecycle-delay}}, at no promised hour. CloudTrail then has one event of it, in
# nobody's name, with the rule for each image. At its end: the halves of `v2.0`. They have no tag either, and stay as
# long as `v2.0` names them.

# %% id="08-40-trail" tags=["core", "run"]
import json

wanted = [{"AttributeKey": "EventName", "AttributeValue": "PolicyExecutionEvent"}]
for event in lab.client("cloudtrail").lookup_events(LookupAttributes=wanted, MaxResults=1)["Events"]:
    details = json.loads(event["CloudTrailEvent"])["serviceEventDetails"]
    for each in details["lifecycleEventImageActions"]:
        print("rule", each["rulePriority"], "took ", *each["lifecycleEventImage"]["tagList"] or ["one without a tag"])
    for each in details["lifecycleEventFailureDetails"]:
        print("rule", each["rulePriority"], "tried", each["failureCode"])

# %% [markdown] id="08-43" tags=["core", "text"] at="half"
# ## Without a name
#
# Somebody found the entries without a tag untidy, and wrote `cleanup.sh`. `release` has five of them.

# %% id="08-43-e10" tags=["core", "exercise"] minutes=3
lab.exercise("08-e10")

# %% id="08-43-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "08-e10",
    signature="gone",
    edge="gone",
    kiosk="gone",
    amd64="refused",
    arm64="refused",
    index="unasked",
)

# %% id="08-43-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# bash cleanup.sh release
# python verify.py release 3.0 || true

# %% [markdown] id="08-43-after" tags=["core", "reading"]
# Exit code 0, and a tidy list. `3.0` is as it was, byte for byte; what has gone is the proof. And one of the three was
# what the kiosk runs, by its digest.

# %% id="08-43-why" tags=["core", "exercise", "solution"]
lab.solution("08-e10")

# %% [markdown] id="08-44" tags=["core", "text", "picture"] at="half"
# ![Picture 4, five without a name. Inside the registry: the index 4.0 with two arrows to its halves, amd64 and arm64; a
# signature with an arrow to 3.0; yesterday's edge, without an arrow. The fifth is what the kiosk runs: a dotted arrow
# comes to it from a server outside the registry, with the words ECR does not see this one.](images/nameless.svg)
#
# **Picture 4.** Two of the five are pointed at from inside: the index 4.0 names its halves. The signature points, at
# 3.0, and nobody points at it. Nothing points at yesterday's `edge`. The kiosk's arrow comes from outside, where ECR
# does not look.
#
# ## Put away
#
# An image that nobody needs and nobody may delete can be *archived*. Then pull it.

# %% id="08-44-run" tags=["core", "fail", "volatile"] minutes=1 fails="pull-without-tag"
# %%bash
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# aws ecr update-image-storage-class --repository-name booking --image-id imageTag=2.0 \
#   --target-storage-class ARCHIVE --query imageStatus --output text || true
# docker rmi -f "$REGISTRY/booking:2.0" > /dev/null 2>&1 || true
# docker pull -q "$REGISTRY/booking:2.0"

# %% [markdown] id="08-44-card" tags=["core", "reading"]
# The words for an image that never was. `describe-images` with the tag says `ARCHIVED`; a list does not name it. At
# least {{fact:archive-minimum}} are charged. By prices that others quote, most pay the same there: an archive for
# rules, not for the bill. And back? `ACTIVATING` takes {{fact:restore-time}}, in the middle of a night as well; then
# the image counts as newly pushed, for rules, scans and copies.

# %% id="08-44-restore" tags=["core", "run"]
ecr = lab.client("ecr")
away = {"repositoryName": "booking", "imageId": {"imageTag": "2.0"}}
print(ecr.update_image_storage_class(**away, targetStorageClass="STANDARD")["imageStatus"])
lab.clock.advance(minutes=20)
print(ecr.describe_images(repositoryName="booking", imageIds=[away["imageId"]])["imageDetails"][0]["imageStatus"])
print(lab.sh('docker pull -q "$REGISTRY/booking:2.0"')[1])

# %% [markdown] id="08-45" tags=["core", "text"] at="no-cache"
# ## At three in the morning
#
# Sentence 9. A rule lets `hub/…` be fetched from Docker Hub the first time it is pulled. (ECR wants the ARN of a secret
# with a login there; the lab looks at its form only.) Omar, who may pull, pulls.

# %% id="08-45-rule" tags=["core", "run"] minutes=1
# %%bash
# aws ecr create-pull-through-cache-rule --ecr-repository-prefix hub \
#   --upstream-registry-url registry-1.docker.io --query upstreamRegistry --output text --credential-arn \
#   arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf ||
#   echo "there is one already"
# docker rmi -f "$REGISTRY/hub/library/busybox" > /dev/null 2>&1 || true

# %% id="08-45-omar" tags=["core", "fail", "volatile"] minutes=1 fails="pull-without-repository"
# %%bash --as ops
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker pull -q "$REGISTRY/hub/library/busybox"

# %% id="08-45-g10" tags=["core", "guess"] minutes=1
lab.guess("08-g10")

# %% id="08-45-g10-answer" tags=["core", "guess", "solution"]
lab.answer("08-g10", "c", confidence=1)

# %% id="08-45-why" tags=["core", "run", "volatile"]
lab.why(details=False)

# %% [markdown] id="08-45-card" tags=["core", "reading"]
# *This time* `name unknown` is about a permission: ECR would have made the repository, had Omar been allowed to have it
# made. The text does not say so; the row does.

# %% id="08-45-admin" tags=["core", "run", "volatile"] minutes=1
# %%bash
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker pull -q "$REGISTRY/hub/library/busybox"

# %% id="08-45-xray" tags=["core", "run", "volatile"]
lab.xray()  # the first pull through the cache

# %% [markdown] id="08-45-after" tags=["core", "reading"]
# Between our own rows there are requests of `learner` at the Hub: ECR went there. Now the repository exists, and the
# image is in it.

# %% id="08-46" tags=["core", "exercise", "volatile"] minutes=2
lab.exercise("08-e11")

# %% id="08-46-answer" tags=["core", "exercise", "solution"]
lab.answer("08-e11", "c", confidence=2)

# %% id="08-46-why" tags=["core", "exercise", "solution"]
lab.solution("08-e11")

# %% id="08-47" tags=["core", "run", "volatile"] minutes=1
print(lab.hub.off())  # and now the Hub is down
for name in ("hub/library/busybox", "hub/ratelimitpreview/test"):
    lab.sh(f'docker rmi -f "$REGISTRY/{name}" > /dev/null 2>&1 || true')
    code, said = lab.sh(f'docker pull -q "$REGISTRY/{name}" 2>&1')
    print("pulled" if code == 0 else "no:", said.strip().replace(lab.registry, "$REGISTRY"))
print(lab.hub.on())

# %% [markdown] id="08-47-after" tags=["core", "reading"]
# What is cached comes from the cache, whatever the Hub says, tomorrow as well: ECR looks for a newer one
# {{fact:cache-check-rate}}, and keeps what it has when nobody answers. What is not cached is not there. So sentence 9
# is true **for what is cached already**.

# %% [markdown] id="08-48" tags=["core", "text", "picture"]
# ![Picture 5, the cache. Left Omar, in the middle our registry, right the Hub. A solid arrow from Omar to the registry:
# pull, always. Two dotted arrows, the first time only: CreateRepository at the registry, and BatchImportUpstreamImage
# from the Hub. Below, the second night: Omar and the registry as before, the Hub is dark and its arrow is crossed
# out; the image comes all the same.](images/cache.svg)
#
# **Picture 5.** Omar asks our registry, always. The two dotted arrows are needed the first time only, and each wants a
# permission of Omar's: `CreateRepository`, and `BatchImportUpstreamImage`, which fetches from the Hub. Below, the
# second night: the Hub is dark, and what is in our registry comes all the same.
#
# ## The next team
#
# Sentence 10. A *repository creation template* says what a repository is like that ECR makes by itself. `team.json`:
# below `team-maps`, when something is pushed, `IMMUTABLE`, and a rule for what has no tag.

# %% id="08-48-g11" tags=["core", "guess"] minutes=1
lab.guess("08-g11")

# %% id="08-48-g11-answer" tags=["core", "guess", "solution"]
lab.answer("08-g11", "b", confidence=2)

# %% id="08-48-run" tags=["core", "run"] minutes=1
import json

with open("team.json") as file:
    team = json.load(file)
ecr = lab.client("ecr")
lab.clear("team-maps/api", "team-maps/byhand")
if not ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]:
    ecr.create_repository_creation_template(**team)
lab.push("team-maps/api", "1.0")
ecr.create_repository(repositoryName="team-maps/byhand")
for each in ecr.describe_repositories(repositoryNames=["team-maps/api", "team-maps/byhand"])["repositories"]:
    print(f"{each['repositoryName']:18} {each['imageTagMutability']}")

# %% [markdown] id="08-48-after" tags=["core", "reading"]
# Nobody made `team-maps/api`; the push did. A template is asked when *ECR* makes a repository, and only then: not for
# what you make, and not for what exists. With KMS or resource tags in it, it needs a role of yours. And a template for
# `ROOT` makes a repository of every typing error.

# %% [markdown] id="08-49-text" tags=["core", "text"] at="no-cache"
# ## On your own

# %% id="08-49" tags=["core", "exercise"] minutes=4
lab.exercise("08-e12")

# %% id="08-49-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "your commands go here"

# %% id="08-49-work" tags=["core", "exercise", "solution", "policy", "volatile"]
import json
from pathlib import Path

lab.reset("08-e12")
ecr = lab.client("ecr")
secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
ecr.create_pull_through_cache_rule(
    ecrRepositoryPrefix="hub", upstreamRegistryUrl="registry-1.docker.io", credentialArn=secret
)
ecr.create_repository_creation_template(
    prefix="hub", appliedFor=["PULL_THROUGH_CACHE"], lifecyclePolicy=Path("untagged-week.json").read_text()
)
hub = "arn:aws:ecr:us-east-1:123456789012:repository/hub/*"
allowed = {"Effect": "Allow", "Action": "ecr:CreateRepository", "Resource": hub}
text = json.dumps({"Version": "2012-10-17", "Statement": allowed})
lab.client("iam").put_user_policy(UserName="ops", PolicyName="cache", PolicyDocument=text)

# %% id="08-49-pull" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as ops
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker rmi -f "$REGISTRY/hub/library/busybox" > /dev/null 2>&1 || true
# docker pull -q "$REGISTRY/hub/library/busybox"

# %% id="08-49-why" tags=["core", "exercise", "solution"]
lab.solution("08-e12")

# %% [markdown] id="08-50" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down. The points of a good answer appear once yours is saved.

# %% id="08-50-say" tags=["core", "interview"]
lab.exercise("08-i1")

# %% id="08-50-said" tags=["core", "interview", "solution"]
lab.answer(
    "08-i1",
    text="The defaults do little: S3's key, tags that move, no scan, nothing deleted. A gate of ours reads the scan by "
    "digest and opens only for complete and clean. A lifecycle policy whose first rule keeps what is live, previewed. "
    "And a signature that is verified where the image runs: whose key, which digest.",
    made=["defaults", "gate", "lifecycle", "verify"],
)

# %% [markdown] id="08-51" tags=["core", "summary", "box"] minutes=1
# ## On one screen
#
# | setting | stops | does not stop |
# |---|---|---|
# | KMS, chosen at creation | whoever may not use the key (on AWS) | anything here; and it is never changed later |
# | `IMMUTABLE`, with exceptions | a push that moves a tag | delete, then push |
# | scanning | nothing | a pull of what has findings |
# | your gate | what is not *complete and clean* | whoever deploys around it |
# | managed signing | nothing | a push without a signature; a pull of anything |
# | lifecycle policy | the bill from growing | itself: it takes what no earlier rule selected |
# | pull-through cache | an outage, for what is cached | an outage, for the rest |
# | creation template | forgetting, where ECR makes it | what is there, and what you make |
#
# > **On real AWS**
# >
# > - Scans take seconds to minutes. Inspector, KMS and Signer send bills of their own.
# > - The cache reads your secret, so somebody has to renew it.
# > - A lifecycle policy acts within {{fact:lifecycle-delay}}; what it took stands in CloudTrail.
# > - A new permission can take a few seconds to reach every door.
#
# ## Yours to play
#
# Write the last five lines of Aiko's form yourself: 6 to 10, as you have seen them. Then try to break one. Four rows of
# lesson 05's table are about this lesson; here is what your requests have shown of them.

# %% id="08-51-play" tags=["core", "run", "volatile"]
lab.table("08")

# %% [markdown] id="08-51-left" tags=["core", "text"]
# ## Left behind
#
# Repositories; rules for scans, signatures and the cache; permissions of Omar and the robot; a clock that runs ahead.
# The reset puts all that back. Your files and your progress stay.

# %% id="08-51-reset" tags=["core", "run"]
lab.reset("08")
