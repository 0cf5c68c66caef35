"""An attempt at a generation: the watchdog is fed while models answer, and whoever stops the worker stops them all."""

import threading
import time
from dataclasses import replace

from tests.fakes.engine import FakeEngine
from tests.fakes.ollama_server import OllamaServer
from tests.fakes.studio import ask_for, asked, generator_of, reactions, studio_at, written
from tests.fakes.workplace import work


class Slow(FakeEngine):
    """An engine whose runs go on until they are called off; it reports all the while, as engines do."""

    def __init__(self):
        super().__init__()
        self.is_running = threading.Event()

    def validate(self, job, report):
        self._begin(job, report)
        self.is_running.set()
        while True:
            time.sleep(0.01)
            report("loading_data", 10.0, "")


def stop_when(place, holds):
    """Stop the place's workers as soon as something holds."""

    def watch():
        while not holds():
            time.sleep(0.01)
        place.is_stopping = True

    threading.Thread(target=watch, daemon=True).start()


def test_a_worker_that_is_stopped_in_mid_answer_frees_the_server_and_puts_the_task_back(place):
    server = OllamaServer({"models": {"phi3:mini": reactions({"say": written(20), "pause": 0.2})}})
    with server.run_in_thread():
        ask_for(place, "single")
        stop_when(place, lambda: asked(server) and asked(server)[0].sent_characters > 0)
        generator_of(place, studio_at(place, server.url, ["phi3:mini"])).step()

        deadline = time.monotonic() + 10
        while asked(server)[0].ended != "cancelled":
            assert time.monotonic() < deadline
            time.sleep(0.01)

    (task,) = place.due("generate")
    assert (task["claimed"], task["tries"]) == (False, 0)
    assert place.topics()[-1] == "Generation.Asked"


def test_a_worker_that_is_stopped_in_mid_run_calls_the_run_off(place):
    engine = Slow()
    server = OllamaServer({"models": {"phi3:mini": reactions(written(20))}})
    with server.run_in_thread():
        ask_for(place, "single")
        stop_when(place, engine.is_running.is_set)
        generator_of(place, studio_at(place, server.url, ["phi3:mini"], engine=engine)).step()

    assert place.topics()[-1] == "Generation.Proposed"
    assert place.due("generate")[0]["claimed"] is False


def test_how_far_answers_are_is_shown_while_they_come(place):
    reaction = {"say": written(20), "pause": 0.05}
    server = OllamaServer({"models": {"cogito:8b": reactions(reaction), "phi3:mini": reactions(reaction)}})
    with server.run_in_thread():
        ask_for(place, "contest")
        work(generator_of(place, studio_at(place, server.url, ["cogito:8b", "phi3:mini"])))

    told = [said for said in place.notifier.statuses if "tokens" in said]
    assert told
    assert told[0].startswith("🤝 contest: ")
    assert "cogito:8b/0" in told[0]
    assert "s left" in told[0]
    assert "WATCHDOG" in place.notifier.said


def test_a_run_waits_for_a_forge_that_is_not_ready_yet(place):
    looks = iter([False, False])
    server = OllamaServer({"models": {"phi3:mini": reactions(written(20))}})
    with server.run_in_thread():
        ask_for(place, "single")
        studio = studio_at(place, server.url, ["phi3:mini"])
        work(generator_of(place, replace(studio, is_engine_ready=lambda: next(looks, True))))

    assert place.topics()[-1] == "Generation.Concluded"


def test_a_forge_that_fails_is_tried_again_and_no_model_is_asked_again(place):
    engine = FakeEngine(datasets=())
    server = OllamaServer({"models": {"phi3:mini": reactions(written(20, "# world: down"))}})
    with server.run_in_thread():
        ask_for(place, "single")
        studio = studio_at(place, server.url, ["phi3:mini"], engine=engine)
        work(generator_of(place, studio))
        place.pass_leases()
        work(generator_of(place, studio))

    assert len(asked(server)) == 1
    assert [each.facts["answers_kept"] for each in place.happened("Generation.Resumed")] == [1]
    assert len(engine.jobs) == 2
