import json

import pytest

from cfsm.domain.intake.envelopes import Kept, kept_answers
from tests.fakes.answers import GOOD, fenced

ANSWER = fenced(GOOD)
HALVES = (ANSWER[:300], ANSWER[300:])


def lines(*objects, before=""):
    return "".join(f"{before}{json.dumps(each)}\n" for each in objects)


REPLIES = {
    "ollama generate": {"model": "phi3", "response": ANSWER, "done": True},
    "ollama chat": {"model": "phi3", "message": {"role": "assistant", "content": ANSWER}, "done": True},
    "openai": {"model": "x", "choices": [{"message": {"role": "assistant", "content": ANSWER}}]},
    "llama.cpp": {"choices": [{"text": ANSWER}]},
    "anthropic": {"type": "message", "content": [{"type": "text", "text": ANSWER}]},
    "a conversation": [{"role": "user", "content": "Write."}, {"role": "assistant", "content": ANSWER}],
    "a kept conversation": {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": ANSWER}]},
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_servers_reply_gives_its_answer(reply):
    (kept,) = kept_answers(json.dumps(reply, indent=2))

    assert (kept.answer, kept.is_cut, kept.line) == (ANSWER, False, 0)


STREAMS = {
    "ollama generate": lines(
        *({"model": "phi3", "response": half, "done": False} for half in HALVES),
        {"model": "phi3", "response": "", "done": True, "done_reason": "stop"},
    ),
    "ollama chat": lines(
        *({"model": "phi3", "message": {"content": half}, "done": False} for half in HALVES),
        {"model": "phi3", "message": {"content": ""}, "done": True, "done_reason": "stop"},
    ),
    "openai": lines(
        *({"choices": [{"delta": {"content": half}}]} for half in HALVES),
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        before="data: ",
    )
    + "\ndata: [DONE]\n",
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_the_pieces_of_a_stream_are_one_answer(stream):
    assert kept_answers(stream) == (Kept(ANSWER, how="stream"),)


def test_a_stream_without_its_end_is_known_to_be_cut():
    pieces = lines(*({"model": "phi3", "response": half, "done": False} for half in HALVES))

    assert kept_answers(pieces) == (Kept(ANSWER, is_cut=True, how="stream"),)


def test_a_reply_that_ran_out_of_tokens_is_known_to_be_cut():
    assert kept_answers(json.dumps({"model": "a", "response": "x", "done_reason": "length"}))[0].is_cut


def test_a_set_gives_each_answer_with_its_line_and_its_name():
    text = lines({"completion": "one", "class_name": "A"}, {"id": 7}, {"model": "phi3", "response": "three"})

    assert kept_answers(text) == (Kept("one", "A", line=1, how="set"), Kept("three", line=3, how="set"))


@pytest.mark.parametrize(
    "text", [ANSWER, GOOD, "", "{", '{"code": "x"}', '{"enter_long": "rsi < 30"}', "[1, 2]\n[3]", '{"a": 1}\nHello\n']
)
def test_anything_else_is_an_answer_itself(text):
    assert kept_answers(text) == (Kept(text),)
