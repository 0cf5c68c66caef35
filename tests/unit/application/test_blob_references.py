"""Which blobs an event refers to."""

import orjson
import pytest

from cfsm.application.blob_references import blobs_of
from cfsm.domain.log import LogEntry


def references(**facts):
    return list(blobs_of(LogEntry(1, "a" * 32, 1, "Strategy.Generated", orjson.dumps(facts))))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"code_hash": "c"}, ["c"]),
        ({"code_hash": "c", "normalised_hash": "n"}, ["c"]),
        ({"parameters_hash": "p"}, ["p"]),
        ({"parameters_hash": ""}, []),
        ({"blobs": {"trades": "t", "equity_curve": "e"}}, ["t", "e"]),
        ({"blobs": {"trades": ""}}, []),
        ({"facts": {"blobs": {"prompt": "q"}}}, ["q"]),
        ({"identity": {"code_hash": "c", "parameters_hash": "p"}}, []),
        ({"result_hash": "r"}, []),
        ({"blobs": None, "facts": "none"}, []),
    ],
)
def test_an_event_refers_to_these_and_no_others(facts, expected):
    assert references(**facts) == expected
