"""The hash chain: a link covers every field, and no two entries are the same bytes."""

from hypothesis import given
from hypothesis import strategies as any_

from cfsm.domain.chain import START, Break, link, verify
from cfsm.domain.log import LogEntry

ENTRY = LogEntry(7, "a" * 32, 3, "Strategy.Generated", b'{"name":"x"}')


def chained(count):
    entries, links, before = [], [], START
    for place in range(1, count + 1):
        entry = LogEntry(place, f"{place:032x}", 1, "Strategy.Generated", b"{}")
        before = link(before, entry)
        entries.append(entry)
        links.append((place, before))
    return entries, links


def test_every_field_is_in_the_link():
    others = [
        ENTRY._replace(id=8),
        ENTRY._replace(originator_id="b" * 32),
        ENTRY._replace(originator_version=4),
        ENTRY._replace(topic="Strategy.Retired"),
        ENTRY._replace(state=b"{}"),
    ]

    links = {link(START, each) for each in [ENTRY, *others]} | {link(link(START, ENTRY), ENTRY)}

    assert len(links) == 7


def test_a_field_does_not_run_into_the_next():
    assert link(START, ENTRY._replace(topic="a b", state=b"c")) != link(START, ENTRY._replace(topic="a", state=b"b c"))
    assert link(START, ENTRY._replace(id=71, originator_id="a")) != link(
        START, ENTRY._replace(id=7, originator_id="1a")
    )


@given(
    any_.tuples(any_.text(max_size=6), any_.binary(max_size=6)),
    any_.tuples(any_.text(max_size=6), any_.binary(max_size=6)),
)
def test_no_two_entries_have_one_link(one, other):
    entries = [ENTRY._replace(topic=topic, state=state) for topic, state in (one, other)]

    assert (link(START, entries[0]) == link(START, entries[1])) == (one == other)


def test_a_link_never_changes():
    assert link(START, ENTRY).hex() == "541b78f4dac9e7fb17c04d4508ea5c400025a066f14a68c9cd30ca3da215156c"


def test_a_log_holds_against_its_own_chain():
    entries, links = chained(5)

    report = verify(entries, links)

    assert (report.events, report.head, report.broken) == (5, links[-1][1].hex(), None)


def test_nothing_holds_against_nothing():
    report = verify([], [])

    assert (report.events, report.head, report.broken) == (0, "", None)


def test_fields_of_the_wrong_kind_are_an_alteration():
    entries, links = chained(3)

    for wrong in (entries[1]._replace(state="text"), entries[1]._replace(topic=7), entries[1]._replace(topic="\ud800")):
        assert verify([entries[0], wrong, entries[2]], links).broken == Break(2, "altered")


def test_what_follows_a_break_is_not_judged():
    entries, links = chained(5)

    report = verify([entries[0], *entries[2:]], links)

    assert report.broken == Break(2, "removed")
    assert (report.events, report.head) == (1, links[0][1].hex())
