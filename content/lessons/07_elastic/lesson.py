# %% [markdown] id="07-01" tags=["core", "text"] minutes=1
# # 07 · Elastic: scale and price
#
# After this lesson you can
#
# - **measure** what a thousand versions keep and what they move,
# - **calculate** a month's bill from your own numbers,
# - **deploy** from a second Region while the first one is gone.
#
# You need nothing but this computer; without a container engine, the lab's stand-in acts as `docker`. {{neighbours}}

# %% [markdown] id="07-01-story" tags=["core", "text"]
# The season opens on Saturday. Dara's robot releases thirty versions a day, and the accountant of Harbour Bikes has
# found the word *elastic* in a brochure: *store any number of images without worrying about capacity.*
#
# She wants three answers before lunch. Does it ever fill up? Who is told to wait? What does it cost?

# %% [markdown] id="07-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **quota** | how many of a thing a registry takes; some of them AWS raises when asked, some never |
# | **throttling** | too many requests in this second; the same request is welcome a moment later |
# | **GB-month** | one gigabyte kept for one month: what storage is sold by |
# | **transfer** | bytes that leave a Region; what comes in is free |
#
# Three more come with the second page: *replication rule*, *backfill*, *SLA*.

# %% id="07-02" tags=["core", "run", "volatile"] minutes=1
# %load_ext ecrlab_course
lab.lesson("07")

# %% [markdown] id="07-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="07-03-r1" tags=["core", "recall"]
lab.guess("07-r1")

# %% id="07-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("07-r1", "a")

# %% id="07-03-r2" tags=["core", "recall"]
lab.guess("07-r2")

# %% id="07-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("07-r2", "c")

# %% id="07-03-r3" tags=["core", "recall"]
lab.guess("07-r3")

# %% id="07-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("07-r3", "b")

# %% [markdown] id="07-04" tags=["core", "text"] at="season"
# ## A thousand versions
#
# `thousand.py` creates a repository and makes the requests that docker makes, for many versions one after the other.
# First say what you expect.

# %% id="07-04-e1" tags=["core", "exercise", "guess"] minutes=2
lab.exercise("07-e1")

# %% id="07-04-e1-answer" tags=["core", "exercise", "solution"]
lab.answer("07-e1", "b", confidence=2)

# %% id="07-05" tags=["core", "run", "volatile"] minutes=2
# %%bash
# python thousand.py shop/booking 1000

# %% [markdown] id="07-05-text" tags=["core", "reading"]
# A thousand images, in seconds. Now ask twice what they weigh: once what the images say about themselves, and once
# what there is.

# %% id="07-05-sum" tags=["core", "run"]
# %%bash
# aws ecr describe-images --repository-name shop/booking --query 'sum(imageDetails[].imageSizeInBytes)'
# ecrlab tree shop/booking --images 0 | grep -E 'nominal|stored' | head -2

# %% id="07-05-why" tags=["core", "exercise", "solution"]
lab.solution("07-e1")

# %% [markdown] id="07-06" tags=["core", "picture"] minutes=1
# ![Picture 1, three ways to count a thousand images. Left, what images say: a stack of a thousand, each a tall grey
# block (the base, 2.0 MB) and a thin strip (what changed): 2,001 MB. Middle, what is kept: one grey block and a
# thousand strips: 2.4 MB. Right, what moves: an arrow to a new server with block and strip, 2.0 MB; below, an arrow
# to a server that knows the page, with the strip alone: about a thousand bytes.](images/three-counts.svg)
#
# **Picture 1.** Three numbers, and all of them are true. *Nominal* is what each image says about itself. *Kept* is
# one base and a thousand differences. *Moved* depends on who asks: a new server fetches the block, a server that
# knows the page only the strip. The first number costs nothing.

# %% [markdown] id="07-06-box" tags=["core", "box"]
# > **People say:** “Every image costs its size.”
# >
# > **In fact** `imageSizeInBytes` is what an image weighs *if it were alone*. Adding those up gives 2 GB where 2.4 MB
# > lie.

# %% [markdown] id="07-07" tags=["core", "text"]
# One repository shares. Do several?

# %% id="07-07-g1" tags=["core", "guess"] minutes=1
lab.guess("07-g1")

# %% id="07-07-g1-answer" tags=["core", "guess", "solution"]
lab.answer("07-g1", "b", confidence=2)

# %% id="07-07-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# python thousand.py team-01/booking team-02/booking team-03/booking 10
# ecrlab tree --images 0 | sed -n 2,4p

# %% [markdown] id="07-07-after" tags=["core", "reading"]
# *Stored* has grown by about six megabytes, *on this disk* hardly at all: this lab's disk keeps each blob once, the
# registry once **in each repository**. That is how ECR is understood. AWS says nowhere how shared layers are counted
# on the bill; a handbook and a cost tool count the layers of a repository once each (second-hand).

# %% [markdown] id="07-08" tags=["core", "text"] at="full"
# ## One repository more
#
# So it never fills up? There are quotas. `ecrlab quota list` shows each with AWS's own number, and says which of them
# AWS raises.

# %% id="07-08-run" tags=["core", "run"] minutes=1
# %%bash
# ecrlab quota list | sed -n 2,5p

# %% [markdown] id="07-08-text" tags=["core", "text"]
# A hundred thousand is far away. So the next cell brings the wall near: this registry may have **as many repositories
# as it has**. Four are your team's, and somebody once made `team-a/old-demo`.

# %% id="07-08-g2" tags=["core", "guess"] minutes=1
lab.guess("07-g2")

# %% id="07-08-g2-answer" tags=["core", "guess", "solution"]
lab.answer("07-g2", "c", confidence=2)

# %% id="07-09" tags=["core", "fail"] minutes=2 fails="already has the maximum allowed number of repositories"
# %%bash
# NUMBER=$(aws ecr describe-repositories --query 'length(repositories)' --output text)
# ecrlab quota set "repositories per Region" "$NUMBER"
# aws ecr create-repository --repository-name shop/maps

# %% [markdown] id="07-09-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `aws`; behind the operation's name come ECR's own words |
# | which question | *is there room?* You are known, and you may |
# | words that are mine | the account's number. The Region is missing, and the quota is the Region's |
# | in brackets | `reached max retries: 2`: it was asked three times |

# %% id="07-09-xray" tags=["core", "run", "volatile"]
lab.xray()  # at the wall

# %% [markdown] id="07-09-after" tags=["core", "reading"]
# Three rows for one command. `aws` repeats what might pass by itself, and counts this refusal among it. A wall does
# not become lower by being asked. And the decision is *allowed*: IAM was asked first, and said yes.

# %% id="07-11" tags=["core", "exercise"] minutes=3
lab.exercise("07-e2")

# %% id="07-11-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "your commands go here"

# %% id="07-11-work" tags=["core", "exercise", "solution"]
# %%bash
# ecrlab tree shop/prices > /dev/null 2>&1 || {
#   aws ecr delete-repository --repository-name team-a/old-demo --query repository.repositoryName --output text
#   aws ecr create-repository --repository-name shop/prices --query repository.repositoryName --output text
# }

# %% id="07-11-why" tags=["core", "exercise", "solution"]
lab.solution("07-e2")

# %% [markdown] id="07-12" tags=["core", "text"] at="season"
# ## Too many in this second
#
# Quotas of *things* stay. Quotas of *requests* pass.

# %% id="07-12-g3" tags=["core", "guess"] minutes=1
lab.guess("07-g3")

# %% id="07-12-g3-answer" tags=["core", "guess", "solution"]
lab.answer("07-g3", "b", confidence=2)

# %% id="07-12-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# ecrlab quota reset "repositories per Region"
# ecrlab quota set "PutImage per second" 10
# python thousand.py rate/booking 20

# %% [markdown] id="07-12-after" tags=["core", "reading"]
# Ten at once, then ten a second. Nothing failed: the script was told *not now*, and asked again. (That ten may come
# at once is this lab's choice; AWS documents a burst for the login alone.) And docker?

# %% id="07-13" tags=["core", "run", "volatile"] minutes=2
# %%bash
# ecrlab quota set "PutImage per second" 1
# for tag in a b c d; do
#   docker tag ecrlab/base:1 "$REGISTRY/rate/booking:$tag"
#   docker push -q "$REGISTRY/rate/booking:$tag" &  # all at once, like a busy pipeline
# done
# for _ in a b c d; do wait -n || echo "a push ended with exit code $?"; done

# %% [markdown] id="07-13-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `docker`; `toomanyrequests` is the registry's word |
# | which question | *how fast are you?* Not who, and not whether you may |
# | words that are mine | none |
# | meaning | the same request is welcome a second later, and docker does not wait for it |
#
# (Podman does: behind the `docker` command it asks again by itself, and its refusals stand in the X-ray alone. An
# engine with the containerd image store asks six times in a row, and then prints `error from registry: Rate exceeded`.)

# %% id="07-13-sdk" tags=["core", "run", "volatile"] minutes=1
import boto3
from botocore.config import Config

patient = boto3.client("ecr", config=Config(retries={"mode": "standard", "total_max_attempts": 8}))
rate = {"repositoryName": "rate/booking"}
found = patient.batch_get_image(**rate, imageIds=[{"imageTag": "v0001"}])["images"][0]
image = {"imageManifest": found["imageManifest"], "imageManifestMediaType": found["imageManifestMediaType"]}
patient.batch_delete_image(**rate, imageIds=[{"imageTag": "e"}, {"imageTag": "f"}])  # for a second run
for tag in ("e", "f"):
    put = patient.put_image(**rate, **image, imageTag=tag)
    print(tag, "asked again", put["ResponseMetadata"]["RetryAttempts"], "times")

# %% [markdown] id="07-13-after" tags=["core", "reading"]
# One answer, two manners. boto3 waited and asked again, and would never have mentioned it. docker gives up at once,
# and your pipeline with it. The X-ray says *IAM not asked*: nobody's permission is missing.

# %% id="07-13-reset" tags=["core", "run"]
# %%bash
# ecrlab quota reset "PutImage per second"

# %% [markdown] id="07-13-box" tags=["core", "box"]
# > **People say:** "E is for elastic: like EC2 and EBS, it scales by itself, without limits."
# >
# > **In fact** the letter is a brand: EC2 and EBS get larger when somebody makes them. ECR's storage grows by itself,
# > within quotas, and its requests have rates.

# %% id="07-14" tags=["core", "exercise"] minutes=3
lab.exercise("07-e3")

# %% id="07-14-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "07-e3",
    {"rate": "wait", "images": "ask", "tags": "fixed", "right": "right", "repositories": "ask", "login": "wait"},
)

# %% id="07-14-why" tags=["core", "exercise", "solution"]
lab.solution("07-e3")

# %% id="07-15" tags=["core", "exercise"] minutes=3
lab.exercise("07-e4")

# %% id="07-15-answer" tags=["core", "exercise", "solution", "volatile"]
lab.answer(
    "07-e4",
    """for day in 1 2 3 4; do
  image="$REGISTRY/shop/night:day-$day"
  docker tag ecrlab/base:1 "$image"
  pause=1
  until docker push -q "$image"; do
    test "$pause" -le 8 || exit 1; sleep "$pause"; pause=$((pause * 2))
  done
done
""",
)

# %% id="07-15-why" tags=["core", "exercise", "solution"]
lab.solution("07-e4")

# %% [markdown] id="07-16" tags=["core", "text"] at="full"
# ## What leaves
#
# `lab.meter()` reads the X-ray and adds up the bytes of images that moved since the cell before: into a Region, out
# of it, and what for.

# %% id="07-16-g4" tags=["core", "guess"] minutes=1
lab.guess("07-g4")

# %% id="07-16-g4-answer" tags=["core", "guess", "solution"]
lab.answer("07-g4", "c", confidence=2)

# %% id="07-16-pull" tags=["core", "run", "volatile"] minutes=1
# %%bash
# docker rmi -f "$REGISTRY/shop/booking:v0001" "$REGISTRY/shop/booking:v0002" > /dev/null 2>&1 || true
# docker pull -q "$REGISTRY/shop/booking:v0001"

# %% id="07-16-meter" tags=["core", "run"]
whole = lab.meter()
whole

# %% id="07-16-second" tags=["core", "run", "volatile"]
# %%bash
# docker pull -q "$REGISTRY/shop/booking:v0002"

# %% id="07-16-second-meter" tags=["core", "run"]
changed = lab.meter()
changed

# %% [markdown] id="07-16-after" tags=["core", "reading"]
# Two thousand times less: the base was there. So a bill does not ask how often you deploy. It asks **how many of your
# servers are new**.

# %% [markdown] id="07-17" tags=["core", "text"]
# ## The bill
#
# Look at the last two columns before you look at the second.

# %% id="07-17-prices" tags=["core", "run"] minutes=2
from ecrlab_course.money import Month, draw, ecr_bill, hub_bill, price_list, public_bill

price_list()

# %% [markdown] id="07-17-after" tags=["core", "reading"]
# *Second-hand*: quoted by others, AWS's own price page was not read for this course. That is good enough to choose a
# design, and not good enough for a contract. The archive's figures are unconfirmed even there, and for a GB between
# Regions some quote two cents and others nine. Before you quote a price: look.

# %% [markdown] id="07-18-text" tags=["core", "text"]
# Harbour Bikes in a month: 12 services, images of 180 MB of which a version changes 4, thirty releases a month, kept
# for a year. 2,000 starts on new servers, 4,000 on servers that know the page.

# %% id="07-18" tags=["core", "run"] minutes=2
month = Month(services=12, image_mb=180, changed_mb=4, releases=30, kept=360, new_servers=2000, known_servers=4000)
print(f"image by image it would be {month.nominal_gb:,.1f} GB")
ecr_bill(month)

# %% [markdown] id="07-18-after" tags=["core", "text"]
# Change one number at a time, and say first what you expect: `kept=3` · `archived=300` · `leaves="through NAT"` ·
# `leaves="to the internet"` · then your own team's numbers.

# %% id="07-18-yours" tags=["core", "run"] minutes=2
ecr_bill(Month(kept=3))

# %% id="07-18-archive" tags=["core", "run"]
ecr_bill(Month(archived=300))  # what nobody has pulled for long, put away

# %% [markdown] id="07-18-told" tags=["core", "text"]
# The saving of *elastic* comes from tidying up and from where servers stand. A NAT gateway is the quiet one: the pull
# is free, the way is not (lesson 09 has the way around it). And the archive saves nothing below 150 TB, at the prices
# that are quoted.

# %% id="07-19" tags=["core", "exercise"] minutes=3
lab.exercise("07-e5")

# %% id="07-19-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "07-e5",
    services="5",
    image="240",
    changed="6",
    kept="250",
    new="900",
    known="1800",
    leaves="to another Region",
)

# %% id="07-19-why" tags=["core", "exercise", "solution"]
lab.solution("07-e5")

# %% [markdown] id="07-20-text" tags=["core", "text"]
# The whole of it in one picture: the same month, over the number of new servers, for four places that they may stand
# in.

# %% id="07-20" tags=["core", "run", "picture"] minutes=2
draw(month)

# %% [markdown] id="07-20-after" tags=["core", "text"]
# At zero new servers the lines lie within two dollars. All of the distance is made by servers that come empty. The
# band is what a price of two to nine cents means: look whether your decision lies inside it.

# %% [markdown] id="07-21-text" tags=["core", "text"]
# ### Does the model tell the truth?
#
# It knows two numbers: a whole image, and what changed. You have metered both. Let three new servers and one that
# knows the page pull, and compare the model with the meter.

# %% id="07-21" tags=["core", "run", "volatile"] minutes=2
# %%bash
# booking="$REGISTRY/shop/booking"
# for server in 1 2 3; do
#   docker rmi -f "$booking:v0001" "$booking:v0002" "$booking:v0003" > /dev/null 2>&1 || true
#   docker pull -q "$booking:v0001"
# done
# docker pull -q "$booking:v0003"

# %% id="07-21-meter" tags=["core", "run", "volatile"]
metered = lab.meter().out_of("us-east-1", "pulled")
small, large = sorted(each.out_of() / 1e6 for each in (changed, whole))
modelled = Month(changed_mb=small, image_mb=large, new_servers=3, known_servers=1).pulled_gb * 1000
print(f"metered {metered / 1e6:.2f} MB, modelled {modelled:.2f} MB")

# %% [markdown] id="07-21-after" tags=["core", "reading"]
# The model explains the bytes that you moved, to a thousandth: some engines remember a manifest of a thousand bytes
# when its image is gone. It knows no more than that: who is new, who is not, and what the two fetch.

# %% [markdown] id="07-22-text" tags=["stretch", "text"]
# *More.* The other two registries. ECR Public has free tiers, for images that anybody may pull; Docker Hub counts
# people, and limits pulls where nobody pays ({{dated:hub-pulls-anonymous}}).

# %% id="07-22" tags=["stretch", "run"] minutes=2
print(public_bill(Month(leaves="to the internet", new_servers=3500)))
print(hub_bill(Month(people=6)))
print(hub_bill(Month(people=6, new_servers=30_000), plan="Personal"))

# %% [markdown] id="07-22-box" tags=["core", "box"]
# > **People say:** “You only pay for the storage that you use.”
# >
# > **In fact** you pay for what is kept, the untagged included, and for what leaves the Region, by where it goes:
# > {{dated:transfer-same-region-price}}, {{dated:transfer-out-price}}, {{dated:bill-nat}}.

# %% [markdown] id="07-half" tags=["core", "text"] minutes=1
# ## Half-time
#
# A good place to stop. Three numbers to remember:
#
# | number | where you see it | does it cost? |
# |---|---|---|
# | nominal | `describe-images`, added up | no |
# | kept | `ecrlab tree`; at AWS, the bill | yes, each month |
# | moved | `lab.meter()`; at AWS, the bill | yes, where it leaves the Region |

# %% [markdown] id="07-30" tags=["core", "text"] minutes=1
# ## A Region is gone
#
# A week later. Friday, 09:12, and Omar's phone: *us-east-1 does not answer.* A new server in Ireland stands empty,
# and the queue at the harbour grows. The brochure had another sentence: *AWS ensures that the service is always up.*
#
# On this page you give the images a second home, take the first one away, and see what still works. Three new words:
# **replication rule**, a registry's order to copy what is pushed · **backfill**, a copy run over what was there
# before · **SLA**, the share of the month that a provider answers for with money.

# %% id="07-31-g5" tags=["core", "guess"] minutes=1
lab.guess("07-g5")

# %% id="07-31-g5-answer" tags=["core", "guess", "solution"]
lab.answer("07-g5", "b", confidence=2)

# %% id="07-31" tags=["core", "run"]
print(round(30 * 24 * 60 * (1 - 0.999), 1), "minutes")

# %% [markdown] id="07-31-box" tags=["core", "box"]
# > **People say:** “AWS makes sure that it is always up.”
# >
# > **In fact** a share below one is quoted, and what is paid when it is missed is credit, not your Friday.

# %% [markdown] id="07-32" tags=["core", "text"] at="one-region"
# ## A second place
#
# One rule, set in Virginia: what begins with `shop/` is copied to Ireland.
#
# The next cell builds the place where this page begins: 2.4 in Virginia, nothing in Ireland, no rule.

# %% id="07-32-begin" tags=["core", "run", "volatile"]
lab.goto("07", "one-region")

# %% id="07-32-e6" tags=["core", "exercise", "guess"] minutes=2
lab.exercise("07-e6")

# %% id="07-32-e6-answer" tags=["core", "exercise", "solution"]
lab.answer("07-e6", "b", confidence=2)

# %% id="07-32-run" tags=["core", "run"] minutes=2
# %%bash
# cat rule.json
# aws ecr put-replication-configuration --replication-configuration file://rule.json > /dev/null
# python dara.py 2.5 --wait
# aws ecr describe-images --region eu-west-1 --repository-name shop/booking \
#   --query 'imageDetails[].imageTags[]' --output text

# %% id="07-32-xray" tags=["core", "run", "volatile"]
lab.xray()  # the copy

# %% [markdown] id="07-32-after" tags=["core", "reading"]
# The last rows are not yours: `AWSServiceRoleForECRReplication` is ECR's own role, and in Ireland it created the
# repository and the image. What was copied, the meter knows:

# %% id="07-32-meter" tags=["core", "run"]
lab.meter()  # the copy

# %% id="07-32-why" tags=["core", "exercise", "solution"]
lab.solution("07-e6")

# %% [markdown] id="07-33-text" tags=["core", "text"]
# Bytes and tags. And what you *set* at a repository?

# %% id="07-33-g6" tags=["core", "guess"] minutes=1
lab.guess("07-g6")

# %% id="07-33-g6-answer" tags=["core", "guess", "solution"]
lab.answer("07-g6", "b", confidence=2)

# %% id="07-33" tags=["core", "run"] minutes=1
virginia, ireland = lab.client("ecr"), lab.client("ecr", region="eu-west-1")
virginia.put_image_tag_mutability(repositoryName="shop/booking", imageTagMutability="IMMUTABLE")
for name, region in (("Virginia", virginia), ("Ireland", ireland)):
    print(name, region.describe_repositories(repositoryNames=["shop/booking"])["repositories"][0]["imageTagMutability"])
virginia.put_image_tag_mutability(repositoryName="shop/booking", imageTagMutability="MUTABLE")["imageTagMutability"]

# %% [markdown] id="07-34" tags=["core", "picture"] minutes=1
# ![Picture 2, what travels. Two boxes, Virginia and Ireland, and one arrow with one head, from Virginia to Ireland.
# On the arrow: layers, manifest, the pushed tag. In Virginia, behind a bar that the arrow does not cross: older
# images, repository policy, lifecycle policy, tag setting. Two small doors lead through the bar: a backfill, for
# older images, and a creation template, for settings. To the right a dashed box, Mumbai, with a crossed-out arrow
# from Ireland: what came by a copy is not copied on.](images/travels.svg)
#
# **Picture 2.** The arrow has one head. It carries what is *pushed*: layers, manifest, tag. Behind the bar stay the
# older images and everything you set; a backfill opens a door for the one, a creation template (lesson 08) for the
# other. What came by a copy is not copied on.

# %% [markdown] id="07-35-text" tags=["core", "text"]
# 2.4 is still only in Virginia. A **backfill** copies what was there before, since {{dated:backfill-since}}.

# %% id="07-35" tags=["core", "fail"] minutes=1 fails="Invalid choice"
# %%bash
# aws ecr start-replication-backfill --destination region=eu-west-1,registryId=123456789012 2>&1 |
#   sed -n '/error/,+3p'

# %% [markdown] id="07-35-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `aws` itself, before it asked anybody |
# | which question | *do I know this word?* |
# | the X-ray | has no row of it |
# | meaning | your tool is older than the service. No permission is missing, and nothing has to be installed now |
#
# boto3 is newer than this `aws`, and knows the word:

# %% id="07-35-run" tags=["core", "run", "volatile"] minutes=1
# %%bash
# python backfill.py eu-west-1
# aws ecr describe-images --region eu-west-1 --repository-name shop/booking \
#   --query 'imageDetails[].imageTags[]' --output text

# %% [markdown] id="07-35-more" tags=["stretch", "text"]
# *More.* The same gap, and a more dangerous one: since {{dated:delete-replication-since}} a rule may repeat
# deletions. boto3 sets it, and this `aws` does not show it. Edit what `aws` shows, put it back, and the line is gone.

# %% id="07-35-gap" tags=["stretch", "run"] minutes=1
rules = virginia.describe_registry()["replicationConfiguration"]["rules"]
with_deletes = [{**rule, "deleteReplication": {"enabled": True}} for rule in rules]
virginia.put_replication_configuration(replicationConfiguration={"rules": with_deletes})
print("boto3:", virginia.describe_registry()["replicationConfiguration"]["rules"][0].get("deleteReplication"))
_, shown = lab.sh("aws ecr describe-registry")
print("aws:  ", "deleteReplication" if "deleteReplication" in shown else "not a word of it")
virginia.put_replication_configuration(replicationConfiguration={"rules": rules})["replicationConfiguration"]["rules"]

# %% [markdown] id="07-36-text" tags=["core", "text"] at="one-region"
# Your turn. The next cell makes Ireland empty again, and takes the rule away.

# %% id="07-36-begin" tags=["core", "run", "volatile"]
lab.goto("07", "one-region")

# %% id="07-36" tags=["core", "exercise"] minutes=4
lab.exercise("07-e7")

# %% id="07-36-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "your commands go here"

# %% id="07-36-work" tags=["core", "exercise", "solution"]
# %%bash
# aws ecr put-replication-configuration --replication-configuration file://rule.json \
#   --query 'replicationConfiguration.rules[].destinations[].region' --output text
# python backfill.py eu-west-1 | tail -1
# python dara.py 2.5 --wait

# %% id="07-36-why" tags=["core", "exercise", "solution"]
lab.solution("07-e7")

# %% [markdown] id="07-37-text" tags=["core", "text"] at="two-regions"
# ### Another account
#
# A rule's destination may be another account's registry.

# %% id="07-37-g8" tags=["core", "guess"] minutes=1
lab.guess("07-g8")

# %% id="07-37-g8-answer" tags=["core", "guess", "solution"]
lab.answer("07-g8", "b", confidence=2)

# %% id="07-37" tags=["core", "run"] minutes=2
virginia = lab.client("ecr")
partner = "444455556666"
to_both = [{"region": "eu-west-1", "registryId": lab.account}, {"region": "us-east-1", "registryId": partner}]
rule = {"destinations": to_both, "repositoryFilters": [{"filter": "shop/", "filterType": "PREFIX_MATCH"}]}
virginia.put_replication_configuration(replicationConfiguration={"rules": [rule]})
print(lab.sh("python dara.py 3.0 --wait")[1])

# %% [markdown] id="07-37-after" tags=["core", "text"]
# Only the receiver is asked: you may always send, and they decide who puts things into their house. A *registry
# policy* of theirs opens the door for the copy, and for making what is missing.

# %% id="07-37-second" tags=["core", "run"] minutes=1
import json

ours, theirs = {"AWS": f"arn:aws:iam::{lab.account}:root"}, f"arn:aws:ecr:us-east-1:{partner}:repository/*"
door = {"Sid": "HarbourBikes", "Effect": "Allow", "Principal": ours, "Resource": theirs}
door["Action"] = ["ecr:ReplicateImage", "ecr:CreateRepository"]
policy = json.dumps({"Version": "2012-10-17", "Statement": [door]})
lab.client("ecr", "partner").put_registry_policy(policyText=policy)
print(lab.sh("python dara.py 3.1 --wait")[1])

# %% [markdown] id="07-37-told" tags=["core", "text"]
# The **next** push arrives. 3.0 stays failed, until it is backfilled.

# %% id="07-38" tags=["core", "exercise", "volatile"] minutes=2
lab.exercise("07-e8")

# %% id="07-38-answer" tags=["core", "exercise", "solution"]
lab.answer("07-e8", "c", confidence=2)

# %% id="07-38-why" tags=["core", "exercise", "solution"]
lab.solution("07-e8")

# %% [markdown] id="07-39" tags=["core", "text"] at="two-regions"
# ## 09:12

# %% id="07-39-begin" tags=["core", "run", "volatile"]
lab.goto("07", "two-regions")

# %% id="07-39-e9" tags=["core", "exercise"] minutes=3
lab.exercise("07-e9")

# %% id="07-39-e9-answer" tags=["core", "exercise", "solution"]
goes_on = ("who", "running", "again", "ireland")
lab.answer(
    "07-e9",
    {
        item: "works" if item in goes_on else "stops"
        for item in ("who", "list", "running", "again", "check", "ireland", "wrong-login", "token")
    },
)

# %% [markdown] id="07-40-text" tags=["core", "text"]
# Now it happens. The switch is the lab's: nothing in us-east-1 answers any more.

# %% id="07-40" tags=["core", "run"] minutes=1
lab.region("us-east-1").off()

# %% id="07-40-list" tags=["core", "fail", "volatile"] minutes=1 fails="Connection was closed before"
# %%bash
# aws sts get-caller-identity --query Arn --output text
# aws ecr describe-images --repository-name shop/booking

# %% [markdown] id="07-40-card" tags=["core", "reading"]
# **How to read it**
#
# | ask | answer |
# |---|---|
# | who printed it | `aws`: nobody else was there to print anything |
# | which question | *can I reach it?* No other question was asked |
# | words that are mine | the end point's address |
# | not said | anything about permissions, tokens or images. No answer is not a *no* |
#
# The line above it is IAM's: who you are is still known.

# %% id="07-40-ireland" tags=["core", "fail", "volatile"] minutes=2 fails="pull-without-login"
# %%bash
# docker logout "$REGISTRY_EU" > /dev/null 2>&1 || true
# docker pull -q "$REGISTRY_EU/shop/booking:2.5"

# %% [markdown] id="07-40-login" tags=["core", "reading"]
# Ireland answers, and asks *who are you?* The login of this docker is Virginia's. Each registry has its own address
# and its own token:

# %% id="07-40-pull" tags=["core", "run", "volatile"]
# %%bash
# aws ecr get-login-password --region eu-west-1 |
#   docker login --username AWS --password-stdin "$REGISTRY_EU"
# docker pull -q "$REGISTRY_EU/shop/booking:2.5"

# %% id="07-40-token" tags=["stretch", "run", "volatile"] minutes=1
import json  # More: Virginia's old token, shown to Ireland. Without docker, which keeps a login for each address
import os
from pathlib import Path

import requests

logins = json.loads(Path(os.environ["DOCKER_CONFIG"], "config.json").read_text())["auths"]
virginias = logins[lab.registry.partition("/")[0]]["auth"]
host, _, registry = lab.sh('echo "$REGISTRY_EU"')[1].strip().partition("/")
manifest = f"http://{host}/v2/{registry}/shop/booking/manifests/2.5"
print(requests.get(manifest, headers={"Authorization": f"Basic {virginias}"}).status_code)
lab.xray()  # Virginia's token in Ireland

# %% [markdown] id="07-40-token-card" tags=["stretch", "reading"]
# `401`, and below the row the lab says why: this login is Virginia's. It is still good, for {{fact:token-lifetime}}
# from its making, and nowhere else.

# %% id="07-40-why" tags=["core", "exercise", "solution"]
lab.solution("07-e9")

# %% [markdown] id="07-40-box" tags=["core", "box"]
# > **People say:** “AWS is down.”
# >
# > **In fact** one service in one Region does not answer. What runs, runs; what is on a server's disk, starts; what
# > has to ask Virginia stands still.

# %% id="07-41-on" tags=["core", "run"]
lab.region("us-east-1").on()

# %% id="07-41" tags=["core", "exercise"] minutes=4
lab.exercise("07-e10")

# %% id="07-41-answer" tags=["core", "exercise", "solution", "volatile"]
lab.answer(
    "07-e10",
    """deploy() { # REGION ADDRESS
  aws ecr get-login-password --region "$1" |
    docker login --username AWS --password-stdin "$2" &&
    docker pull -q "$2/shop/booking@$(cat release.txt)"
}
deploy us-east-1 "$REGISTRY" || deploy eu-west-1 "$REGISTRY_EU"
""",
)

# %% id="07-41-why" tags=["core", "exercise", "solution"]
lab.solution("07-e10")

# %% [markdown] id="07-42-text" tags=["core", "text"] at="two-regions"
# ### And afterwards?
#
# Virginia is gone once more, and Dara releases 4.2, to Ireland. Then Virginia comes back.

# %% id="07-42-g7" tags=["core", "guess"] minutes=1
lab.guess("07-g7")

# %% id="07-42-g7-answer" tags=["core", "guess", "solution"]
lab.answer("07-g7", "b", confidence=2)

# %% id="07-42" tags=["core", "run"] minutes=1
lab.region("us-east-1").off()
lab.sh("python dara.py 4.2 eu-west-1")
lab.region("us-east-1").on()
for region in ("us-east-1", "eu-west-1"):
    tags = lab.client("ecr", region=region).list_images(repositoryName="shop/booking")["imageIds"]
    print(region, "has 4.2" if "4.2" in [each.get("imageTag") for each in tags] else "does not have 4.2")

# %% [markdown] id="07-42-after" tags=["core", "reading"]
# Bring it home yourself: pull, tag, push, and compare digests. A second rule, set in Ireland, would point back, for
# what is pushed there *from then on*.

# %% [markdown] id="07-43" tags=["core", "picture"] minutes=1 at="two-regions"
# ## What does it cost not to be down?
#
# ![Picture 3, four designs, each with Virginia, greyed out, on the left, and a server in Ireland on the right. 1, one
# Region: one registry in Virginia, a long arrow to the server. 2, push once, replicate: a registry in each, an arrow
# between them, a short arrow to the server. 3, cache near the servers: a registry in Virginia, in Ireland a small
# dotted one that is half full, and a short arrow. 4, push twice: a robot with two arrows, to a registry in each, and
# a short arrow to the server.](images/designs.svg)
#
# **Picture 3.** Four designs: *one Region*, and a long way · *push once, replicate* · *cache near the servers*,
# filled with what somebody asked for · *push twice*. In all four Virginia is about to go.

# %% [markdown] id="07-43-text" tags=["core", "text"]
# `survive.py` builds all four, switches Virginia off, and tries three things: a new server in Ireland starts the
# version **in use** · it goes back to **last week's** · Dara releases a **new** one. Make a table of twelve ticks,
# then run it.

# %% id="07-43-run" tags=["core", "run"] minutes=3
# %%bash
# python survive.py

# %% [markdown] id="07-43-after" tags=["core", "reading"]
# A design survives by what is there *before*. The cache has what somebody asked for while Virginia lived, and nothing
# else. Now the price of each, for 2,000 new servers in Ireland:

# %% id="07-43-price" tags=["core", "run"] minutes=1
from ecrlab_course.money import Month, designs

designs(Month(new_servers=2000))

# %% [markdown] id="07-43-told" tags=["core", "text"]
# At two cents a gigabyte or at nine: copying once beats pulling two thousand times. (At most 64.8 GB cross, if each
# release is sent whole; whether AWS sends what is there already is not documented.) The band does not touch the
# decision. That is what a rough price is for.

# %% id="07-44" tags=["core", "exercise"] minutes=3
lab.exercise("07-e11")

# %% id="07-44-answer" tags=["core", "exercise", "solution"]
lab.answer("07-e11", "b")

# %% id="07-44-why" tags=["core", "exercise", "solution"]
lab.solution("07-e11")

# %% [markdown] id="07-47" tags=["core", "text"]
# ## Your table goes on
#
# Three rows of lesson 05's table were open for this lesson: where images are, what they cost, what has an upper end.
# Page 1 has what the last two need.

# %% id="07-47-table" tags=["core", "run", "volatile"]
lab.table("07")

# %% [markdown] id="07-45" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear
# once yours is saved.

# %% id="07-45-say" tags=["core", "interview"]
lab.exercise("07-i1")

# %% id="07-45-said" tags=["core", "interview", "solution"]
lab.answer(
    "07-i1",
    text="I push to one Region and replicate by a rule to the second, with a backfill for what was there before. Each "
    "Region has its own address and login, so the deployment tries both, and it pulls by digest because tags may "
    "differ. I pay for storage twice and for each release once across; I try it every month with one Region off.",
    made=["copies", "places", "digest", "price"],
)

# %% [markdown] id="07-46" tags=["core", "summary", "box"] minutes=1
# ## On one screen
#
# | a copy takes along | a copy leaves behind |
# |---|---|
# | layers, manifest, the pushed tag | what was there before the rule: backfill |
# | what is pushed from then on | policies, settings: creation template |
# | to the Regions and accounts of the rule | what came by a copy: no chain |
#
# | with a Region gone | |
# |---|---|
# | goes on | IAM; what runs; what is on a disk; the other Region, with its own login |
# | stops | everything that has to ask the Region: list, pull, push, token |
# | afterwards | what waited for it is copied; what was pushed elsewhere does not come back by itself |
#
# > **On real AWS**
# >
# > - A Region that is gone usually *times out*, and does not refuse: set time-outs.
# > - A copy takes minutes ({{dated:replication-takes}}): let the pipeline wait for its status, and compare digests.
# > - Quotas are raised on request, in days: ask before the season.
# > - Between accounts, a policy change may take a few seconds.
# > - Prices: look them up before you quote one.
#
# ## Yours to play
#
# Nothing here reaches AWS or costs money. Which of your own numbers moves the bill most?

# %% id="07-46-play" tags=["core", "run"]
from ecrlab_course.money import Month, ecr_bill

ecr_bill(Month(services=3, image_mb=900, changed_mb=300, kept=60, new_servers=200, leaves="to the internet"))

# %% [markdown] id="07-46-left" tags=["core", "text"]
# ## Left behind
#
# Repositories in two Regions and at the map company, a rule, a cache rule, their registry policy, docker's logins.
# The reset puts all that back; your files and your progress stay.

# %% id="07-46-reset" tags=["core", "run"]
lab.reset("07")
