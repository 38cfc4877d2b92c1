# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown] id="mock-01" tags=["core","text"]
# # Mock interview
#
# **Twenty minutes in which nobody helps**, and then one page that says what to practise tomorrow and where it is
# taught. Questions with a follow-up to what you left out, two tasks in which you show it, and one incident. What you
# missed before, and what is due, comes first.
#
# The questions are those of the notebook `questions`, the tasks those of `drills`, the incident is one of lab 03's.

# %% id="mock-02" tags=["core","run","volatile"]
# %load_ext ecrlab_course
lab.ready()

# %% [markdown] id="mock-03" tags=["core","text"]
# ## Begin
#
# `minutes` is 8, 20 or 45; `level` is `"junior"`, `"mid"` or `"senior"`. The clock runs only when you press *Begin*.
# Nothing is cut off: who goes over eats the last part, and it is printed. What you type is kept as you type; run the
# cell again to go on.

# %% id="mock-04" tags=["core","run","volatile"]
lab.mock(minutes=20, level="mid")

# %% [markdown] id="mock-05" tags=["core","text"]
# Below is a cell to work in: `%%bash --as drill` for the tasks, `--as drill/ci` where one has another profile. The
# incident is in the lessons' account: `%%bash`, or a shell as the ticket says.

# %% id="mock-06" tags=["core","run"]
# Work here: put %%bash --as drill into the first line.

# %% [markdown] id="mock-07" tags=["core","text"]
# ## The scorecard
#
# It counts what was **heard** in your words, what you **said** in other words (you point at the sentence, and answer
# its next question), and what was **left out**. It gives no marks and no percentages: the listener misses about
# half of what is said in new words. What you *showed* is judged by the lab. `lab.mocks()` lists the interviews you have
# held, `lab.mocks(1)` shows one again. In a terminal: `ecrlab_course mock`, and as a file: `ecrlab_course mock --export
# card.html`.

# %% [markdown] id="mock-08" tags=["core","text"]
# ## In pairs
#
# The candidate runs `lab.mock(20, "mid", partner=True)` and reads the code on the card aloud. The interviewer runs the
# cell below with that code, on a screen of their own: both have the same interview, and only one has the points. At the
# end the interviewer reads a line of ticks, and the candidate types it in for the scorecard. Then change places, with
# `after=` the number of the first mix, so that nothing comes twice.

# %% id="mock-09" tags=["core","run","volatile"]
lab.interviewer("mid 20 7")
