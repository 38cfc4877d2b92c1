# %% [markdown] id="lab-02-01" tags=["core", "text"] minutes=1
# # Lab 02 · A team with least privilege
#
# After this lab you can
#
# - **take permissions away** without breaking anybody's work,
# - **give a robot a role** in place of a key to everything,
# - **prove** that nothing wider is open.
#
# 45 minutes. Before: lesson 06. All four milestones count on every machine; no container engine is needed.

# %% [markdown] id="lab-02-01-story" tags=["core", "text"] minutes=1
# On Monday you took over Harbour Bikes' account and were told: *everybody can do everything, we never had time.* On
# Friday the insurance comes. It asks one question, for eight names and sixty-seven doors: **who can do what?**
#
# Everything works today. Nobody complains. That is the trouble: *a permission that is missing announces itself within a
# day; one too many never does.*

# %% [markdown] id="lab-02-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **least privilege** | each has what the work needs, and nothing wider |
# | **matrix** | a table of doors: who, which action, on what; each is to be open or to be shut |
# | **surplus** | a door that is open and that nobody asked for |
# | **reach** | what somebody may do, alone and as every role that they can become |
# | **role session** | a role while somebody wears it: `assumed-role/pipeline/build-42` |
# | **tag of a repository** | a label on the repository itself; not an image tag |

# %% id="lab-02-02" tags=["core", "run", "volatile"]
# %load_ext ecrlab_course
lab.lesson("lab-02")

# %% [markdown] id="lab-02-02-after" tags=["core", "text"]
# This builds Monday. It empties IAM first: groups, roles and policies that other lessons left are gone, and those
# lessons build them again when they are needed.

# %% [markdown] id="lab-02-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="lab-02-03-r1" tags=["core", "recall"]
lab.guess("lab-02-r1")

# %% id="lab-02-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("lab-02-r1", "b")

# %% id="lab-02-03-r2" tags=["core", "recall"]
lab.guess("lab-02-r2")

# %% id="lab-02-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("lab-02-r2", "c")

# %% id="lab-02-03-r3" tags=["core", "recall"]
lab.guess("lab-02-r3")

# %% id="lab-02-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("lab-02-r3", "a")

# %% [markdown] id="lab-02-04" tags=["core", "text"] minutes=2
# ## The goal
#
# | who | name | may | must not |
# |---|---|---|---|
# | Dara | `user/developer` | push and pull `dev/…`; pull `base/…` and `release/…` | anything else |
# | the robot | `user/ci` | become the pipeline | anything by itself |
# | the pipeline | `role/pipeline` | push `dev/…` and `release/…`; pull `base/…` | push its own base, delete, set |
# | Omar | `user/ops` | pull `release/…` | anything else |
# | the runtime | `role/runtime` | pull `release/…` | anything else |
# | Aiko | `user/auditor` | see every repository, image, policy and finding | change anything, a tag included |
# | the map company | account 444455556666 | pull `release/booking` | anything else of ours |
# | a third company | account 111122223333 | nothing | pull what the neighbour pulls |
#
# `role/pipeline` is yet to be made. The robot's key lies in a build server, where keys get lost.

# %% [markdown] id="lab-02-04-left" tags=["core", "text"]
# Whoever pulls or pushes also logs in, except the robot alone. The repositories are `dev/booking`, `dev/prices`,
# `release/booking`, `release/prices`, `base/httpd` and `devops/signing`; each holds an image `1.0`.
#
# **There are no steps.** Users, groups, roles, inline or managed policies, boundaries, policies of repositories, tags:
# any way that ends there is right. Two names are fixed, because the matrix asks for them: `role/pipeline` and
# `role/runtime`.
#
# You are `admin`. Work with `aws`, with boto3 (`iam`, `ecr` and `sts` are ready), with the policy editor
# (`lab.policy_editor({"user": "ops", "policy": "work"})`). The file `policies.py` of this lab's folder saves typing:
# `from policies import LOGIN, PULL, PUSH, allow, let, policy`.
#
# **What is left open.** Reading the lists of a repository in which one may push or pull (`DescribeImages`, `ListImages`
# and the like) is neither asked nor surplus. Aiko may pull, and may read IAM: seeing is her work.

# %% [markdown] id="lab-02-05" tags=["core", "text"] minutes=1
# ## How it stands
#
# Everybody can do the day's work.

# %% id="lab-02-05-guess" tags=["core", "guess"]
lab.guess("lab-02-g1")

# %% id="lab-02-05-guess-answer" tags=["core", "guess", "solution"]
lab.answer("lab-02-g1", "d", confidence=2)

# %% id="lab-02-05-run" tags=["core", "run"] minutes=1
lab.matrix("lab-02")

# %% [markdown] id="lab-02-05-after" tags=["core", "reading"]
# **How to read it.** On Monday the only doors that are shut and should be open are about a role that nobody has made.
# All the others that are wrong are open, and nobody ever complained about those.
#
# Press a door, and it says why it stands as it does, in the words of IAM's decision. The matrix follows whatever you do
# in the cells of this page or in a terminal; where you work, a cell with `lab.matrix("lab-02")` draws it again.

# %% [markdown] id="lab-02-06" tags=["demo", "text"]
# **What one of these doors means.** Aiko is the auditor. She looks, and touches nothing; so everybody thinks. ECR
# answers a delete with the tag that is gone.

# %% id="lab-02-06-run" tags=["demo", "run"]
# %%bash --as auditor
# aws ecr batch-delete-image --repository-name release/prices \
#   --image-ids imageTag=1.0 --query 'imageIds[0].imageTag' --output text

# %% id="lab-02-06-back" tags=["demo", "run"]
again = lab.push("release/prices", "1.0", b"release/prices")
print("1.0 is back: the same bytes, the same digest")

# %% [markdown] id="lab-02-07" tags=["core", "picture"] minutes=1
# ![Picture 1, who reaches what, as the goal has it. Left, top to bottom: Dara, the robot, Omar, the runtime, Aiko;
# below a dashed line, in other accounts, the map company and a third company. Right: the repositories dev/booking and
# dev/prices, release/booking, release/prices, base/httpd, and devops/signing in grey. Thick arrows are pushes, thin
# ones pulls, dotted ones seeing. Dara pushes dev, and pulls release and base. The robot has one arrow: it becomes the
# role pipeline, a coat on a hook. The role pushes dev and release, and pulls base. Omar and the runtime pull release.
# Aiko sees all of them, devops/signing too. The map company pulls release/booking. The third company has no
# arrow.](images/reach.svg)
#
# **Picture 1.** Who is to reach what. No arrow says how: that is yours.

# %% [markdown] id="lab-02-08-text" tags=["core", "text"] at="monday"
# ## Milestone 1
#
# *Take away before you give.* Permissions add up, so a right is gone when its last source is gone.
#
# ![Picture 2, four drawers. Under one person stand three drawers: groups, attached policies, inline policies. A fourth
# stands at the repository: its own policy. Below: open when one drawer says yes and none says no.](images/drawers.svg)
#
# **Picture 2.** A permission can lie in any of four drawers.

# %% id="lab-02-08" tags=["core", "exercise"] minutes=10
lab.exercise("lab-02-m1")

# %% id="lab-02-08-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "your commands go here; add as many cells as you like"

# %% id="lab-02-08-give" tags=["core", "exercise", "solution"]
from policies import LOGIN, PULL, PUSH, allow, policy

releases = policy(LOGIN, allow(PULL, "release/*"))
dara = policy(LOGIN, allow([*PUSH, *PULL], "dev/*"), allow(PULL, "base/*", "release/*"))
iam.put_user_policy(UserName="developer", PolicyName="work", PolicyDocument=dara)
iam.put_user_policy(UserName="ops", PolicyName="work", PolicyDocument=releases)
iam.put_role_policy(RoleName="runtime", PolicyName="work", PolicyDocument=releases)
print("given")

# %% id="lab-02-08-take" tags=["core", "exercise", "solution"]
for name in ("developer", "ops"):
    iam.remove_user_from_group(GroupName="harbour", UserName=name)
    for row in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=name, PolicyArn=row["PolicyArn"])
for row in iam.list_attached_role_policies(RoleName="runtime")["AttachedPolicies"]:
    iam.detach_role_policy(RoleName="runtime", PolicyArn=row["PolicyArn"])
print("taken away")

# %% id="lab-02-08-why" tags=["core", "exercise", "solution"]
lab.solution("lab-02-m1")

# %% [markdown] id="lab-02-09-text" tags=["core", "text"] at="people"
# ## Milestone 2
#
# > **People say:** a role is a group with another name.
# >
# > **In fact** a group is a bag that you always carry. A role is a coat on a hook, with permissions in its pockets.
# > Somebody must be let in to take it: that is the trust policy. Whoever wears it has what is in its pockets, and not
# > what is in their own. After a while it comes off on its own.

# %% id="lab-02-09" tags=["core", "exercise"] minutes=9
lab.exercise("lab-02-m2")

# %% id="lab-02-09-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "the robot's commands go here"

# %% id="lab-02-09-give" tags=["core", "exercise", "solution"]
from policies import LOGIN, PULL, PUSH, allow, let, policy

robot = let({"AWS": "arn:aws:iam::123456789012:user/ci"}, "sts:AssumeRole")
if "pipeline" not in [row["RoleName"] for row in iam.list_roles()["Roles"]]:
    iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=policy(robot))
rights = policy(LOGIN, allow(PUSH, "dev/*", "release/*"), allow(PULL, "base/*"))
iam.put_role_policy(RoleName="pipeline", PolicyName="push", PolicyDocument=rights)
iam.remove_user_from_group(GroupName="harbour", UserName="ci")
for row in iam.list_attached_user_policies(UserName="ci")["AttachedPolicies"]:
    iam.detach_user_policy(UserName="ci", PolicyArn=row["PolicyArn"])

# %% id="lab-02-09-why" tags=["core", "exercise", "solution"]
lab.solution("lab-02-m2")

# %% [markdown] id="lab-02-10-text" tags=["core", "text"] at="robot"
# ## Milestone 3
#
# Two accounts, two halves: theirs asks, ours answers. On Monday ours answered everybody.

# %% id="lab-02-10" tags=["core", "exercise"] minutes=8
lab.exercise("lab-02-m3")

# %% id="lab-02-10-work" tags=["core", "exercise", "starter"]
# %%bash
# echo "Aiko's and the neighbour's go here"

# %% id="lab-02-10-give" tags=["core", "exercise", "solution"]
from policies import PULL, let, policy

maps = policy(let({"AWS": "arn:aws:iam::444455556666:root"}, PULL))
ecr.set_repository_policy(repositoryName="release/booking", policyText=maps)
if "harbour" in [row["GroupName"] for row in iam.list_groups()["Groups"]]:
    for member in iam.get_group(GroupName="harbour")["Users"]:
        iam.remove_user_from_group(GroupName="harbour", UserName=member["UserName"])
    for name in iam.list_group_policies(GroupName="harbour")["PolicyNames"]:
        iam.delete_group_policy(GroupName="harbour", PolicyName=name)
    iam.delete_group(GroupName="harbour")

# %% id="lab-02-10-why" tags=["core", "exercise", "solution"]
lab.solution("lab-02-m3")

# %% [markdown] id="lab-02-11-text" tags=["core", "text"] at="outside"
# ## What else is open?
#
# Suppose that the matrix is all green now.

# %% id="lab-02-11-guess" tags=["core", "guess"] minutes=1
lab.guess("lab-02-g2")

# %% id="lab-02-11-guess-answer" tags=["core", "guess", "solution"]
lab.answer("lab-02-g2", "c", confidence=2)

# %% id="lab-02-11-run" tags=["core", "run"]
lab.wider("lab-02")

# %% [markdown] id="lab-02-11-after" tags=["core", "reading"]
# **How to read it.** The matrix asks 67 questions that somebody thought of. This asks another way: it reads every
# policy that speaks, takes from each pattern one name inside and one outside, in other Regions, accounts and services
# too, and lets IAM's evaluation decide each. Of what is open and not asked for, one thing is named, with its statement.

# %% [markdown] id="lab-02-12-text" tags=["core", "text"] at="outside"
# ## Milestone 4
#
# Permissions are given. Now they are used, and the X-ray is the witness.

# %% id="lab-02-12" tags=["core", "exercise"] minutes=6
lab.exercise("lab-02-m4")

# %% id="lab-02-12-work" tags=["core", "exercise", "starter"]
# %%bash --as ci
# echo "first the robot puts the coat on"

# %% id="lab-02-12-push" tags=["core", "exercise", "solution", "volatile", "policy"]
# %%bash --as ci
# keys=$(aws sts assume-role --role-arn arn:aws:iam::123456789012:role/pipeline \
#   --role-session-name build-42 \
#   --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)
# read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<< "$keys"
# export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
# unset AWS_PROFILE
# aws sts get-caller-identity --query Arn --output text
# aws ecr get-login-password |
#   docker login --username AWS --password-stdin "$REGISTRY"
# docker build -q -t "$REGISTRY/release/booking:1.5" page/ > /dev/null 2>&1
# docker push -q "$REGISTRY/release/booking:1.5"

# %% id="lab-02-12-pull" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as ops
# aws ecr get-login-password |
#   docker login --username AWS --password-stdin "$REGISTRY"
# docker pull -q "$REGISTRY/release/booking:1.5"

# %% id="lab-02-12-maps" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as partner
# aws ecr get-login-password |
#   docker login --username AWS --password-stdin "$REGISTRY"
# docker pull -q "$REGISTRY/release/booking:1.0"

# %% id="lab-02-12-dara" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as developer
# aws ecr get-login-password |
#   docker login --username AWS --password-stdin "$REGISTRY"
# docker build -q -t "$REGISTRY/dev/booking:1.6" page/ > /dev/null 2>&1
# docker push -q "$REGISTRY/dev/booking:1.6"

# %% id="lab-02-12-why" tags=["core", "exercise", "solution"]
lab.solution("lab-02-m4")

# %% [markdown] id="lab-02-13-text" tags=["stretch", "text"] at="outside"
# ## The label that opened production
#
# The same team by **tags**: each repository says its `stage`, and one statement names the stage in place of the names.
# A new repository is open to nobody until it has its label. And Dara may set labels: *she knows what is what*. (This
# changes Dara and Omar. The button below builds the place again.)

# %% id="lab-02-13-run" tags=["stretch", "run"]
from policies import by_labels, label, push

by_labels(lab)
push(lab, "developer", "release/booking:2.0")

# %% id="lab-02-13-label" tags=["stretch", "run"]
# %%bash --as developer
# aws ecr tag-resource --tags Key=stage,Value=dev \
#   --resource-arn arn:aws:ecr:us-east-1:123456789012:repository/release/booking

# %% id="lab-02-13-again" tags=["stretch", "run"]
push(lab, "developer", "release/booking:2.0")
lab.matrix("lab-02", "Omar", "pull release/booking")
label(lab, "release/booking", "release")

# %% [markdown] id="lab-02-13-after" tags=["stretch", "reading"]
# One label opened production for the wrong person **and shut it for the right one**. Where a tag decides, whoever may
# set the tag decides. (The last line of the cell put the label back.)

# %% [markdown] id="lab-02-14" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear once
# yours is saved.

# %% id="lab-02-14-say" tags=["core", "interview"]
lab.exercise("lab-02-i1")

# %% id="lab-02-14-said" tags=["core", "interview", "solution"]
lab.answer(
    "lab-02-i1",
    text="I start with who can become what, then with permissions over permissions. I ask in both directions: what has "
    "to work, and what has to be refused. Then I compare with the logs: what is allowed and was never used goes.",
    made=["reach", "both", "rights", "unused"],
)

# %% [markdown] id="lab-02-15" tags=["core", "summary"]
# ## On one screen
#
# | question | answer |
# |---|---|
# | where does a permission come from? | groups, attached and inline policies, the repository's policy: look at all |
# | when is it gone? | when its last source is gone |
# | what are a role's two documents? | the trust policy: who may wear it; its permissions: what it may do then |
# | what does a prefix end with? | a slash: `repository/dev/*` |
# | how do I let a neighbour in? | their half and ours; name the account, never the star |
# | what is the last question? | not *does it work*, but *what else works* |

# %% [markdown] id="lab-02-15-real" tags=["core", "box"]
# > **On real AWS**
# >
# > - People come through IAM Identity Center, and pipelines by a web identity without any key to steal (lesson 09).
# > - IAM Access Analyzer has a check for the last question: `CheckNoNewAccess`.
# > - A change of a policy takes seconds until it counts everywhere. Here it counts from the next request.

# %% [markdown] id="lab-02-16" tags=["core", "text"]
# ## Left behind
#
# Six repositories, a role or two, and policies. The button of the next cell removes them and gives everybody the
# permissions that they had at first.

# %% id="lab-02-17" tags=["core", "run"]
lab.reset("lab-02")
