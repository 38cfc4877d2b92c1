# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown] id="00-01" tags=["core","text"] minutes=1
# # Start here
#
# **12 minutes.** After this page you can push an image, see every request it took, and put everything back. You need
# nothing but this computer. {{neighbours}}
#
# Click into the grey cell below and press **Shift+Enter**: it runs, and the next one is selected. That is all you need
# to know about notebooks. Nothing here leaves your computer, and nothing costs money.

# %% id="00-02" tags=["core","run","volatile"]
# %load_ext ecrlab_course
lab.lesson("00")

# %% [markdown] id="00-03" tags=["core","text"]
# The next cell is your **home page**. Come back to it: it shows what is done, where you stopped, and whether this
# computer is ready, and it can reset a lesson. Click a lesson on the map to open it.

# %% id="00-04" tags=["core","run","volatile"] minutes=1
lab.map()

# %% [markdown] id="00-05" tags=["core","picture"] minutes=1
# ## One story
#
# **Harbour Bikes** rents bicycles. You joined on Monday. Dara writes the booking page on her laptop; Omar has to run it
# on a server, even at three in the morning. Between them is a **registry**.

# %% [markdown] id="00-06" tags=["core","picture"]
# ![Dara's laptop builds an image and pushes it to the registry. There it rests in the repository hello, next to
# another: hello:1 and hello:2. Omar's server pulls the image and starts it: only then does it become a
# container.](images/harbour.svg)

# %% [markdown] id="00-06-words" tags=["core","text"]
# | new word | in a line |
# |---|---|
# | **image** | a program with all its files, packed and at rest |
# | **registry** | the service that keeps images and hands them out |
# | **repository** | one shelf in a registry: the images of one program |
# | **tag** | a name people give an image: `1`, `latest` |
# | **layer** | some of an image's files, packed |
# | **manifest** | the list of an image's pieces |
# | **digest** | a name computed from the bytes: other bytes, other name |

# %% [markdown] id="00-07" tags=["core","guess"]
# ## Guess, then run
#
# You learn most from a guess that turns out wrong. Make one before you run the next cell. Check as often as you like: a
# check changes nothing. Hints come in three steps. Your progress is one readable file, `.ecrlab/progress.json`.

# %% id="00-08" tags=["core","exercise"] minutes=1
lab.exercise("00-e1")

# %% id="00-08a" tags=["core","exercise","solution"]
lab.answer("00-e1", "a", confidence=2)

# %% [markdown] id="00-09" tags=["core","text"]
# From nothing to an image in ECR: `docker build` makes an image, and the five commands of a first push do the rest. The
# first line makes the cell safe to run twice: it removes what an earlier run left.

# %% id="00-10" tags=["core","run","volatile"] minutes=1
# %%bash
# ecrlab_course reset 00 --quiet
# aws ecr create-repository --repository-name hello --query repository.repositoryUri --output text
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# docker build -q -t hello:1 hello/
# docker tag hello:1 "$REGISTRY/hello:1"
# docker push "$REGISTRY/hello:1" | tail -1

# %% [markdown] id="00-11" tags=["core","picture"] at="pushed"
# ## What just happened
#
# The **X-ray** shows every request the cell made: who asked, for what, which permission that needed, and who decided.
# Do not read it all. Find the first row and the last row.

# %% id="00-12" tags=["core","picture","volatile"]
lab.xray()

# %% id="00-14" tags=["core","exercise"] minutes=1
lab.exercise("00-e2")

# %% id="00-15" tags=["core","exercise","solution"]
lab.answer("00-e2", "d")

# %% [markdown] id="00-16" tags=["core","text"]
# ## The same image, from the other side
#
# `docker` put it there. Now ask the API, as a script would:

# %% id="00-17" tags=["core","run","volatile"] minutes=1
for detail in ecr.describe_images(repositoryName="hello")["imageDetails"]:
    print(detail.get("imageTags", "no tag"), detail["imageDigest"], detail["imageSizeInBytes"], "bytes")

# %% id="00-18" tags=["core","exercise"]
lab.exercise("00-e3")

# %% id="00-19" tags=["core","exercise","solution","volatile"]
detail = ecr.describe_images(repositoryName="hello", imageIds=[{"imageTag": "1"}])["imageDetails"][0]
lab.answer("00-e3", digest=detail["imageDigest"])

# %% id="00-19-check" tags=["core","exercise","solution","volatile"]
lab.check("00-e3")

# %% [markdown] id="00-20" tags=["core","text"]
# ## Your turn
#
# The page is `hello/index.html`, in this lesson's folder `00-start-here`. Open it with a double click, change a word,
# and save (Ctrl+S). Then remove the `#` signs and fill in the gaps.

# %% id="00-21" tags=["core","exercise"] minutes=2
lab.exercise("00-e4")

# %% id="00-22" tags=["core","exercise","starter"]
# %%bash
# # docker build -q -t hello:2 hello/
# # docker tag hello:2 "$REGISTRY/____"
# # docker push "$REGISTRY/____" | tail -1

# %% id="00-22" tags=["core","exercise","solution","volatile"]
# %%bash
# sed 's/Hello/Good evening/' hello/index.html > changed && mv changed hello/index.html
# docker build -q -t hello:2 hello/
# docker tag hello:2 "$REGISTRY/hello:2"
# docker push "$REGISTRY/hello:2" | tail -1

# %% [markdown] id="00-24" tags=["core","text"] at="pushed"
# ## An error, read like a sentence
#
# Nobody ever pushed `hello:3`. Pull it anyway: this cell is *expected* to stop, and the page goes on.

# %% id="00-25" tags=["core","fail","volatile"] fails="pull-without-tag"
# %%bash
# docker pull "$REGISTRY/hello:3"

# %% [markdown] id="00-26" tags=["core","reading"]
# **How to read it.** Three questions to ask of any error. Keep them:
#
# | ask | here |
# |---|---|
# | **Who printed it?** | `docker`; the registry's words come last. Newer engines print only *not found* |
# | **Which question:** who am I, may I, does it exist, can I reach it? | does it exist |
# | **Which words are mine?** | the name `hello` and the tag `3` |

# %% id="00-27" tags=["core","exercise"] minutes=1
lab.exercise("00-e5")

# %% id="00-28" tags=["core","exercise","solution"]
lab.answer("00-e5", "b")

# %% [markdown] id="00-29" tags=["core","picture"]
# ## The five commands at a glance
#
# You ran them all. (`docker build` is not one of them: it makes the image, and ECR never hears about it.) Each one asks
# somebody something; the lessons take them one at a time.

# %% [markdown] id="00-30" tags=["core","picture"]
# ![Five cards in order. 1: aws ecr create-repository makes a shelf and asks the ECR API: may I, does it exist? 2: aws
# ecr get-login-password fetches a token and asks the ECR API: who am I? 3: docker login hands it to docker and asks the
# registry: is the token good? 4: docker tag gives the image its address and asks nobody: where should it go? 5: docker
# push sends the bytes and asks the registry and IAM: may I, each time?](images/commands.svg)

# %% [markdown] id="00-31" tags=["core","guess"] minutes=1
# ## Three guesses for later
#
# True or false, and how sure are you? No answers yet. The lesson that answers a guess shows you, at its end, what you
# thought today.

# %% id="00-32" tags=["core","guess"]
lab.guess("00-g1")
lab.guess("00-g2")
lab.guess("00-g3")

# %% [markdown] id="00-33" tags=["core","text"] minutes=1
# ## Put everything back
#
# This removes what the lesson made in the lab. Your files and your progress stay.

# %% id="00-34" tags=["core","run"]
lab.reset("00")

# %% [markdown] id="00-35" tags=["core","summary"]
# ## Where to go
#
# Look at the map again: it has followed you. Its button *Continue where I stopped* does what `lab.resume()` does: it
# names the place, and rebuilds the lab's state for it if that was lost.

# %% id="00-36" tags=["core","summary","volatile"]
lab.resume()

# %% [markdown] id="00-37" tags=["core","summary"]
# - **An evening at a time:** one lesson each, in the order of the map.
# - **Workshop:** the minutes in each header add up to an afternoon; skip the *more* cells first.
# - **Interview soon:** make every guess aloud, and answer each lesson's last question before you read on.
#
# | in the status line | means | explained in |
# |---|---|---|
# | account | whose registry this is: twelve digits, as on AWS | lesson 04 |
# | us-east-1 | the Region: another Region is another registry | lesson 04 |
# | you are admin | the identity that cells run as | lesson 04 |
# | engine | what builds and runs containers; without one, the lab's stand-in for `docker` answers | lesson 01 |
# | clock | the lab's time, which you will move by hours in a second | lesson 04 |

# %% [markdown] id="00-38" tags=["core","box"]
# > **On real AWS** the address begins with the account's own host name, stored images are billed by the gigabyte, and
# > nobody should push as administrator. The commands are the same.
#
# **In VS Code** choose the Python of `.venv` as the kernel. Cells, cards and drawings are plain ipywidgets and HTML.
# Only JupyterLab has map links that jump to a cell, a *Continue* that opens the page by itself, and arrow keys and
# Enter inside a card. In VS Code, open the file by hand. (We have not tested this there.)
#
# **Does your own copy of a page run?** In a terminal, in the folder of the checkout: `make validate
# NOTEBOOK=work/00-start-here.ipynb`. Every code cell is run as a test (pytest with nbval), in a lab made for the
# purpose. Yours stays as it is.
