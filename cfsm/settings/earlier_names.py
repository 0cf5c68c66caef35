"""Names that the systems before this one gave to settings, so that their files are read as they are.

Those files are `background_config.json`, `background_config_cooperative.json` and a `config.yaml` with a coordinator.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from cfsm.settings.problems import got, nearest
from cfsm.settings.tree import Node, Path

KEYS: Mapping[str, str] = MappingProxyType(
    {
        "auto_validation": "generation.auto_validation",
        "auto_backtest": "backtest.auto_backtest",
        "max_strategies": "retention.max_strategies",
        "generation_interval": "generation.interval_seconds",
        "backtest_interval": "backtest.interval_seconds",
        "cleanup_old_strategies": "retention.cleanup_old_strategies",
        "strategy_types": "generation.strategy_types",
        "models": "generation.models",
        "min_backtest_score": "selection.min_backtest_score",
        "max_strategy_age_days": "retention.max_strategy_age_days",
        "cooperative_mode.parallel_generation_count": "generation.parallel_generation_count",
    }
)
WITHOUT_EFFECT: Mapping[str, str] = MappingProxyType(
    {
        "coordinator.max_concurrent_operations": "each worker does one thing at a time; workers.instances says how "
        "many workers there are",
        "coordinator.health_check_interval": "workers are watched all the time; workers.watchdog_seconds says how "
        "long one may be silent",
    }
)
"""Keys that are accepted and change nothing, with what does instead."""

COOPERATION = "cooperative_mode"
MODE = ("generation", "mode")
FLAGS: Mapping[str, bool] = MappingProxyType(
    {"enable_cooperation": True, "enable_contest_mode": True, "use_llm_voting": False}
)
"""The flags that choose the mode, with what they are when a file names only some of them."""

EVERY_NAME = (*KEYS, *(f"{COOPERATION}.{flag}" for flag in FLAGS))

Remark = tuple[int | None, str, str]
"""The line, the key as the file writes it, and what there is to say."""


class Translation(NamedTuple):
    """The earlier name of every key moved, by its new path; what could not be moved; what has no effect."""

    names: dict[Path, str]
    problems: list[Remark]
    notices: list[Remark]


def translate(root: Node) -> Translation:
    """Move what stands under earlier names to ours, in place."""
    names: dict[Path, str] = {}
    problems: list[Remark] = []
    notices: list[Remark] = []
    for earlier, instead in WITHOUT_EFFECT.items():
        node = _take(root, earlier)
        if node is not None:
            notices.append((node.line, earlier, f"has no effect: {instead}"))
    for earlier, ours in KEYS.items():
        node = _take(root, earlier)
        if node is not None:
            _move(root, node, earlier, tuple(ours.split(".")), names, problems)
    if isinstance(root.value, dict) and COOPERATION in root.value:
        section = root.value.pop(COOPERATION)
        mode = _mode(section, problems)
        if mode is not None:
            _move(root, Node(mode, section.line), COOPERATION, MODE, names, problems)
    return Translation(names, problems, notices)


def _take(root: Node, key: str) -> Node | None:
    *outer, last = key.split(".")
    holders = [root, *root.follow(tuple(outer))]
    holder = holders[-1].value
    if len(holders) <= len(outer) or not isinstance(holder, dict):
        return None
    node = holder.pop(last, None)
    if node is not None and not holder and outer and isinstance(root.value, dict):
        del root.value[outer[0]]  # a section of theirs of which nothing is left
    return node


def _move(
    root: Node, node: Node, earlier: str, path: tuple[str, ...], names: dict[Path, str], problems: list[Remark]
) -> None:
    section, key = path
    values = root.value
    if not isinstance(values, dict):
        return
    if section not in values or values[section].value is None:
        values[section] = Node({}, node.line)
    holder = values[section].value
    if isinstance(holder, dict) and key in holder:
        other = f"{section}.{key} on line {holder[key].line}"
        problems.append((node.line, earlier, f"says the same as {other}; keep one"))
    elif isinstance(holder, dict):
        holder[key] = node
        names[path] = earlier


def _mode(section: Node, problems: list[Remark]) -> str | None:
    """The mode of generation that the flags choose; None if there are none."""
    if not isinstance(section.value, dict):
        if section.value is not None:
            problems.append((section.line, COOPERATION, f"must be a section of keys {got(section.plain())}"))
        return None
    flags: dict[str, bool] = {}
    for key, node in section.value.items():
        name = f"{COOPERATION}.{key}"
        if key not in FLAGS:
            problems.append((node.line, name, f"is no setting{nearest(name, EVERY_NAME)}"))
        elif isinstance(node.value, bool):
            flags[key] = node.value
        else:
            problems.append((node.line, name, f"must be true or false {got(node.plain())}"))
    return _chosen({**FLAGS, **flags}) if flags else None


def _chosen(flags: Mapping[str, bool]) -> str:
    if not flags["enable_cooperation"]:
        return "single"
    if flags["enable_contest_mode"]:
        return "contest"
    return "voting" if flags["use_llm_voting"] else "consensus"
