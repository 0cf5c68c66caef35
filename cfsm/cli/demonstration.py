"""A home of its own for watching models that are none: a scripted server stands in for Ollama."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import orjson

from cfsm.bootstrap import House
from cfsm.cli.generate import request
from cfsm.cli.models import DEMONSTRATION
from cfsm.cli.output import talk
from cfsm.domain.conversation import Mode

FOLDER = "demonstration"
MODES = (Mode.CONTEST, Mode.VOTING, Mode.CONSENSUS)
LABEL = "DEMONSTRATION: no language model is at work. What the models say is written in a file that comes with CFSM."


@contextmanager
def demonstration(house: House) -> Iterator[House]:
    """Give a house in a folder of this home, whose models a server in this process plays while the block lasts.

    It has its own events, so that nothing canned gets among those of the factory; the candles are the same.
    """
    from cfsm.adapters.ollama.scripted import OllamaServer

    path = house.path / FOLDER
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = path / house.data_folder.name
    if not data.exists():
        data.symlink_to(house.data_folder)
    with OllamaServer.from_file(DEMONSTRATION).run_in_thread() as server:
        talk(LABEL)
        talk(f"Scripted models on {server.url}: {', '.join(server.models)}.")
        own = {
            "CFSM_OLLAMA__HOST": server.url,
            "CFSM_GENERATION__MODELS": orjson.dumps(list(server.models)).decode(),
            "CFSM_GENERATION__INTERVAL_SECONDS": "0",
            **{f"CFSM_MODEL_SELECTION__{task}": "[]" for task in ("GENERATION", "VALIDATION", "OPTIMIZATION")},
            "CFSM_STORE__ENGINE": "sqlite",
        }
        environ = {name: value for name, value in house.environ.items() if name != "CFSM_RUNTIME_DIR"}
        yield House.at(path, file=_file_of(house), profile=house.profile, environ={**environ, **own})


def _file_of(house: House) -> Path | None:
    """Give the configuration file of a house, which counts for its demonstration too."""
    from cfsm.settings.loading import FILE_NAME

    usual = house.path / FILE_NAME
    return house.file or (usual if usual.is_file() else None)


def ask_together(house: House, count: int, seed: int | None) -> list[str]:
    """Ask for so many strategies, in each mode of several models in turn; give the ids of the generations."""
    types = house.settings.generation.strategy_types
    wanted = islice(zip(cycle(MODES), cycle(types), strict=False), count)
    return [
        key
        for number, (mode, strategy_type) in enumerate(wanted)
        for key in request(house, [strategy_type], 1, None if seed is None else seed + number, mode=mode.value)
    ]
