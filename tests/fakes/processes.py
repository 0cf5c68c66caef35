"""Processes that are only counted."""


class FakeProcesses:
    """Does at once what it is asked (``Processes``), and keeps it."""

    def __init__(self, **counts):
        self.counts = counts
        self.asked = []
        self.restarted = []

    def name_of(self, role, instance):
        return role if instance == 1 else f"{role}-{instance}"

    def count(self, role):
        return self.counts.get(role)

    def run(self, role, count):
        self.asked.append((role, count))
        self.counts[role] = count

    def restart(self, name):
        self.restarted.append(name)
