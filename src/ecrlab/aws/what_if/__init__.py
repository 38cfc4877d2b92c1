"""Questions about what has not been done: would this be allowed, would this policy be saved?"""
