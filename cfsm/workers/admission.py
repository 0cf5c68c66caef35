"""May a worker take on a task while the machine is loaded as it is?"""

from collections.abc import Callable

from cfsm.domain.admission import AdmissionRules, Load, Refused, admit


class Admission:
    """Gives the reason why no new task may start now, or nothing.

    ``is_anyone_at_work`` says whether any worker on this machine holds a task that is worth waiting for. A machine
    that is merely busy keeps nobody from doing one thing at a time, as with ``make -l``: what keeps it busy may never
    end.
    """

    def __init__(self, load: Callable[[], Load], rules: AdmissionRules, is_anyone_at_work: Callable[[], bool]) -> None:
        self._load = load
        self._rules = rules
        self._is_anyone_at_work = is_anyone_at_work

    def refusal(self) -> str:
        """Give the reason in words with the figure and the rule; empty where work may start."""
        answer = admit(self._load(), self._rules)
        if not isinstance(answer, Refused):
            return ""
        if answer.code.is_only_busy and not self._is_anyone_at_work():
            return ""
        return answer.reason
