"""Errors named by the reaction that is wanted. They need nothing else, so that settings and commands load fast."""


class TryAgain(Exception):
    """The world failed for the moment: the same again, later, may succeed."""


class Misconfigured(Exception):
    """A person has to change something first; the message says what."""


class Conflict(Exception):
    """Another process was faster on the same thing: it is decided again."""


class Cancelled(Exception):
    """The work was called off: the lease was lost, or the worker is stopping."""
