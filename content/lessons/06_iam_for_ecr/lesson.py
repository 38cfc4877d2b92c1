# %% [markdown] id="06-01" tags=["core", "text"] minutes=1
# # 06 · IAM for ECR
#
# After this lesson you can
#
# - **read a refusal** aloud, and say which kind of policy spoke,
# - **write the policy** that somebody needs, and nothing wider,
# - **let another account and a robot in** without handing out keys.
#
# Parts headed *More* add 5 minutes. You need nothing but this computer; without a container engine, the lab's stand-in
# acts as `docker`, and all ten exercises count. {{neighbours}}

# %% [markdown] id="06-01-story" tags=["core", "text"]
# It is three in the morning. Omar has to pull release 1.0 of the booking page, and ECR refuses him. Yesterday somebody
# gave him a policy from a web page, under the heading *allows users to pull images*.
#
# Everybody in this lesson wants something ordinary. Nobody is a villain. You are the one who grants the permissions.

# %% [markdown] id="06-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **principal** | who asks: a user, or somebody who assumes a role |
# | **action** | what is asked for, such as `ecr:BatchGetImage` |
# | **resource** | the thing the request is about, by its ARN: service, Region, account, name. `*`: any, or none |
# | **policy** | a JSON document of *statements*; each allows or denies actions on resources |
# | **identity-based policy** | a policy on a user, a group or a role: what its owner may do |
# | **explicit deny** | a `Deny` statement matches the request: somebody said no |
# | **implicit deny** | no statement matches, so nobody said yes, and that means no |

# %% id="06-02" tags=["core", "run", "volatile"] minutes=1
# %load_ext ecrlab_course
lab.lesson("06")

# %% [markdown] id="06-02-text" tags=["core", "text"]
# Harbour Bikes has five users with keys. We begin a day earlier: only you, `admin`, have any permissions; the other
# four have none. Ask each of them who they are:

# %% id="06-02-who" tags=["core", "run"]
for name in ("admin", "developer", "ci", "ops", "auditor"):
    print(lab.client("sts", name).get_caller_identity()["Arn"])

# %% [markdown] id="06-02-after" tags=["core", "text"]
# Five answers, even for the four who may do nothing: `GetCallerIdentity` needs no permission. That makes it the first
# thing to ask when something is refused. Dara is `developer`, Omar is `ops`, Aiko is `auditor`, the build robot is
# `ci`.

# %% [markdown] id="06-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="06-03-r1" tags=["core", "recall"]
lab.guess("06-r1")

# %% id="06-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("06-r1", "b")

# %% id="06-03-r2" tags=["core", "recall"]
lab.guess("06-r2")

# %% id="06-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("06-r2", "b")

# %% id="06-03-r3" tags=["core", "recall"]
lab.guess("06-r3")

# %% id="06-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("06-r3", "c")

# %% [markdown] id="06-04" tags=["core", "picture"] minutes=2
# ## A request is a sentence
#
# ![Picture 1, a request as a sentence. user/ops, the principal, does ecr:BatchGetImage, the action, to
# repository/my-web-app, the resource; beside them, pale: when, from where. Below: Does a Deny match? One is enough.
# Yes: refused, with an explicit deny. No: does an Allow match? One is enough. Yes: allowed; a footnote says that in the
# second half sometimes more than one must say yes. No: neither, so refused, because no policy
# allows.](images/sentence.svg)
#
# **Picture 1.** *Who* does *what* to *which thing*. IAM looks at all policies that apply and asks two questions: does a
# Deny match? Does an Allow match? No Deny and no Allow still means *no*: an **implicit deny**.

# %% [markdown] id="06-05" tags=["core", "text"] at="people"
# ## Omar asks for a list
#
# Omar has no policy at all. He only wants to see which images there are. The first line of the cell says who it runs
# as.

# %% id="06-05-run" tags=["core", "fail"] minutes=1 fails="because no identity-based policy allows"
# %%bash --as ops
# aws ecr describe-images --repository-name my-web-app

# %% [markdown] id="06-05-text" tags=["core", "reading"]
# **How to read it.** One long sentence, and it holds everything you need. The next card takes it apart, piece by piece,
# once and for all.

# %% id="06-06" tags=["core", "exercise"] minutes=2
lab.exercise("06-e1")

# %% id="06-06-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "06-e1",
    code="known",
    user="principal",
    action="action",
    arn="resource",
    because="nobody-allowed",
)

# %% id="06-06-why" tags=["core", "exercise", "solution"]
lab.solution("06-e1")

# %% [markdown] id="06-07" tags=["core", "text"] minutes=1 at="people"
# ## A policy from a web page
#
# Here it is as printed, with your account filled in. Two of its three actions have the word *Get* in them. After your
# guess you attach it to Omar's user, as `admin`; then Omar tries.

# %% id="06-07-policy" tags=["core", "run", "policy"]
# %%bash
# cat policies/summary-pull.json

# %% id="06-07-guess" tags=["core", "exercise", "guess"] minutes=1
lab.exercise("06-e2")

# %% id="06-07-answer" tags=["core", "exercise", "solution"]
lab.answer("06-e2", "b", confidence=2)

# %% id="06-08-run" tags=["core", "fail"] minutes=2 fails="ecr:GetAuthorizationToken on resource: *"
# %%bash --as ops
# aws --profile admin iam put-user-policy --user-name ops --policy-name pull \
#   --policy-document file://policies/summary-pull.json
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"

# %% [markdown] id="06-08-card" tags=["core", "reading"]
# **How to read it.** Two errors, from two programs. docker's *Cannot perform an interactive login* only says that it
# was handed an empty password. The reason is the sentence from `aws` before it:
#
# | piece | here |
# |---|---|
# | who | `user/ops`: yes, that is Omar |
# | wanted what | `ecr:GetAuthorizationToken`: the login is an action too |
# | on what | `*`: the question is not about any repository |
# | who said no | `because no identity-based policy allows`: nobody said yes |

# %% id="06-08-xray" tags=["core", "run", "volatile"]
lab.xray()

# %% id="06-08-solution" tags=["core", "exercise", "solution"]
lab.solution("06-e2")

# %% [markdown] id="06-08-box" tags=["core", "box"]
# ### What people say about it
#
# > **People say:** "This policy allows users to pull images."
# >
# > **In fact** it never gets as far as pulling: it does not include the login. For somebody whose login comes from
# > another policy it would be enough.

# %% id="06-09-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g1")

# %% id="06-09-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g1", "b", confidence=2)

# %% [markdown] id="06-09-text" tags=["core", "text"]
# ECR refuses a repository policy that names the login: *Invalid repository policy provided*. With a star it goes
# through: `ecr:Get*` covers the login too. `tries.py`, in this lesson's folder, logs in, pulls and pushes as somebody,
# without docker, and prints how it ended. The last line of the cell removes the policy again.

# %% id="06-09-run" tags=["core", "run"] minutes=1
from tries import forget_repository_policy, login, policy

ecr.set_repository_policy(repositoryName="my-web-app", policyText=policy("login-here"))
login(lab, "ops")
forget_repository_policy(ecr, "my-web-app")

# %% [markdown] id="06-09-after" tags=["core", "reading"]
# The same sentence as before. A repository policy is read for questions about *that repository*. Only an identity-based
# policy can grant the login.

# %% [markdown] id="06-10-text" tags=["core", "text"] at="summary-policy"
# ## Fix it
#
# Below is an editor with Omar's policy. The matrix beside it shows what the policy would allow; click a field to see
# why. Nothing counts until you press **Save**.

# %% id="06-10" tags=["core", "exercise"] minutes=5
lab.exercise("06-e3")

# %% id="06-10-editor" tags=["core", "exercise", "policy", "starter"]
editor = lab.policy_editor(
    {"user": "ops", "policy": "pull"},
    ["ops"],
    ["login", "pull my-web-app", "push my-web-app", "pull billing"],
)
editor

# %% id="06-10-editor" tags=["core", "exercise", "policy", "solution"]
editor = lab.policy_editor(
    {"user": "ops", "policy": "pull"},
    ["ops"],
    ["login", "pull my-web-app", "push my-web-app", "pull billing"],
)
editor.text = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "ecr:GetAuthorizationToken",
      "Resource": "*"
    },
    {
      "Effect": "Allow",
      "Action": [
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer"
      ],
      "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
    }
  ]
}"""
print(editor.save())
editor

# %% id="06-10-why" tags=["core", "exercise", "solution"]
lab.solution("06-e3")

# %% [markdown] id="06-11-text" tags=["core", "text"] at="summary-policy"
# ## What a pull asks for
#
# Aiko wants to pull `my-web-app` too. Which of the three actions does she need? The cell first removes the image from
# this computer; otherwise there would be nothing to ask for.

# %% id="06-11-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g2")

# %% id="06-11-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g2", "a", confidence=2)

# %% id="06-11" tags=["core", "run"] minutes=1
# %%bash --as auditor
# aws --profile admin iam put-user-policy --user-name auditor --policy-name pull \
#   --policy-document file://policies/pull.json
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker rmi -f "$REGISTRY/my-web-app:1.0" > /dev/null 2>&1 || true
# docker pull -q "$REGISTRY/my-web-app:1.0"

# %% [markdown] id="06-11-doors" tags=["core", "text"]
# ## One action fewer
#
# And with `BatchGetImage` alone? A pull has two doors: the list of parts, and the parts.

# %% id="06-11-run" tags=["core", "fail", "volatile"] minutes=1 fails="pull-without-layers"
# %%bash --as auditor
# aws --profile admin iam put-user-policy --user-name auditor --policy-name pull \
#   --policy-document file://policies/half-a-pull.json
# docker rmi -f "$REGISTRY/my-web-app:1.0" > /dev/null 2>&1 || true
# docker pull -q "$REGISTRY/my-web-app:1.0"

# %% [markdown] id="06-11-after" tags=["core", "reading"]
# An engine with overlay2 mentions the *image configuration* first, because that is the first part it fetches. Read on
# to `denied:` (newer engines: `error from registry:`); the four pieces follow it.

# %% id="06-12-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g3")

# %% id="06-12-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g3", "b", confidence=2)

# %% id="06-12" tags=["core", "fail", "volatile"] minutes=1 fails="pull-without-manifest"
# %%bash --as auditor
# aws --profile admin iam put-user-policy --user-name auditor --policy-name pull \
#   --policy-document file://policies/login-only.json
# docker pull -q "$REGISTRY/my-web-app:1.0"

# %% [markdown] id="06-12-after" tags=["core", "reading"]
# With overlay2 docker's own guess comes first again, as in lesson 04: neither *does not exist* nor *docker login* is
# true here. ECR speaks after `denied:`. With the containerd store the refused request is a `HEAD`, and only `403
# Forbidden` is left.
#
# No new login, but a new answer. *Who* is in the token, *what* is in the policies, and they are read at different
# times. On AWS a change may take a few seconds to reach every door; here it counts at once.

# %% [markdown] id="06-13-text" tags=["core", "text"] at="summary-policy"
# ## What a push asks for
#
# The robot builds release 2.0 and pushes it. Its policy has the login and five actions on `my-web-app`; one is left out
# to save a line: `BatchCheckLayerAvailability`.

# %% id="06-13-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g11")

# %% id="06-13-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g11", "c", confidence=1)

# %% id="06-13" tags=["core", "fail", "volatile"] minutes=1 fails="push-without-check"
# %%bash --as ci
# aws --profile admin iam put-user-policy --user-name ci --policy-name push \
#   --policy-document file://policies/push-without-check.json
# docker build -q -t my-web-app:2.0 release > /dev/null
# docker tag my-web-app:2.0 "$REGISTRY/my-web-app:2.0"
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker push -q "$REGISTRY/my-web-app:2.0"

# %% [markdown] id="06-13-card" tags=["core", "reading"]
# **How to read it.** `403` is a refusal. Anything more is docker's surprise: it looked for a sentence and found none.
# The question was a `HEAD`, *is this layer there?*, and an answer to a `HEAD` has no body, so there is no room for
# words. Podman does not even say `403`. The X-ray has the words:

# %% id="06-13-why" tags=["core", "run", "volatile"]
lab.why(details=False)

# %% [markdown] id="06-14-text" tags=["core", "text"]
# So grant the whole set. Each action belongs to a request; compare the list with the X-ray below it.

# %% id="06-14" tags=["core", "run"] minutes=1
# %%bash --as ci
# grep ecr: policies/push.json
# aws --profile admin iam put-user-policy --user-name ci --policy-name push \
#   --policy-document file://policies/push.json
# docker push -q "$REGISTRY/my-web-app:2.0"

# %% id="06-14-xray" tags=["core", "run", "volatile"] minutes=1
lab.xray()

# %% id="06-15" tags=["core", "exercise"] minutes=3
lab.exercise("06-e4")

# %% id="06-15-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "06-e4",
    login="GetAuthorizationToken",
    head="BatchCheckLayerAvailability",
    post="InitiateLayerUpload",
    patch="UploadLayerPart",
    put="CompleteLayerUpload",
    manifest="PutImage",
)

# %% id="06-15-why" tags=["core", "exercise", "solution"]
lab.solution("06-e4")

# %% [markdown] id="06-16-text" tags=["core", "text"] at="summary-policy"
# ## A second policy for Omar
#
# Omar keeps his pull policy and gets one of AWS's managed policies as well.

# %% id="06-16-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g4")

# %% id="06-16-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g4", "a", confidence=2)

# %% id="06-16" tags=["core", "run"] minutes=1
from tries import keep_only, push

keep_only(lab, "ops", "pull")
iam.attach_user_policy(UserName="ops", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser")
push(lab, "ops", "my-web-app:omar")

# %% [markdown] id="06-16-box" tags=["core", "reading"]
# > **People say:** "The pull policy restricts pushing."
# >
# > **In fact** it does not *allow* pushing. That is not a ban, only an *implicit deny*: the next policy may allow it.
# > To ban it, write a `Deny`.

# %% id="06-17-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g5")

# %% id="06-17-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g5", "b", confidence=2)

# %% id="06-17" tags=["core", "run"] minutes=1
from tries import policy, push

iam.put_user_policy(UserName="ops", PolicyName="never-push", PolicyDocument=policy("never-push"))
iam.attach_user_policy(UserName="ops", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
push(lab, "ops", "my-web-app:omar")

# %% [markdown] id="06-17-after" tags=["core", "reading"]
# Another ending: `with an explicit deny in an identity-based policy`. Two endings to keep for life:
#
# - **because no … policy allows**: an implicit deny, nobody said yes. Add what is missing, and nothing wider.
# - **with an explicit deny in …**: somebody said no. Find the statement, and ask why before you touch it.

# %% id="06-17-tidy" tags=["core", "run"]
# the three additions go again
from tries import keep_only

keep_only(lab, "ops", "pull")

# %% [markdown] id="06-18-text" tags=["core", "text"] at="summary-policy"
# ## Who should push at all?
#
# Many robots push under `web/` and `dev/`. Here is an example policy for them: three sentences in two statements.

# %% id="06-18" tags=["core", "run", "policy"] minutes=1
# %%bash
# cat policies/robots-by-prefix.json

# %% [markdown] id="06-18-box" tags=["core", "box"]
# > **People say:** "Developers push, and pipelines are restricted to pulling."
# >
# > **In fact** it is mostly the other way round: the pipeline pushes what it has built, servers pull, people read. Dara
# > pushes where she experiments, and nowhere else.

# %% [markdown] id="06-19-text" tags=["core", "text"]
# Your turn, from the goal alone. `dev/maps` does not exist yet, but the matrix can ask about it anyway.

# %% id="06-19" tags=["core", "exercise"] minutes=6
lab.exercise("06-e5")

# %% id="06-19-editor" tags=["core", "exercise", "policy", "starter"]
editor = lab.policy_editor(
    {"user": "developer", "policy": "dara"},
    ["developer"],
    [
        "login",
        "push dev/maps",
        "pull dev/maps",
        "delete dev/maps",
        "pull my-web-app",
        "push my-web-app",
        "pull devops/keys",
    ],
)
editor

# %% id="06-19-editor" tags=["core", "exercise", "policy", "solution"]
editor = lab.policy_editor(
    {"user": "developer", "policy": "dara"},
    ["developer"],
    [
        "login",
        "push dev/maps",
        "pull dev/maps",
        "delete dev/maps",
        "pull my-web-app",
        "push my-web-app",
        "pull devops/keys",
    ],
)
editor.text = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "ecr:GetAuthorizationToken",
      "Resource": "*"
    },
    {
      "Effect": "Allow",
      "Action": [
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer"
      ],
      "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/dev/*"
    },
    {
      "Effect": "Allow",
      "Action": [
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer"
      ],
      "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
    }
  ]
}"""
print(editor.save())
editor

# %% id="06-19-why" tags=["core", "exercise", "solution"]
lab.solution("06-e5")

# %% [markdown] id="06-half" tags=["core", "text"] minutes=1
# ## Half-time
#
# A good place to stop. Three lines to remember:
#
# 1. Nothing is allowed until something allows it.
# 2. Allows add up.
# 3. One Deny ends it.
#
# Say it aloud: *why did Omar's login fail?*

# %% [markdown] id="06-20" tags=["core", "text"] minutes=1
# ## The other side's policy, roles, fences
#
# After this page you can let another account pull one image and nothing else, use a role instead of keys, and predict a
# decision.
#
# | new word | in a line |
# |---|---|
# | **repository policy** | a policy on the *thing*: who may do what with it (AWS: *resource-based*) |
# | **role** | a principal with no keys of its own; others *assume* it for a while |
# | **trust policy** | the policy on a role that says who may assume it; a resource-based one, too |
# | **permissions boundary** | a fence around one user or role |

# %% id="06-20-r4" tags=["core", "guess"] minutes=1
lab.guess("06-r4")

# %% id="06-20-r4-answer" tags=["core", "guess", "solution"]
lab.answer("06-r4", "b")

# %% id="06-20-r5" tags=["core", "guess"]
lab.guess("06-r5")

# %% id="06-20-r5-answer" tags=["core", "guess", "solution"]
lab.answer("06-r5", "b")

# %% [markdown] id="06-21-text" tags=["core", "text"] at="half-time"
# ## A policy on the thing
#
# Aiko's own policy grants the login and nothing else. The next policy goes on the repository. It has a line that the
# policies in the first half did not have: `Principal`.

# %% id="06-21-policy" tags=["core", "run", "policy"] minutes=1
# %%bash
# cat policies/let-aiko-in.json

# %% id="06-21-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g6")

# %% id="06-21-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g6", "a", confidence=2)

# %% id="06-21" tags=["core", "run"] minutes=1
from tries import policy, pull

ecr.set_repository_policy(repositoryName="my-web-app", policyText=policy("let-aiko-in"))
pull(lab, "auditor", "my-web-app:1.0")

# %% [markdown] id="06-22-text" tags=["core", "text"]
# ## A whole account as principal
#
# Somebody wants to save work and names the whole account instead of Aiko: `arn:aws:iam::123456789012:root`.

# %% id="06-22-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g7")

# %% id="06-22-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g7", "b", confidence=2)

# %% id="06-22" tags=["core", "run"] minutes=1
from tries import policy, pull

ecr.set_repository_policy(repositoryName="my-web-app", policyText=policy("let-account-in"))
pull(lab, "auditor", "my-web-app:1.0")

# %% [markdown] id="06-22-box" tags=["core", "reading"]
# > **People say:** "`…:root` lets all users of the account in."
# >
# > **In fact** it leaves the decision to the account: a user also needs an Allow of its own. And `root` here means the
# > *account*, not only the root user.

# %% [markdown] id="06-23-text" tags=["core", "text"]
# ## A Deny on the thing
#
# It applies to everybody it names, including you.

# %% id="06-23" tags=["core", "fail"] minutes=1 fails="with an explicit deny in a resource-based policy"
# %%bash
# aws ecr set-repository-policy --repository-name my-web-app \
#   --policy-text file://policies/nobody-lists.json > /dev/null
# aws ecr list-images --repository-name my-web-app

# %% [markdown] id="06-23-card" tags=["core", "reading"]
# **How to read it.** *Who*: `user/admin`, yes, you. *Who said no*: a Deny in a **resource-based** policy. So do not
# search your own policies: look at the repository. The Deny names only one action, so you can still remove it.

# %% id="06-23-fix" tags=["core", "run"]
from tries import forget_repository_policy

forget_repository_policy(ecr, "my-web-app")
print("images listed:", len(ecr.list_images(repositoryName="my-web-app")["imageIds"]) > 0)

# %% [markdown] id="06-24" tags=["core", "text"] minutes=1 at="partner"
# ## Two accounts
#
# The map company has the account 444455556666 and the user `partner`. Its policies are its own business, as ours are
# ours. First we try it on `dev/playground`; the last line of the cell removes both policies again.

# %% id="06-24-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g8")

# %% id="06-24-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g8", "c", confidence=2)

# %% id="06-24-run" tags=["core", "run"] minutes=2
from tries import forget_sides, pull, sides

for ours, theirs in ((True, True), (True, False), (False, True), (False, False)):
    sides(lab, ours, theirs)
    pull(lab, "partner", "dev/playground:1")
forget_sides(lab)

# %% [markdown] id="06-24-after" tags=["core", "reading"]
# **How to read it.** Three endings: **identity-based** means *their* half is silent, **resource-based** means *ours*
# is. With both silent this lab names our half; which one AWS names is not documented.

# %% [markdown] id="06-24-picture" tags=["core", "picture"] minutes=1
# ## Who has to say yes
#
# ![Picture 2, who must say yes. Left, one account: one yes is enough, the user's policy, or the repository's policy
# when it names the user. Right, two accounts: the user's policy at home and the repository's policy here; both must say
# yes. In both cases one Deny, on either side, ends it.](images/sides.svg)
#
# **Picture 2.** *Or* within an account, *and* between two.

# %% [markdown] id="06-25-text" tags=["core", "text"]
# Now for real. Two cells to work in: the first as admin, the second as the map company. Each puts a file into this
# lesson's folder: open it in the list on the left, change it, save it.
#
# About a bad document ECR says only *Invalid repository policy provided*. If that happens, check the commas, the field
# names, and whether the principal exists.

# %% id="06-25" tags=["core", "exercise"] minutes=5
lab.exercise("06-e6")

# %% id="06-25-ours" tags=["core", "exercise", "policy", "starter"]
# %%bash
# test -f ours.json || cp policies/let-aiko-in.json ours.json
# echo "change ours.json; then, here: aws ecr set-repository-policy …"

# %% id="06-25-ours" tags=["core", "exercise", "policy", "solution"]
# %%bash
# cat > ours.json <<'END'
# {
#   "Version": "2012-10-17",
#   "Statement": [
#     {
#       "Effect": "Allow",
#       "Principal": { "AWS": "arn:aws:iam::444455556666:user/partner" },
#       "Action": [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
#     }
#   ]
# }
# END
# aws ecr set-repository-policy --repository-name my-web-app \
#   --policy-text file://ours.json --query repositoryName --output text

# %% id="06-25-theirs" tags=["core", "exercise", "policy", "starter"]
# %%bash --as partner
# test -f theirs.json || cp policies/login-only.json theirs.json
# echo "change theirs.json; then, here: aws iam put-user-policy --user-name partner …"

# %% id="06-25-theirs" tags=["core", "exercise", "policy", "solution"]
# %%bash --as partner
# cat > theirs.json <<'END'
# {
#   "Version": "2012-10-17",
#   "Statement": [
#     {
#       "Effect": "Allow",
#       "Action": "ecr:GetAuthorizationToken",
#       "Resource": "*"
#     },
#     {
#       "Effect": "Allow",
#       "Action": [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ],
#       "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
#     }
#   ]
# }
# END
# aws iam put-user-policy --user-name partner --policy-name pull \
#   --policy-document file://theirs.json

# %% id="06-25-why" tags=["core", "exercise", "solution"]
lab.solution("06-e6")

# %% [markdown] id="06-26-text" tags=["core", "text"] at="partner"
# ## A role instead of keys
#
# The robot's keys stay on a build server for years. A **role** is better: it has no keys. Its trust policy says who may
# assume it; a policy like any other says what it may do. Two documents, two questions.

# %% id="06-26" tags=["core", "run"] minutes=1
# %%bash
# TRUST=file://policies/trust-ci.json
# aws iam create-role --role-name deployer --assume-role-policy-document $TRUST \
#   --query Role.Arn --output text ||
#   aws iam update-assume-role-policy --role-name deployer --policy-document $TRUST
# aws iam put-role-policy --role-name deployer --policy-name push \
#   --policy-document file://policies/push.json

# %% [markdown] id="06-26-boto" tags=["core", "text"]
# `ci` assumes it. Three things come back, and the time when they expire. The first letters tell a session's key
# (`ASIA`) from a user's (`AKIA`).

# %% id="06-26-assume" tags=["core", "run"] minutes=1
role = "arn:aws:iam::123456789012:role/deployer"
answer = lab.client("sts", "ci").assume_role(RoleArn=role, RoleSessionName="build-42")
keys = answer["Credentials"]
print(answer["AssumedRoleUser"]["Arn"])
print(keys["AccessKeyId"][:4], "…", sorted(key for key in keys if key != "Expiration"))
print("good for", round((keys["Expiration"] - lab.clock.now()).total_seconds() / 60), "minutes")

# %% [markdown] id="06-26-profile" tags=["core", "text"]
# Nobody copies these by hand. A profile names the role and who assumes it, and `aws` fetches the keys itself. It keeps
# them in `~/.aws/cli/cache` until they expire, and no `aws` setting changes that place. A separate `HOME`, just for
# this cell, keeps the lab out of your real one; the `trap` removes it, and the keys in it, when the cell ends.

# %% id="06-27" tags=["core", "fail"] minutes=2 fails="assumed-role/deployer/build-42 is not authorized"
# %%bash --as ci
# cat deployer.config
# away=$(mktemp -d); trap 'rm -rf "$away"' EXIT
# export AWS_CONFIG_FILE=deployer.config HOME=$away
# aws ecr delete-repository --repository-name my-web-app --profile deployer

# %% [markdown] id="06-27-card" tags=["core", "reading"]
# **How to read it.** *Who*: not `user/ci`, and not `role/deployer`, but the **session**:
# `assumed-role/deployer/build-42`. Look for the role's name in the middle. The last part is free; a build number there
# tells you later which build it was.
#
# `ci` still has its old keys. The gain: once its own push policy is gone (next exercise), they open only the login, and
# the roles that trust it. Lesson 09 does without such keys.

# %% [markdown] id="06-27-box" tags=["core", "box"]
# ### Assume, not belong
#
# > **People say:** "Put the robot into the role."
# >
# > **In fact** nobody is *in* a role. You assume it for a while and act under its name, with only its permissions.

# %% id="06-28" tags=["core", "exercise"] minutes=3
lab.exercise("06-e7")

# %% id="06-28-answer" tags=["core", "exercise", "solution"]
lab.answer("06-e7", ["role", "rights", "assume", "push"])

# %% id="06-28-why" tags=["core", "exercise", "solution"]
lab.solution("06-e7")

# %% id="06-29" tags=["core", "exercise"] minutes=3
lab.exercise("06-e8")

# %% id="06-29-answer" tags=["core", "exercise", "solution", "policy"]
lab.answer(
    "06-e8",
    """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": { "AWS": "arn:aws:iam::123456789012:user/ci" },
      "Action": "sts:AssumeRole"
    }
  ]
}""",
)

# %% id="06-29-why" tags=["core", "exercise", "solution"]
lab.solution("06-e8")

# %% [markdown] id="06-30" tags=["core", "text"] at="roles"
# ## A fence
#
# A *permissions boundary* is a fence around one user or role. One of AWS's managed policies will do as a fence. The
# last line of the cell removes the fence and the policy.

# %% id="06-30-guess" tags=["core", "guess"] minutes=1
lab.guess("06-g9")

# %% id="06-30-guess-answer" tags=["core", "guess", "solution"]
lab.answer("06-g9", "b", confidence=2)

# %% id="06-30-run" tags=["core", "run"] minutes=1
from tries import keep_only, policy, push

fence = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
iam.put_user_policy(UserName="ci", PolicyName="push", PolicyDocument=policy("push"))
iam.put_user_permissions_boundary(UserName="ci", PermissionsBoundary=fence)
push(lab, "ci", "my-web-app:fence")
keep_only(lab, "ci")

# %% [markdown] id="06-31-after" tags=["core", "picture"] minutes=1
# ## Two circles
#
# ![Picture 3, two circles that overlap. Left circle: what the policies of ci grant. Right circle: what the boundary
# allows. Only the overlap is allowed. Granted but outside the fence: refused. Inside the fence but never granted:
# refused as well.](images/fence.svg)
#
# **Picture 3.** Only what is in both circles is allowed: a fence limits, it never grants. (A repository policy that
# names the user itself reaches past it; one that names a role does not.)

# %% [markdown] id="06-31-order" tags=["core", "picture"] minutes=1
# ## All types of policy, in order
#
# ![Picture 4, seven steps from top to bottom. Before the first, nothing is allowed. 1: does a Deny match, in a policy
# of any type? Then refused, an explicit deny. 2: service and resource control policies of the organization, where
# there are any, must allow. 3: the resource-based policy; in one account, when it names the user, its yes is enough
# and the rest is skipped. 4: identity-based policies must allow. 5: the permissions boundary, if there is one, must
# allow. 6: the session policy, if one was passed, must allow. 7: allowed. A step from 2 to 6 that does not allow
# means refused, an implicit deny. Between two accounts, 3 and 4 must both allow.](images/order.svg)
#
# **Picture 4.** A Deny is looked for first, and everywhere. A *service control policy* (SCP) limits all users and roles
# of an organization's member accounts, their root users included, and nobody in its management account. A role's trust
# policy is resource-based, and always has to say yes itself.

# %% [markdown] id="06-33-text" tags=["stretch", "text"] at="roles"
# ## More: permissions by tag
#
# A statement may have a **Condition**. This one allows pulling where the repository's `team` tag matches the caller's
# own. One policy then serves every team.

# %% id="06-33-policy" tags=["stretch", "run", "policy"] minutes=1
# %%bash
# cat policies/same-team.json

# %% id="06-33" tags=["stretch", "run"] minutes=2
from tries import policy, pull

team = [{"Key": "team", "Value": "web"}]
iam.tag_user(UserName="auditor", Tags=team)
arn = "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
ecr.tag_resource(resourceArn=arn, tags=team)
iam.put_user_policy(UserName="auditor", PolicyName="pull", PolicyDocument=policy("same-team"))
pull(lab, "auditor", "my-web-app:1.0")
pull(lab, "auditor", "billing:7")

# %% [markdown] id="06-33-after" tags=["stretch", "text"]
# `billing` has no tag, so the condition is not true, and the statement does not match. Conditions can also check the
# caller's address (`aws:SourceIp`), its organization (`aws:PrincipalOrgID`) or a second factor
# (`aws:MultiFactorAuthPresent`). But then whoever may set tags decides who gets in: keep that permission rare.

# %% [markdown] id="06-32-text" tags=["stretch", "text"] at="roles"
# ## More: a refusal that you have not met
#
# One more ending, live. You can rule out four of the five causes with what you have met.

# %% id="06-32" tags=["stretch", "exercise"] minutes=2
lab.exercise("06-e9")

# %% id="06-32-answer" tags=["stretch", "exercise", "solution"]
lab.answer("06-e9", "c", confidence=2)

# %% id="06-32-why" tags=["stretch", "exercise", "solution"]
lab.solution("06-e9")

# %% [markdown] id="06-34-text" tags=["core", "text"] at="roles"
# ## Six small worlds

# %% id="06-34" tags=["core", "exercise"] minutes=3
lab.exercise("06-e10")

# %% id="06-34-answer" tags=["core", "exercise", "solution"]
lab.answer(
    "06-e10",
    one="deny",
    two="allowed",
    three="nobody",
    four="nobody",
    five="nobody",
    six="nobody",
)

# %% id="06-34-why" tags=["core", "exercise", "solution"]
lab.solution("06-e10")

# %% [markdown] id="06-37" tags=["core", "text"]
# ## Who gave whom what?
#
# Aiko asks it in every audit. **CloudTrail** keeps a record of an account's requests, pushes and pulls among them. Who
# wrote the policies of today's users?

# %% id="06-37-trail" tags=["core", "run", "volatile"] minutes=1
import json

written = [{"AttributeKey": "EventName", "AttributeValue": "PutUserPolicy"}]
for event in lab.client("cloudtrail").lookup_events(LookupAttributes=written, MaxResults=3)["Events"]:
    asked = json.loads(event["CloudTrailEvent"])["requestParameters"]
    print(f"{event['EventTime']:%H:%M}  {event['Username']}: {event['EventName']} for {asked['userName']}")

# %% [markdown] id="06-37-after" tags=["core", "reading"]
# Who, when, what, and for whom. With that, four more rows of lesson 05's table can be filled: a login that was good for
# one action only, a refusal that a policy turned, another account, and the record.

# %% id="06-37-table" tags=["core", "run", "volatile"] minutes=1
lab.table("06")

# %% [markdown] id="06-35" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Your own answer first, aloud or in writing; then the points.

# %% id="06-35-run" tags=["core", "interview"]
lab.exercise("06-i1")

# %% id="06-35-answer" tags=["core", "interview", "solution"]
lab.answer(
    "06-i1",
    text="I ask who I am and compare it with the name in the refusal. Then I read action, resource and ending. "
    "Nobody said yes: I add what the pull still lacks, on this repository, and the login on `*`. Explicit deny: I "
    "find it and ask why it is there.",
    made=["who", "pieces", "ending", "smallest"],
)

# %% [markdown] id="06-35-back" tags=["core", "guess"]
# ## What you thought in lesson 00
#
# One of your first guesses now has its answer. Here it is again, with what you said then.

# %% id="06-35-back-run" tags=["core", "guess"]
lab.look_back("06")

# %% [markdown] id="06-36" tags=["core", "summary"] minutes=1
# ## On one screen
#
# | the refusal ends | meaning | look at |
# |---|---|---|
# | `because no identity-based policy allows` | implicit deny: nobody said yes | the caller's own policies |
# | `because no resource-based policy allows` | the resource's side is silent, and another account asks | its policy |
# | `with an explicit deny in …` | explicit deny: somebody said no | the kind of policy it names |
# | `because no permissions boundary allows` | outside the fence | the boundary of that user or role |
# | `because no session policy allows` | the session was narrowed | the `AssumeRole` call that began it |
# | `because no role trust policy allows` | not one of those who may assume it | the role's trust policy |
#
# **Five lines.** Nothing is allowed until something allows it. Allows add up. One Deny ends it. Across accounts, both
# sides must allow. A fence never grants.

# %% [markdown] id="06-36-sets" tags=["core", "summary"]
# | who | actions | on |
# |---|---|---|
# | whoever logs in | `ecr:GetAuthorizationToken` | `*`, in an identity-based policy |
# | whoever pulls | `BatchGetImage`, `GetDownloadUrlForLayer` | the repository |
# | whoever pushes | `BatchCheckLayerAvailability`, `BatchGetImage`, `PutImage`, | the repository |
# | … | `InitiateLayerUpload`, `UploadLayerPart`, `CompleteLayerUpload` | |

# %% [markdown] id="06-36-aws" tags=["core", "box"]
# > **On real AWS**
# >
# > - A policy change may take a few seconds to reach every door.
# > - CloudTrail keeps pushes and pulls on record. IAM has a *policy simulator*: it answers without trying, like the
# >   matrix here.
# > - The sentence may end with the ARN of the policy that denied. When several kinds deny, it names one of them.
# > - Robots outside AWS assume roles with a token of their own (lesson 09), so no key is stored anywhere.

# %% [markdown] id="06-36-yours" tags=["core", "text"]
# ## Yours to play
#
# Ask IAM about anything, without doing it: who, what, on which thing.

# %% id="06-36-play" tags=["core", "run", "volatile"]
# %%bash
# ecrlab can developer ecr:PutImage my-web-app || true

# %% [markdown] id="06-36-left" tags=["core", "text"]
# ## Left behind
#
# Three repositories, policies on four users and on the partner, groups, the roles of this page and those for the map
# company. The next cell cleans them up, and the five users get back the permissions they have in every other lesson.
# Your files and your progress stay.

# %% id="06-36-reset" tags=["core", "run"]
lab.reset("06")
