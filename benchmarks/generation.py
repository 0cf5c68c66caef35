"""What an answer costs besides the model's own time: ``python -m benchmarks.generation [--rounds N]``.

The client's share (a streamed answer of 8 kB from a loopback server), and the intake's: extraction and repairs of
every answer of the tests' own set, blueprints read and rendered. The wanted bound is 150 ms for an answer. Processor
time is told, which other work on the machine does not change; the client's includes the loopback server's.
"""

import argparse
import asyncio
import os
import platform
import statistics
import time

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

WANTED_MS = 150
ANSWER = "".join(f"dataframe['x{number}'] = {number}\n" for number in range(300))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    title("Generation: processor time for an answer, without the model and the cage")
    tell("client, 8 kB streamed", asyncio.run(asked(options.rounds * 10)))
    answers = [*FOUND.values(), *(answer for answer, _ in FAULTY.values())]
    tell(
        "intake, found and mended",
        [timed(take_in, answer, Wanted(NAME)) for answer in answers * options.rounds],
    )
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
