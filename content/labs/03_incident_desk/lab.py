# %% [markdown] id="lab-03-01" tags=["core", "text"] minutes=1
# # Lab 03 · The incident desk
#
# After this lab you can
#
# - **tell causes apart** that print the same line,
# - **fix the smallest thing**, and prove it for the person who called,
# - **write down** what happened in five lines.
#
# 30 minutes a desk: the first after lesson 04, the second after 06, the third after 08; then a night shift. No
# container engine is needed. In a terminal alone: `ecrlab_course desk first`.

# %% [markdown] id="lab-03-01-story" tags=["core", "text"] minutes=1
# It is Saturday. Omar is on call, and you are who he calls. Tickets come as people write them. *They are right about
# what they saw, and often wrong about why.*

# %% [markdown] id="lab-03-01-words" tags=["core", "text"]
# | new word | in a line |
# |---|---|
# | **ticket** | what somebody says, and the one command that shows it |
# | **tell** | what you see when you look that only this cause shows |
# | **narrowest fix** | what ends the symptom and opens nothing else |
# | **seed** | the number that picks the cause and the evidence; 9-3 is incident 9, seed 3, everywhere the same |
# | **false alarm** | a true observation of something that is right |
# | **postmortem** | five lines about what happened, without the names of the guilty |

# %% id="lab-03-02" tags=["core", "run", "volatile"]
# %load_ext ecrlab_course
lab.lesson("lab-03")

# %% [markdown] id="lab-03-02-after" tags=["core", "text"]
# This builds a town of five repositories and four people. It empties the lab first, and so does every ticket: what
# other lessons left is gone, and those lessons build it again when it is needed.

# %% [markdown] id="lab-03-03" tags=["core", "recall", "text"] minutes=2
# ## Three questions from before
#
# They do not count. Answer from memory, then go on.

# %% id="lab-03-03-r1" tags=["core", "recall"]
lab.guess("lab-03-r1")

# %% id="lab-03-03-r1-answer" tags=["core", "recall", "solution"]
lab.answer("lab-03-r1", "c")

# %% id="lab-03-03-r2" tags=["core", "recall"]
lab.guess("lab-03-r2")

# %% id="lab-03-03-r2-answer" tags=["core", "recall", "solution"]
lab.answer("lab-03-r2", "a")

# %% id="lab-03-03-r3" tags=["core", "recall"]
lab.guess("lab-03-r3")

# %% id="lab-03-03-r3-answer" tags=["core", "recall", "solution"]
lab.answer("lab-03-r3", "b")

# %% [markdown] id="lab-03-04" tags=["core", "text"] minutes=2
# ## Three rules
#
# 1. **Look before you touch.** What you change first, you cannot look at any more.
# 2. **Fix the smallest thing.** A star ends many symptoms, and no incident.
# 3. **Say the cause.** What works without a cause comes back.
#
# > **People say:** I know this line, it is a typo in the address.
# >
# > **In fact** each line on this desk has three to five causes. Next time it is another one. The message is the
# > symptom; the cause is in what is different.

# %% id="lab-03-04-guess" tags=["core", "guess"]
lab.guess("lab-03-g1")

# %% id="lab-03-04-guess-answer" tags=["core", "guess", "solution"]
lab.answer("lab-03-g1", "d", confidence=2)

# %% [markdown] id="lab-03-05" tags=["core", "picture"] minutes=2
# ![Picture 1, four questions in their order, each in a box, with the command that looks under it. First: who printed
# it? aws, docker or the runtime; run the parts of the command one by one. Second: who am I in it? The ARN in the
# text, or aws sts get-caller-identity. Third: was IAM asked? ecrlab trace. If yes, an arrow leads to: read the ending
# of the sentence, and ecrlab can. If no, an arrow leads to: login, clock, name, Region. Fourth: what changed since it
# worked? aws cloudtrail lookup-events.](images/questions.svg)
#
# **Picture 1.** Four questions in their order. The first that you cannot answer is where to look.

# %% [markdown] id="lab-03-06-text" tags=["core", "text"] at="town"
# ## The first desk
#
# After lesson 04. The people: `admin` (you), Dara (`developer`), the robot (`ci`), Omar (`ops`), Aiko (`auditor`),
# and the map company (`partner`). Dara pushes and pulls `dev/…`, the robot pushes `web/…`, both pull `base/…`; Omar
# pulls `web/…`; the map company pulls `web/booking`.
#
# You have all you know: `ecrlab trace`, `ecrlab can`, `aws cloudtrail lookup-events`, every describe and get, the
# clock, and the files of this lab's folder: `jobs/`, and with some tickets `vault/` or `deploy/`.

# %% id="lab-03-06" tags=["core", "run", "volatile"]
lab.desk("first")

# %% id="lab-03-06-admin" tags=["core", "exercise", "starter"]
# %%bash
# ls jobs

# %% id="lab-03-06-ci" tags=["core", "exercise", "starter"]
# %%bash --as ci
# echo "as the robot; add as many cells as you like"

# %% id="lab-03-06-ops" tags=["core", "exercise", "starter"]
# %%bash --as ops
# echo "as Omar"

# %% id="lab-03-06-partner" tags=["core", "exercise", "starter"]
# %%bash --as partner
# echo "as the map company"

# %% id="lab-03-06-solve" tags=["core", "exercise", "solution", "volatile"]
lab.ticket("solve")

# %% id="lab-03-06-more" tags=["core", "exercise", "solution", "volatile"]
for _ in range(2):
    lab.desk("first")
    lab.ticket("solve")

# %% [markdown] id="lab-03-07-text" tags=["core", "text"]
# **Five lines.** When a ticket is closed, write down what happened: *seen · since · why · changed · next time*. Then
# ours are shown beside them.

# %% id="lab-03-07" tags=["core", "run", "volatile"]
lab.postmortem()

# %% id="lab-03-08" tags=["core", "exercise"] minutes=26
lab.exercise("lab-03-m1")

# %% [markdown] id="lab-03-09" tags=["core", "picture"] minutes=1
# ![Picture 2, the same line and its roots. On top a leaf: no basic auth credentials. Under it a stem with four roots,
# and at each the look that shows it. Nobody logged in: config.json has no auths. Logged in elsewhere: the host in
# config.json is another one than that of $REGISTRY. Another folder: the job sets DOCKER_CONFIG. Logged out again: in
# the X-ray a request with a name, then one without.](images/roots.svg)
#
# **Picture 2.** One line, four roots, and the look that shows each.

# %% [markdown] id="lab-03-10-text" tags=["core", "text"] at="town"
# ## The second desk
#
# After lesson 06. The text of a refusal is longer than a log likes to show, and its ending names a document.

# %% id="lab-03-10" tags=["core", "run", "volatile"] minutes=1
lab.desk("second")

# %% id="lab-03-10-work" tags=["core", "exercise", "starter"]
# %%bash
# ecrlab can ops ecr:BatchGetImage web/booking

# %% id="lab-03-10-solve" tags=["core", "exercise", "solution", "volatile"]
lab.ticket("solve")
for _ in range(2):
    lab.desk("second")
    lab.ticket("solve")

# %% id="lab-03-11" tags=["core", "exercise"] minutes=25
lab.exercise("lab-03-m2")

# %% [markdown] id="lab-03-12-text" tags=["core", "text"] at="town"
# ## The third desk
#
# After lesson 08. Here much of what goes wrong ends with exit code 0.

# %% id="lab-03-12" tags=["core", "run", "volatile"] minutes=1
lab.desk("third")

# %% id="lab-03-12-work" tags=["core", "exercise", "starter"]
# %%bash
# aws cloudtrail lookup-events --max-results 5 --query 'Events[].[EventTime,EventName,Username]' --output table

# %% id="lab-03-12-solve" tags=["core", "exercise", "solution", "volatile"]
lab.ticket("solve")
for _ in range(2):
    lab.desk("third")
    lab.ticket("solve")

# %% id="lab-03-13" tags=["core", "exercise"] minutes=25
lab.exercise("lab-03-m3")

# %% [markdown] id="lab-03-14-text" tags=["core", "text"] at="town"
# ## The night shift
#
# Three tickets at once, in one town. One of them is a false alarm. `lab.postmortem()` asks for the five lines about the
# ticket that was closed last, and run again about the one before.

# %% id="lab-03-14" tags=["core", "run", "volatile"] minutes=1
lab.desk("night")

# %% id="lab-03-14-work" tags=["core", "exercise", "starter"]
# %%bash
# ecrlab trace --last 20

# %% id="lab-03-14-solve" tags=["core", "exercise", "solution", "volatile"]
for place in (1, 2, 3):
    lab.ticket("solve", place=place)

# %% id="lab-03-15" tags=["core", "exercise"] minutes=30
lab.exercise("lab-03-m4")

# %% [markdown] id="lab-03-16" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear
# once yours is saved.

# %% id="lab-03-16-say" tags=["core", "interview"]
lab.exercise("lab-03-i1")

# %% id="lab-03-16-said" tags=["core", "interview", "solution"]
lab.answer(
    "lab-03-i1",
    text="The release failed with no basic auth credentials. Four causes print that line, so I read docker's logins "
    "and the requests in their order: the job cleaned up before its push. I moved one line, ran it as the robot, and "
    "checked that nothing else had opened. Since then the job checks which user it is before it pushes.",
    made=["symptom", "apart", "narrow", "next"],
)

# %% [markdown] id="lab-03-17" tags=["core", "summary"]
# ## On one screen
#
# | question | where it is answered |
# |---|---|
# | who printed it? | run the parts of a pipe alone |
# | who am I in it? | the ARN in the text; `aws sts get-caller-identity` |
# | was IAM asked? | `ecrlab trace`; at AWS, CloudTrail: no event, no question |
# | yes: which document? | the ending of the sentence: identity, resource, boundary, session |
# | no: what then? | login, clock, name, Region |
# | what changed? | `aws cloudtrail lookup-events` |
# | is it over? | the caller's command, nobody else's doors, and the cause in a sentence |

# %% [markdown] id="lab-03-17-real" tags=["core", "box"]
# > **On real AWS**
# >
# > - CloudTrail needs minutes before an event is there, and shows 90 days of them.
# > - Nobody moves a clock: a token's age is read, not made.
# > - `aws iam simulate-principal-policy` asks what `ecrlab can` asks.

# %% [markdown] id="lab-03-18" tags=["core", "text"]
# ## Left behind
#
# A town. The button of the next cell empties the lab; tickets and postmortems stay in your progress.

# %% id="lab-03-19" tags=["core", "run"]
lab.reset("lab-03")
