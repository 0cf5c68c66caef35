"""What an answer costs besides the model's own time: ``python -m benchmarks.generation [--rounds N]``.

The client's share (a streamed answer of 8 kB from a loopback server), and the intake's: extraction and repairs of
every answer of the tests' own set, blueprints read and rendered. Then the whole of it, as a generator does it: a prompt
composed, asked, answered, taken in, tried by an engine that runs nothing, every step recorded. The wanted bound is
150 ms for an answer. Processor time is told, which other work on the machine does not change; where a server takes
part, its own is included.
"""

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import structlog

from benchmarks.table import say, title
from cfsm.adapters.blueprint import render
from cfsm.adapters.ollama import OllamaModels
from cfsm.domain.answer import Message, Question
from cfsm.domain.blueprint import read_blueprint
from cfsm.domain.intake.code import Wanted
from cfsm.domain.intake.taking_in import take_in
from tests.fakes.answers import FAULTY, FOUND, NAME
from tests.fakes.blueprints import draw
from tests.fakes.ollama_server import OllamaServer
from tests.fakes.studio import ask_for, generator_of, reactions, studio_at, written
from tests.fakes.workplace import Workplace, work

WANTED_MS = 150
SAMPLES = 16
ANSWER = "".join(f"dataframe['x{number}'] = {number}\n" for number in range(300))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # its log is not what is measured
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    title("Generation: processor time for an answer, without the model and the cage")
    tell("client, 8 kB streamed", asyncio.run(asked(options.rounds * 10)))
    answers = [*FOUND.values(), *(answer for answer, _ in FAULTY.values())]
    tell(
        "intake, found and mended",
        [timed(take_in, answer, Wanted(NAME)) for answer in answers * options.rounds],
    )
    tell("the whole, recorded", made(options.rounds, SAMPLES))
    forms = [draw(seed) for seed in range(100 * options.rounds)]
    tell("blueprint, read and rendered", [timed(rendered, form) for form in forms])


async def asked(count: int) -> list[float]:
    server = await OllamaServer({"models": {"phi3": {"reactions": [{"say": ANSWER}]}}}).start()
    question = Question("phi3", (Message("user", "Write."),), seed=1, num_ctx=16_384, num_predict=8_000)
    milliseconds = []
    async with OllamaModels(server.url) as models:
        for _ in range(count):
            started = time.process_time()
            await models.ask(question)
            milliseconds.append((time.process_time() - started) * 1000)
    await server.stop()
    return milliseconds


def made(rounds: int, samples: int) -> list[float]:
    """Give the time of each answer of generations of so many samples."""
    milliseconds = []
    for _ in range(rounds):
        said = [written(20 + number) for number in range(samples)]
        server = OllamaServer({"models": {"phi3": reactions(*said)}})
        with tempfile.TemporaryDirectory() as folder, server.run_in_thread():
            place = Workplace(Path(folder))
            studio = studio_at(place, server.url, ["phi3"], samples=samples)
            generator = generator_of(
                place, replace(studio, name_of_code=lambda _: None)
            )  # the test's own folds the log
            ask_for(place, "sampling")
            started = time.process_time()
            work(generator)
            milliseconds += [(time.process_time() - started) * 1000 / samples] * samples
            place.close()
    return milliseconds


def rendered(form) -> str:
    return render(read_blueprint(form), NAME)


def timed(work, *arguments) -> float:
    started = time.process_time()
    work(*arguments)
    return (time.process_time() - started) * 1000


def tell(what: str, milliseconds: list[float]) -> None:
    ordered = sorted(milliseconds)
    say(f"{what}, median", statistics.median(ordered), "ms")
    say(f"{what}, p99", ordered[int(len(ordered) * 0.99)], "ms", at_most=WANTED_MS, beside=f"most {ordered[-1]:.1f} ms")


if __name__ == "__main__":
    main()
