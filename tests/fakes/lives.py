"""What must be true of the log of any factory, whatever happened to it."""

from cfsm.domain.lifecycle import State, next_state

TRIGGERS = {
    "Strategy.Validated": "validate",
    "Strategy.Backtested": "backtest",
    "Strategy.Optimized": "optimize",
    "Strategy.DryRunStarted": "start_dry_run",
    "Strategy.Retired": "retire",
}
AFTER_RETIREMENT = {"Strategy.ResultCameLate", "Strategy.TwinFound"}


def check_lives(happened):
    """Assert that every strategy had a life that the lifecycle's table allows; give how many there were."""
    streams = {}
    for each in happened:
        if each.topic.startswith("Strategy."):
            streams.setdefault(each.originator_id, []).append(each)
    for stream in streams.values():
        check_life(stream)
    return len(streams)


def check_life(stream):
    """Assert that the events of one strategy follow the table."""
    assert [each.version for each in stream] == list(range(1, len(stream) + 1))
    assert stream[0].topic == "Strategy.Generated"
    state = State.GENERATED
    for each in stream[1:]:
        if each.topic in TRIGGERS:
            state = next_state(TRIGGERS[each.topic], state)
            assert each.facts["destination"] == state
        else:
            assert state is not State.RETIRED or each.topic in AFTER_RETIREMENT
