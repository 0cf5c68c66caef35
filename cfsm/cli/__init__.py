"""What prints: one file per noun. Data goes to stdout, talk to stderr.

Each command asks one question and prints the answer. Commands are loaded when they are called, so that
``cfsm --help`` and every question about the past stay fast; nothing here imports Freqtrade.
"""
