import asyncio
import socket

import pytest

from cfsm.adapters.ollama import OllamaModels
from cfsm.application.ports import Misconfigured, TryAgain
from cfsm.domain.answer import FailedAnswer, Failure, Message, Question
from tests.fakes.ollama_server import BUSY, OllamaServer

SAID = "from freqtrade.strategy import IStrategy\n"


def question(model="phi3", **others):
    return Question(model=model, messages=(Message("user", "Write a strategy."),), seed=7, **others)


def ask(reaction, server_options=None, **others):
    async def whole():
        server = await OllamaServer({"models": {"phi3": {"reactions": [reaction]}}, **(server_options or {})}).start()
        async with OllamaModels(server.url) as models:
            try:
                return await models.ask(question(**others)), server
            finally:
                await asyncio.sleep(0.05)  # lets the server notice who went away
                await server.stop()

    return asyncio.run(whole())


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def ask_at(url, model="phi3"):
    async def whole():
        async with OllamaModels(url) as models:
            return await models.ask(question(model))

    return asyncio.run(whole())


@pytest.mark.parametrize(
    ("reaction", "reason"),
    [
        ({"say": SAID, "end": "silent"}, Failure.NO_END),
        ({"say": SAID, "end": "drop"}, Failure.NO_END),
        ({"say": SAID, "end": "length"}, Failure.CUT_OFF),
        ({"say": SAID, "end": "garbage"}, Failure.GARBAGE),
        ({"say": SAID, "end": "error"}, Failure.SERVER_ERROR),
    ],
)
def test_an_answer_that_does_not_end_well_has_failed_and_keeps_what_came(reaction, reason):
    failed, _ = ask(reaction)

    assert isinstance(failed, FailedAnswer)
    assert failed.reason is reason
    assert failed.text == SAID
    assert failed.detail


@pytest.mark.parametrize("text", ["", " \n\n "])
def test_an_empty_answer_has_failed(text):
    failed, _ = ask({"say": text})

    assert failed.reason is Failure.EMPTY


def test_an_answer_longer_than_predicted_is_cut_and_has_failed():
    failed, _ = ask({"say": " ".join(f"w{i}" for i in range(500))}, num_predict=100)

    assert failed.reason is Failure.CUT_OFF
    assert failed.answer_tokens == 100


def test_a_model_that_repeats_itself_is_stopped_and_the_server_is_freed():
    failed, server = ask(
        {"say": "    self.threshold = 0.05\n", "repeat": 3000, "pause": 0.0005}, num_predict=4000, num_ctx=8192
    )

    assert failed.reason is Failure.LOOP
    assert len(failed.text) < 4000
    assert server.seen[0].ended == "cancelled"


def test_a_slow_trickle_ends_at_the_wall_clock_and_the_server_is_freed():
    failed, server = ask({"say": SAID * 40, "piece": 1, "pause": 0.02}, limit_seconds=0.3)

    assert failed.reason is Failure.TIMED_OUT
    assert 0 < len(failed.text) < len(SAID * 40)
    assert server.seen[0].ended == "cancelled"


def test_silence_in_mid_answer_ends_at_the_idle_limit():
    failed, server = ask({"say": SAID, "end": "hang"}, idle_seconds=0.2)

    assert failed.reason is Failure.STALLED
    assert failed.text == SAID
    assert server.seen[0].ended == "cancelled"


def test_silence_before_the_first_token_has_its_own_limit():
    failed, _ = ask({"say": SAID, "wait": 30}, first_token_seconds=0.2, idle_seconds=60)

    assert failed.reason is Failure.STALLED
    assert failed.text == ""


def test_ten_megabytes_are_not_read_to_their_end():
    lines = "".join(f"x{i} = {i}\n" for i in range(5000))

    failed, server = ask({"say": lines, "megabytes": 10, "unbounded": True})

    assert failed.reason is Failure.TOO_LONG
    assert len(failed.text) < 30_000
    assert server.seen[0].ended == "cancelled"


def test_a_line_without_end_is_not_kept_in_memory_for_ever():
    from cfsm.adapters.ollama import client

    async def flood(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/api/tags" in head:
            body = b'{"models": [{"model": "phi3:latest"}]}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        else:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                while True:
                    writer.write(b"x" * 1_000_000)
                    await writer.drain()
            except ConnectionError:
                pass
        writer.close()

    async def whole():
        server = await asyncio.start_server(flood, "127.0.0.1", 0)
        async with OllamaModels(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as models:
            failed = await models.ask(question())
        server.close()
        return failed

    failed = asyncio.run(whole())

    assert failed.reason is Failure.TOO_LONG
    assert client.MAX_RESPONSE_BYTES < 100_000_000


def test_cancelling_the_task_frees_the_server():
    async def whole():
        server = await OllamaServer({"models": {"phi3": {"reactions": [{"say": SAID, "end": "hang"}]}}}).start()
        async with OllamaModels(server.url) as models:
            heard = asyncio.Event()
            asked = asyncio.ensure_future(models.ask(question(), lambda _: heard.set()))
            await heard.wait()
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
        await asyncio.sleep(0.1)
        await server.stop()
        return server

    assert asyncio.run(whole()).seen[0].ended == "cancelled"


@pytest.mark.parametrize(
    ("status", "error", "wanted"),
    [
        (503, BUSY, TryAgain),
        (500, "model requires more system memory (5.6 GiB) than is available (3.2 GiB)", TryAgain),
        (500, "llama runner process has terminated: exit status 2", TryAgain),
        (429, "slow down", TryAgain),
        (400, '"phi3" does not support generate', Misconfigured),
        (401, "unauthorized", Misconfigured),
    ],
)
def test_refusals_are_named_by_the_reaction_they_want(status, error, wanted):
    with pytest.raises(wanted, match=error[:12].replace("(", r"\(")):
        ask({"status": status, "error": error})


def test_out_of_memory_says_what_to_do():
    with pytest.raises(TryAgain, match="choose a smaller model"):
        ask({"status": 500, "error": "model requires more system memory (5.6 GiB) than is available (3.2 GiB)"})


def test_a_full_queue_asks_to_try_again():
    with pytest.raises(TryAgain, match="busy"):
        ask({"say": SAID}, {"queue": 0})


def test_an_absent_model_is_a_matter_of_configuration_and_names_those_present():
    with pytest.raises(Misconfigured, match=r"ollama pull llama9.*it has phi3:latest"):
        ask({"say": SAID}, model="llama9")


def test_an_empty_model_name_is_a_matter_of_configuration():
    with pytest.raises(Misconfigured, match="No model is named"):
        ask({"say": SAID}, model=" ")


def test_an_absent_server_asks_to_try_again_and_says_how():
    with pytest.raises(TryAgain, match="ollama serve"):
        ask_at(f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("body", [b"<html>It works!</html>", b"[]", b'{"models": 3}', b""])
def test_another_server_on_the_port_is_a_matter_of_configuration(body):
    async def whole():
        async def other(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(other, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with OllamaModels(url) as models:
            try:
                await models.ask(question())
            finally:
                server.close()

    with pytest.raises(Misconfigured, match="does not speak Ollama's protocol"):
        asyncio.run(whole())


def test_a_server_that_hangs_up_at_once_asks_to_try_again():
    async def whole():
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with OllamaModels(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as models:
            try:
                await models.ask(question())
            finally:
                server.close()

    with pytest.raises(TryAgain):
        asyncio.run(whole())


def test_an_address_that_is_none_is_a_matter_of_configuration():
    with pytest.raises(Misconfigured, match="not an address"):
        OllamaModels("http://[::1")
