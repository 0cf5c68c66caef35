"""The screen of ``cfsm top``: ``app`` looks and lays out, ``panels`` says what each part shows.

Textual is imported here alone, so that no other command waits for it.
"""
