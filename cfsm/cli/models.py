"""``cfsm models``: which channels, models and prompts work; which models the server has, and how fast they are."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import rich_click as click

import cfsm
from cfsm.application.ports import Misconfigured, TryAgain
from cfsm.bootstrap import House
from cfsm.cli.output import (
    EXIT_FAILED,
    EXIT_TRY_AGAIN,
    as_json,
    figure,
    print_json,
    print_table,
    say,
    show_progress,
    talk,
)
from cfsm.domain.answer import ModelFacts, Speed
from cfsm.domain.proportion import Proportion
from cfsm.domain.success import By

if TYPE_CHECKING:
    from cfsm.adapters.ollama import OllamaModels

GIGABYTE = 1e9
DEMONSTRATION = Path(cfsm.__file__).parent / "adapters" / "ollama" / "scripted" / "demonstration.yaml"
"""The script of models that are none."""


@click.group(invoke_without_command=True)
@click.option(
    "--by",
    type=click.Choice([each.value for each in By]),
    multiple=True,
    help="By what to tell apart; several times. [default: channel, model, prompt]",
)
@as_json
@click.pass_context
def models(ctx: click.Context, by: tuple[str, ...], as_json: bool) -> None:
    """Show which channels, models and prompts work: how often proposals were valid, traded, proved good.

    Shares have intervals of 95 % (Wilson): where they overlap, more generations have to tell. What a predefined family
    wrote is never counted for a model.

    \b
    Examples:
      cfsm models --by model
      cfsm models --by mode --by channel --json
      cfsm models list
    """
    if ctx.invoked_subcommand is None:
        _show_success(ctx.obj, [By(each) for each in by] or [By.CHANNEL, By.MODEL, By.PROMPT], as_json=as_json)


def _show_success(house: House, by: Sequence[By], *, as_json: bool) -> None:
    from cfsm.domain.success import success
    from cfsm.projections.leaderboard import LeaderboardView
    from cfsm.projections.models import ModelsView

    contenders = house.view(LeaderboardView).top(None, house.proof_rules, include_retired=True)
    proven = {contender.id for contender in contenders if contender.standing.is_proven}
    found = success(house.view(ModelsView).proposals(), by, proven)
    if as_json:
        print_json([each.as_mapping() for each in found])
        return
    if not found:
        talk("No model was asked for a strategy yet. `cfsm generate --mode single` asks one.")
        return
    headers = (*(each.value for each in by), "asked", *_SHARES.values(), "repairs", "tokens", "seconds")
    rows = [
        (
            *each.group.values(),
            each.asked,
            *(_share(getattr(each, name)) for name in _SHARES),
            figure(each.repairs, 1),
            figure(each.tokens, 0),
            figure(each.seconds, 0),
        )
        for each in found
    ]
    print_table(rows, headers, headers[len(by) :])
    say("Shares in percent with intervals of 95 %; proven of the strategies that were made, the others of those asked.")


_SHARES: Mapping[str, str] = {
    "answered": "answered",
    "valid_at_once": "valid at once",
    "valid": "valid",
    "traded": "traded",
    "proven": "proven",
}


def _share(proportion: Proportion) -> str:
    if proportion.share is None or proportion.low is None or proportion.high is None:
        return "-"
    return f"{proportion.share * 100:.0f} ({proportion.low * 100:.0f}-{proportion.high * 100:.0f})"


@models.command("list")
@as_json
@click.pass_obj
def list_(house: House, as_json: bool) -> int:
    """List the server's models and those that are configured: size, digest, context, what is in memory, speed.

    The speed is that of all answers that were recorded here. The exit code is 1 if a configured model is missing, 75 if
    the server does not answer.
    """
    from cfsm.projections.models import ModelsView

    facts = asyncio.run(_facts(house))
    speeds = {each.digest: each.answer_tokens_per_second for each in house.view(ModelsView).speeds()}
    configured = set(_configured(house))
    if as_json:
        print_json(
            [
                asdict(each)
                | {
                    "configured": _is_among(each, configured),
                    "recorded_tokens_per_second": speeds.get(each.digest) if each.digest else None,
                }
                for each in facts
            ]
        )
    elif not facts:
        talk(f"Ollama at {house.settings.ollama.host} has no models: `ollama pull phi3:mini` fetches a small one.")
    else:
        headers = ("model", "state", "size GB", "parameters", "context", "digest", "tokens/s")
        rows = [_row(each, speeds, configured) for each in facts]
        print_table(rows, headers, ("size GB", "context", "tokens/s"))
    missing = [each.name for each in facts if not each.available]
    for name in missing:
        talk(f"{name} is configured and not there: `ollama pull {name}` fetches it.")
    return EXIT_FAILED if missing else 0


def _row(fact: ModelFacts, speeds: Mapping[str, float | None], configured: set[str]) -> tuple[object, ...]:
    where = f"in memory, {fact.loaded_bytes / GIGABYTE:.1f} GB" if fact.loaded_bytes else "available"
    state = where if fact.available else "missing"
    return (
        fact.name,
        f"{state}, configured" if _is_among(fact, configured) and fact.available else state,
        figure(fact.size_bytes / GIGABYTE, 1) if fact.available else None,
        " ".join(filter(None, (fact.parameter_size, fact.quantization))),
        fact.context_tokens or None,
        fact.digest.removeprefix("sha256:")[:12],
        figure(speeds.get(fact.digest) if fact.digest else None, 1),
    )


def _is_among(fact: ModelFacts, configured: set[str]) -> bool:
    return bool({fact.name, fact.name.removesuffix(":latest")} & configured)


@models.command()
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=1, max=86_400),
    default=300,
    show_default=True,
    help="Seconds that one model may take.",
)
@as_json
@click.pass_obj
def test(house: House, names: tuple[str, ...], timeout_seconds: float, as_json: bool) -> int:
    """Ask each model a short question and measure it: loading, the first token, tokens a second.

    Without names the configured models are tested, or all of the server's where none is configured. The exit code is 0
    if all answered, 1 if one is missing or silent, 75 if the server does not answer.

    \b
    Examples:
      cfsm models test
      cfsm models test phi3:mini cogito:8b --json
    """
    tested = asyncio.run(_measured(house, names, timeout_seconds))
    if as_json:
        print_json([{"model": name, **_told(result)} for name, result in tested.items()])
    else:
        headers = ("model", "answers", "load s", "first token s", "prompt tokens/s", "tokens/s", "digest")
        rows = [_tested(name, result) for name, result in tested.items()]
        if rows:
            print_table(rows, headers, headers[2:6])
        for result in tested.values():
            if isinstance(result, Exception):
                talk(str(result))
    if not tested:
        talk(f"Ollama at {house.settings.ollama.host} has no models: `ollama pull phi3:mini` fetches a small one.")
    if any(isinstance(result, TryAgain) for result in tested.values()):
        return EXIT_TRY_AGAIN if len(tested) == 1 else EXIT_FAILED
    return EXIT_FAILED if any(isinstance(result, Exception) for result in tested.values()) or not tested else 0


@models.command()
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--port", type=click.IntRange(0, 65_535), default=11_434, show_default=True, help="0: any free one.")
def serve(script: Path | None, port: int) -> None:
    """Serve scripted models on loopback, as an Ollama server would, until Ctrl+C: to try the factory without Ollama.

    No model is behind it: what its models say stands in the script, by default in that of `cfsm demo --models`. The
    address is printed; docs/how-to/models.md says how a script is written.

    \b
    Examples:
      cfsm models serve
      cfsm models serve mine.yaml --port 0
    """
    from cfsm.adapters.ollama.scripted import OllamaServer

    try:
        server = OllamaServer.from_file(script or DEMONSTRATION)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="SCRIPT") from error
    try:
        running = server.run_in_thread(port)
        with running:
            click.echo(server.url)
            talk(f"Scripted models, which answer what is written: {', '.join(server.models)}. Ctrl+C ends it.")
            Event().wait()
    except OSError as error:
        raise click.ClickException(f"port {port} of loopback cannot be served: {error.strerror}") from error


def _told(result: Speed | Exception) -> Mapping[str, Any]:
    if isinstance(result, Exception):
        return {"answers": False, "why": str(result)}
    return {"answers": True, **{name: value for name, value in asdict(result).items() if name != "model"}}


def _tested(name: str, result: Speed | Exception) -> tuple[object, ...]:
    if isinstance(result, Exception):
        return (name, "no", None, None, None, None, "")
    return (
        name,
        "yes",
        figure(result.load_seconds, 1),
        figure(result.first_token_seconds, 1),
        figure(result.prompt_tokens_per_second, 0),
        figure(result.answer_tokens_per_second, 1),
        result.digest.removeprefix("sha256:")[:12],
    )


def _configured(house: House) -> Sequence[str]:
    """Give every model that the settings name, once."""
    chosen = house.settings.model_selection
    named = (house.settings.generation.models, chosen.generation, chosen.validation, chosen.optimization)
    return list(dict.fromkeys(name for names in named for name in names))


def _server(house: House) -> "OllamaModels":
    from cfsm.adapters.ollama import OllamaModels

    return OllamaModels(house.settings.ollama.host)


async def _facts(house: House) -> Sequence[ModelFacts]:
    async with _server(house) as server:
        return await server.models(_configured(house))


async def _measured(house: House, names: Sequence[str], timeout_seconds: float) -> Mapping[str, Speed | Exception]:
    tested: dict[str, Speed | Exception] = {}
    async with _server(house) as server:
        there = await server.models()
        wanted = list(dict.fromkeys(names)) or _configured(house) or [each.name for each in there]
        for number, name in enumerate(wanted, start=1):
            show_progress(f"{number}/{len(wanted)} {name}")
            try:
                tested[name] = await server.measure(name, limit_seconds=timeout_seconds)
            except (Misconfigured, TryAgain) as error:
                tested[name] = error
        show_progress("")
    return tested
