"""What locks a forked child in, before untrusted code runs in it: rlimits, Landlock, seccomp.

Nothing about Freqtrade lives here, and nothing here imports what it guards against.
"""
