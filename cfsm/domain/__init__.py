"""What CFSM decides: aggregates, the lifecycle's table and pure functions.

No I/O, no clock, no randomness: time and ids arrive inside commands.
"""
