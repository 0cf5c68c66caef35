"""Settings made of defaults, a profile, a file and the environment; or everything that is wrong with them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from pydantic import ValidationError

from cfsm.adapters.shipped import shipped
from cfsm.settings.contradictions import contradictions
from cfsm.settings.layers import Layer, read_environment, read_file
from cfsm.settings.problems import SHOWN_PROBLEMS, ConfigurationError, Problem, nearest
from cfsm.settings.schema import Settings
from cfsm.settings.tree import Node, Path
from cfsm.settings.wording import problems_of

FILE_NAME = "cfsm.yaml"
COMMAND_LINE = "command line"
PROFILE: Path = ("profile",)


def load(
    home: FilePath, *, file: FilePath | None = None, profile: str | None = None, environ: Mapping[str, str]
) -> Settings:
    """The settings: built-in defaults, then the profile, then the file, then the environment; the later wins.

    The file is `cfsm.yaml` in the home, where there is one, or the given one. The profile is the given one, or what
    CFSM_PROFILE or the file says, or standard. Raise ConfigurationError with every problem found.
    """
    above = [_user_file(home, file), read_environment(environ)]
    if profile is not None:
        above.append(Layer(COMMAND_LINE, Node({"profile": Node(profile)}), {PROFILE: "--profile"}))
    problems = [problem for layer in above for problem in _problems(layer)]
    layers = [_profile_file(above, problems), *above]
    if problems:
        raise ConfigurationError(_some(problems))
    settings = Settings.model_validate(_merged(layers))
    together = [_placed(layers, path, message) for path, message in contradictions(settings)]
    if together:
        raise ConfigurationError(_some(together))
    notices = [notice for layer in layers for notice in layer.notices]
    return settings.read_from(dict(_origins(layers, settings)), notices)


class Findings(NamedTuple):
    """What a check found: problems, which must be changed, and notices, which are only worth knowing."""

    problems: list[Problem]
    notices: list[Problem]


def check(file: FilePath) -> Findings:
    """Check one file, read as `load` would read it without any variable set."""
    try:
        settings = load(file.parent, file=file, environ={})
    except ConfigurationError as error:
        return Findings(error.problems, [])
    return Findings([], list(settings.notices))


def profiles() -> list[str]:
    """The names of the profiles, in order."""
    return sorted(path.stem for path in (shipped("config") / "profiles").glob("*.yaml"))


def _user_file(home: FilePath, file: FilePath | None) -> Layer:
    if file is not None:
        return read_file(file)
    path = home / FILE_NAME
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return Layer(str(path))
    except (OSError, ValueError):
        pass  # reading it says why
    return read_file(path)


def _profile_file(above: Sequence[Layer], problems: list[Problem]) -> Layer:
    """The overlay that the layers above it choose; what is wrong with it is added to the problems."""
    chooser = next((layer for layer in reversed(above) if layer.has(PROFILE)), above[0])
    node = chooser.root.child("profile")
    name = node.value if node else Settings.model_fields["profile"].default
    known = profiles()
    if name not in known:
        if isinstance(name, str) and not any(problem.key == chooser.own_name(PROFILE) for problem in problems):
            message = f"must be one of {', '.join(known)} (there is no {name}{nearest(name, known)})"
            problems.append(chooser.problem(PROFILE, message))
        return Layer("profile")
    layer = read_file(shipped("config") / "profiles" / f"{name}.yaml")
    problems.extend(_problems(layer))
    return layer


def _problems(layer: Layer) -> list[Problem]:
    """What is wrong with the values of one layer, whatever the others say, in the order of its lines."""
    found = list(layer.problems)
    try:
        Settings.model_validate(layer.plain())
    except ValidationError as error:
        found += problems_of(layer, error)
    return sorted(found, key=lambda problem: problem.line or 0)


def _some(problems: Sequence[Problem]) -> list[Problem]:
    """The problems, or the first of very many."""
    if len(problems) <= SHOWN_PROBLEMS:
        return list(problems)
    rest = Problem("", None, "", f"and {len(problems) - SHOWN_PROBLEMS} more problems like these")
    return [*problems[:SHOWN_PROBLEMS], rest]


def _merged(layers: Sequence[Layer]) -> dict[str, Any]:
    merged: dict[str, Any] = Settings().model_dump()
    for layer in layers:
        _merge(merged, layer.plain())
    return merged


def _merge(values: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Put the values over the others, key by key, in place."""
    for key, value in over.items():
        if isinstance(values.get(key), dict) and isinstance(value, dict):
            _merge(values[key], value)
        else:
            values[key] = value


def _placed(layers: Sequence[Layer], path: Path, message: str) -> Problem:
    """The problem, at the origin that wins for the path or for the section around it."""
    for length in range(len(path), 0, -1):
        for layer in reversed(layers):
            if layer.has(path[:length]):
                return layer.problem(path, message)
    return Layer("defaults").problem(path, message)


def _origins(layers: Sequence[Layer], settings: Settings) -> Iterator[tuple[str, str]]:
    for path in leaves(settings.model_dump()):
        layer = next((layer for layer in reversed(layers) if layer.has(path)), None)
        if layer is not None:
            yield ".".join(path), _origin(layer, path, is_profile=layer is layers[0])


def _origin(layer: Layer, path: tuple[str, ...], *, is_profile: bool) -> str:
    line = layer.line(path)
    if line is None:
        return f"{layer.name} {layer.own_name(path)}"
    place = f"{layer.name}:{line}"
    return f"profile {FilePath(layer.name).stem} ({place})" if is_profile else place


def leaves(values: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all values that are no sections."""
    for key, value in values.items():
        path = (*before, key)
        if isinstance(value, dict) and value:
            yield from leaves(value, path)
        else:
            yield path
