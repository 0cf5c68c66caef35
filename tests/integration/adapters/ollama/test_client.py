import asyncio

import pytest

from cfsm.adapters.ollama import OllamaModels
from cfsm.application.ports import Misconfigured
from cfsm.domain.answer import Answer, Failure, Message, Question
from tests.fakes.ollama_server import OllamaServer

CODE = "class Trend(IStrategy):\n    timeframe = '5m'\n"


def question(model="cogito:8b", text="Write a strategy.", **others):
    return Question(model=model, messages=(Message("user", text),), seed=7, **others)


def talk(script, conversation):
    """Run a conversation with a server of this script; give what it returned, and the server."""

    async def whole():
        server = await OllamaServer(script).start()
        try:
            async with OllamaModels(server.url) as models:
                return await conversation(models), server
        finally:
            await server.stop()

    return asyncio.run(whole())


def ask(reaction, **others):
    script = {"models": {"cogito:8b": {"can_think": True, "reactions": [reaction]}}}
    return talk(script, lambda models: models.ask(question(**others)))


def test_an_answer_comes_whole_with_its_counts_and_the_digest_of_its_model():
    answer, server = ask({"say": CODE, "piece": 5})

    assert isinstance(answer, Answer)
    assert answer.text == CODE
    assert answer.digest == server.models["cogito:8b"].digest
    assert answer.prompt_tokens == server.seen[0].prompt_tokens
    assert answer.answer_tokens > 5
    assert answer.done_reason == "stop"
    assert answer.tokens_per_second == pytest.approx(50)


def test_context_prediction_seed_and_keep_alive_are_always_sent():
    _, server = ask({"say": CODE}, num_ctx=2048, num_predict=300, temperature=0.2, keep_alive="9m")

    sent = server.seen[0].body
    assert sent["options"] == {"num_ctx": 2048, "num_predict": 300, "temperature": 0.2, "seed": 7}
    assert sent["keep_alive"] == "9m"
    assert sent["stream"] is True


def test_a_schema_is_sent_as_format_and_turns_thinking_off():
    schema = {"type": "object", "properties": {"score": {"type": "number"}}, "required": ["score"]}

    answer, server = ask({"thinking": "hm"}, schema=schema)

    assert answer.text == '{"score": 0}'
    assert answer.thinking == ""
    assert server.seen[0].body["think"] is False
    assert server.seen[0].body["format"] == schema


def test_thinking_is_kept_apart_from_the_answer():
    answer, _ = ask({"thinking": "Which indicator?", "say": CODE})

    assert (answer.text, answer.thinking) == (CODE, "Which indicator?")


def test_progress_is_heard_while_the_answer_comes():
    heard = []
    script = {"models": {"cogito:8b": {"reactions": [{"say": "x" * 50, "piece": 10}]}}}

    talk(script, lambda models: models.ask(question(limit_seconds=60), heard.append))

    assert [each.characters for each in heard] == [10, 20, 30, 40, 50, 50]
    assert all(0 < each.seconds_left <= 60 for each in heard)


def test_a_prompt_that_cannot_fit_is_refused_before_anything_is_sent():
    with pytest.raises(Misconfigured, match="shorten the prompt or raise num_ctx"):
        ask({"say": CODE}, text="word " * 4000)


def test_a_prompt_that_took_more_than_its_budget_is_a_failed_answer():
    # ten thousand one-letter words are estimated low, but the server counts each of them
    failed, server = ask({"say": CODE}, text="a " * 2300, num_ctx=3500, num_predict=1600)

    assert server.seen[0].prompt_tokens > 1900
    assert failed.reason is Failure.PROMPT_CUT


def test_models_are_listed_with_what_the_server_knows_of_them():
    script = {
        "models": {
            "cogito:8b": {"size": 5_000_000_000, "can_think": True, "reactions": [{"say": "yes"}]},
            "phi3": {"size": 2_000_000_000, "context_length": 4096},
        }
    }

    async def conversation(models):
        await models.ask(question(keep_alive="5m"))
        return await models.models(wanted=["phi3", "mistral"])

    listed, _ = talk(script, conversation)

    cogito, phi3, mistral = listed
    assert (cogito.name, cogito.size_bytes, cogito.can_think) == ("cogito:8b", 5_000_000_000, True)
    assert cogito.loaded_bytes > cogito.size_bytes
    assert cogito.cache_bytes_per_token == 2 * 2 * 32 * 8 * 128
    assert (phi3.name, phi3.context_tokens, phi3.loaded_bytes) == ("phi3:latest", 4096, 0)
    assert (mistral.name, mistral.available) == ("mistral", False)


def test_speed_is_measured_from_a_short_answer_even_if_it_is_cut():
    script = {"models": {"phi3": {"reactions": [{"say": "An average is a mean. " * 50}]}}}

    speed, server = talk(script, lambda models: models.measure("phi3"))

    assert speed.answer_tokens_per_second == pytest.approx(50)
    assert speed.digest == server.models["phi3:latest"].digest
    assert server.seen[0].body["options"]["num_predict"] == 64


def test_a_model_can_be_unloaded():
    script = {"models": {"phi3": {"reactions": [{"say": "yes"}]}}}

    async def conversation(models):
        await models.ask(question("phi3"))
        before = (await models.models())[0].loaded_bytes
        await models.unload("phi3")
        return before, (await models.models())[0].loaded_bytes

    (before, after), _ = talk(script, conversation)

    assert before > 0
    assert after == 0


def test_several_models_answer_at_the_same_time():
    script = {"models": {name: {"reactions": [{"say": name, "wait": 0.2}]} for name in ("a:1", "b:1", "c:1")}}

    async def conversation(models):
        asked = (models.ask(question(name)) for name in ("a:1", "b:1", "c:1"))
        return await asyncio.gather(*asked)

    answers, _ = talk(script, conversation)

    assert [answer.text for answer in answers] == ["a:1", "b:1", "c:1"]


def test_a_character_that_comes_in_two_halves_is_put_together_and_half_a_one_does_no_harm():
    answer, _ = ask({"say": "x \U0001f91d \ud83e y", "piece": 1})

    assert answer.text == "x \U0001f91d \ufffd y"
    answer.text.encode()


def test_a_server_is_reached_through_a_unix_socket(tmp_path):
    async def whole():
        server = await OllamaServer({"models": {"phi3": {"reactions": [{"say": CODE}]}}}).start_at(
            tmp_path / "ollama.sock"
        )
        try:
            async with OllamaModels(uds=str(tmp_path / "ollama.sock")) as models:
                return await models.ask(question("phi3"))
        finally:
            await server.stop()

    assert asyncio.run(whole()).text == CODE
