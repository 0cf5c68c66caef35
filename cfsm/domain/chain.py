"""The hash chain over the event log: each entry's link covers its facts and the link before it."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cfsm.domain.log import LogEntry

START = bytes(sha256().digest_size)
"""What the first entry's link is chained to: as long as a link, all zeros."""

HEAD_NOTED = "Log.HeadNoted"
"""How a record of a log is called that notes the head: kept elsewhere, it tells of a log that was written anew."""


def link(before: bytes, entry: LogEntry) -> bytes:
    """Give the entry's link: sha256 over the link before it and the entry's fields.

    Numbers and hex end at a blank, the topic has its length before it and the state is the rest: no two different
    entries are the same bytes.
    """
    place, originator_id, version, topic, state = entry
    identity = f"{place} {originator_id} {version} {len(topic)} {topic} "
    return sha256(before + identity.encode() + state).digest()


@dataclass(frozen=True)
class Break:
    """The first place where the log is not what was recorded: ``altered``, ``removed`` or ``inserted``."""

    id: int
    what: str


@dataclass(frozen=True)
class ChainReport:
    """What a verification found: how many entries hold, the last one's link in hex, and the first break if any."""

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
                return _report(count, before, Break(place, "removed"))
            return _report(count, before, Break(entry.id, "inserted"))
        try:
            found = link(before, entry)
        except (TypeError, ValueError):  # its fields are not even of the kinds that were recorded
            found = b""
        if found != expected:
            return _report(count, before, Break(entry.id, "altered"))
        before = found
        count += 1
    left = next(kept, None)
    return _report(count, before, Break(left[0], "removed") if left else None)


def _report(count: int, head: bytes, broken: Break | None) -> ChainReport:
    return ChainReport(count, head.hex() if count else "", broken)
