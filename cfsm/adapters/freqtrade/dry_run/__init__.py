"""Freqtrade's bot in dry-run mode: one process per forward test, its configuration, its clock, its REST API.

``bot`` is the program inside the process; it alone imports Freqtrade, and only once it is caged.
"""
