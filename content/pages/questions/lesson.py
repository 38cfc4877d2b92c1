# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown] id="questions-01" tags=["core","text"]
# # Questions
#
# **What interviewers ask about containers, registries, Amazon ECR and IAM**, in our own words. Choose a topic and a
# level, say your answer aloud, and only then look at the points. Each point has its reason; many have the question
# that comes next. At the end are the answer that people give and that is weak, where the question was asked, and what
# the claims rest on.
#
# Nothing here is counted, and nothing in the lab changes.

# %% id="questions-02" tags=["core","run","volatile"]
# %load_ext ecrlab_course
lab.questions()

# %% [markdown] id="questions-03" tags=["core","text"]
# ## One level, one topic, one question
#
# `lab.questions("images")` begins with a topic, `lab.questions(level="senior")` with a level. A number goes to one
# question:

# %% id="questions-04" tags=["core","run","volatile"]
lab.questions(number=38)

# %% [markdown] id="questions-05" tags=["core","text"]
# ## In a terminal, and on the train
#
# `ecrlab_course ask --topic images --level mid` asks in a new order each time: Enter shows the points, q ends.
# `ecrlab_course ask 38 --points` prints one with its answer, `--list` says what there is. Cards for Anki:
# `ecrlab_course drill --export cards.apkg` writes the drills and all questions, `ecrlab_course ask --topic images
# --export images.apkg` some questions alone. Import a file again, and its cards are updated, not doubled.
#
# A question asks you to talk; a drill also asks you to show it: the notebook `drills`.
