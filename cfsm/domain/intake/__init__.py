"""The intake's text part: a raw answer becomes the source of one strategy, or findings that say why not.

Extraction finds the code in an answer, repairs mend what mechanics can mend, opinions reads the answers that
are not code (ideas, judgements, analyses). Pure text: nothing here runs, imports or trusts what it reads.
"""
