# %% [markdown] id="lab-04-01" tags=["core", "text"] minutes=2
# # Lab 04 · A pipeline without keys
