"""Errors named by the reaction that is wanted. They need nothing else, so that settings and commands load fast."""


class TryAgain(Exception):
    """The world failed for the moment: the same again, later, may succeed."""


class Misconfigured(Exception):
    """A person has to change something first; the message says what."""


class Cancelled(Exception):
    """The work was called off: the lease was lost, or the worker is stopping."""
