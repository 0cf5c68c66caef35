"""``cfsm generations``: the requests for strategies, and the conversations with models about them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson
import rich_click as click

from cfsm.application.history import Happening
from cfsm.bootstrap import House
from cfsm.cli.output import as_json, figure, print_facts, print_json, print_table, say, talk
from cfsm.domain.conversation import Mode


@click.group()
def generations() -> None:
    """List generations and show their conversations with models."""


@generations.command("list")
@click.option("--mode", type=click.Choice([mode.value for mode in Mode]), help="Only in this mode.")
@click.option("--state", type=click.Choice(["running", "concluded", "failed"]), help="Only these.")
@click.option("--model", help="Only those in which this model wrote.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The newest so many.")
@as_json
@click.pass_obj
def list_(house: House, mode: str | None, state: str | None, model: str | None, limit: int, as_json: bool) -> None:
    """List generations, the newest first: mode, models, answers, tokens, the models' time, and what came of them."""
    from cfsm.projections.generations import GenerationsView

    found = house.view(GenerationsView).select(mode=mode, state=state, model=model, limit=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        talk("There is no such generation. `cfsm generate` asks for strategies.")
        return
    headers = ("generation", "requested", "mode", "type", "answers", "tokens", "seconds", "what came of it")
    rows = [
        (
            each.id[:8],
            each.requested[:19].replace("T", " "),
            each.mode,
            each.strategy_type,
            _answers(each),
            each.answer_tokens or None,
            figure(each.seconds, 0) if each.asked else None,
            each.strategy_name or each.failure or each.state,
        )
        for each in found
    ]
    print_table(rows, headers, ("answers", "tokens", "seconds"))


def _answers(each: Any) -> str | None:
    return f"{each.answered} of {each.asked}" if each.asked else None


@generations.command()
@click.argument("generation")
@click.option("--texts", is_flag=True, help="Print prompts, thoughts, answers and code in full.")
@click.option("--step", help="Only this step, with its texts.")
@as_json
@click.pass_obj
def show(house: House, generation: str, texts: bool, step: str | None, as_json: bool) -> None:
    """Show one generation: who was asked what, what came, how it was judged, who won. Its id or its strategy's name.

    \b
    Examples:
      cfsm generations show 3f2a91c0
      cfsm generations show 3f2a91c0 --step phi3:mini/0
      cfsm generations show TrendStrategy_phi3_20261126_093000 --texts
    """
    from cfsm.application.history import History
    from cfsm.projections.generations import GenerationsView, NoSuchGeneration

    try:
        found = house.view(GenerationsView).find(generation)
    except NoSuchGeneration as error:
        raise click.ClickException(str(error)) from error
    events = History(house.factory.store).of([UUID(found.id)])
    if step is not None:
        events = [each for each in events if each.facts.get("step") == step]
        if not events:
            raise click.ClickException(f"it has no step {step!r}; `cfsm generations show {found.id[:8]}` tells them")
    with_texts = texts or step is not None
    if as_json:
        told = [each.as_mapping() | ({"texts": _texts(house, each)} if with_texts else {}) for each in events]
        print_json({**asdict(found), "events": told})
        return
    if step is None:
        print_facts({name: value for name, value in asdict(found).items() if value not in ("", 0, 0.0, [], ())})
    for each in events:
        _tell(house, each, with_texts=with_texts)
    if not with_texts and found.asked:
        talk("--texts shows prompts, answers and code in full, --step NAME those of one step.")


def _tell(house: House, event: Happening, *, with_texts: bool) -> None:
    from cfsm.cli.telling import in_words

    say(in_words(event))
    if event.topic == "Generation.Decided" and event.facts["ranking"]:
        _show_ranking(event.facts["ranking"])
    if with_texts:
        for name, text in _texts(house, event).items():
            say(f"--- {name} of {event.facts['step']}")
            say(text.rstrip("\n"))
            say(f"--- end of {name}")


def _show_ranking(ranking: Sequence[Mapping[str, Any]]) -> None:
    headers = ("place", "proposal", "model", "outcome", "score", "trades")
    rows = [
        (
            place,
            each.get("proposal"),
            each.get("model"),
            each.get("outcome"),
            figure(each.get("score")),
            each.get("trades"),
        )
        for place, each in enumerate(ranking, start=1)
    ]
    print_table(rows, headers, ("place", "score", "trades"))


def _texts(house: House, event: Happening) -> Mapping[str, str]:
    """Give the texts that an event names, readable: messages one after the other; what is lost is said."""
    from cfsm.application.ports import BlobCorrupted, BlobMissing

    named = dict(event.facts.get("blobs", {}))
    if event.topic == "Generation.Proposed" and event.facts["code_hash"]:
        named["code"] = event.facts["code_hash"]
    texts = {}
    for name, blob_hash in named.items():
        try:
            texts[name] = _readable(house.blobs.get(blob_hash).decode(errors="replace"), name)
        except (BlobMissing, BlobCorrupted) as error:
            texts[name] = f"(lost: {error})"
    return texts


def _readable(text: str, name: str) -> str:
    """Give a prompt's messages as a person reads them; any other text as it is."""
    if name != "prompt":
        return text
    messages = orjson.loads(text)
    return "\n\n".join(f"[{each['role']}]\n{each['content']}" for each in messages)
