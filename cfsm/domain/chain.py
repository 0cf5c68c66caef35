"""The hash chain over the event log: each entry's link covers its facts and the link before it."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cfsm.domain.log import LogEntry

START = b""
"""What the first entry's link is chained to."""


def link(before: bytes, entry: LogEntry) -> bytes:
    """Give the entry's link: sha256 over the link before it and the entry's fields, each with its length."""
    digest = sha256(before)
    identity = f"{entry.id}\n{entry.originator_id}\n{entry.originator_version}\n{entry.topic}\n{len(entry.state)}\n"
    digest.update(identity.encode())
    digest.update(entry.state)
    return digest.digest()


@dataclass(frozen=True)
class Break:
    """The first place where the log is not what was recorded."""

    id: int
    what: str


@dataclass(frozen=True)
class ChainReport:
    """What a verification found: how many entries hold, the head's link, and the first break if there is one."""

    events: int
    head: str
    broken: Break | None


def verify(entries: Iterable[LogEntry], links: Iterable[tuple[int, bytes]]) -> ChainReport:
    """Hold a log against its chain; both come in the order of ids, ``links`` as (id, link).

    The first difference ends it: an entry whose link does not fit was ``altered``, a link without its entry says
    that the entry was ``removed``, an entry without a link was ``inserted``.
    """
    before, count = START, 0
    kept = iter(links)
    for entry in entries:
        place, expected = next(kept, (None, b""))
        if place != entry.id:
            if place is not None and place < entry.id:
                return ChainReport(count, before.hex(), Break(place, "removed"))
            return ChainReport(count, before.hex(), Break(entry.id, "inserted"))
        before_entry, before = before, link(before, entry)
        if before != expected:
            return ChainReport(count, before_entry.hex(), Break(entry.id, "altered"))
        count += 1
    left = next(kept, None)
    return ChainReport(count, before.hex(), Break(left[0], "removed") if left else None)
