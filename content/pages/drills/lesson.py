# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown] id="drills-01" tags=["core","text"]
# # Drills
#
# **Ten minutes a day.** A drill starts from a situation, as an interviewer would put it. You answer in your own words,
# uncover the points of a good answer and see which of them were heard; what you said in other words, you tick. Then
# comes the next question, and a task of one to three minutes in which you show it. What you could not show comes back
# tomorrow; what you could, later and later.
#
# Drills have their own account, 777788889999, which is emptied before each one: they cannot harm a lesson.

# %% id="drills-02" tags=["core","run","volatile"]
# %load_ext ecrlab_course
lab.drills()

# %% [markdown] id="drills-03" tags=["core","text"]
# ## The next one
#
# Run the cell: it builds the drill's state and shows today's next drill. Run it again for the one after that. For a
# particular one: `lab.drill("d04")`. What you type is saved as you type.

# %% id="drills-04" tags=["core","run","starter"]
lab.drill()

# %% id="drills-05" tags=["core","run","solution"]
lab.drill("d01")

# %% [markdown] id="drills-06" tags=["core","text"]
# ## A cell to work in
#
# `%%bash --as drill` works in the drills' account as its administrator; `--as drill/ci` as `ci`, where a drill has one.
# In Python: `lab.drill_account.client("ecr")`.

# %% id="drills-07" tags=["core","run","volatile"]
# %%bash --as drill
# aws ecr describe-repositories --query 'repositories[].repositoryName' --output text

# %% [markdown] id="drills-08" tags=["core","text","solution"]
# One way to show what drill d01 asks for: the same manifest under one more name. Nothing is uploaded, and the list of
# images still has one digest.

# %% id="drills-09" tags=["core","run","solution"]
# %%bash --as drill
# manifest=$(aws ecr batch-get-image --repository-name shop/booking --image-ids imageTag=1.4 \
#   --query 'images[0].imageManifest' --output text)
# aws ecr put-image --repository-name shop/booking --image-tag proof --image-manifest "$manifest" \
#   --query image.imageId.imageTag --output text
# aws ecr describe-images --repository-name shop/booking --query 'length(imageDetails)'

# %% [markdown] id="drills-10" tags=["core","text"]
# ## In a terminal, and on the train
#
# The same drills, the same dates: `ecrlab_course drill`. As cards for Anki: `ecrlab_course drill --export drills.apkg`;
# import it again to update the cards. A lesson's exercise that you got wrong while certain brings its drill forward.
# Your record is in `.ecrlab/drills.json`, next to your progress; no reset touches it. A whole interview against the
# clock is the notebook `mock`. For tests and demonstrations alone, `ecrlab_course drill --today 2027-01-15` takes that
# date for today's; what is reviewed under it is marked so.
