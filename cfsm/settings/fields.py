"""The schema as a flat list: every key, the field behind it, and its name as a variable."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from cfsm.settings.schema import Section, Settings

PREFIX = "CFSM_"
SEPARATOR = "__"


def variable(key: str) -> str:
    """The name of the environment variable that sets the key."""
    return PREFIX + key.replace(".", SEPARATOR).upper()


def _walk(section: type[Section], before: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        key = before + name
        yield key, field
        if inner := section_of(field):
            yield from _walk(inner, f"{key}.")


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section that the field holds; None if it holds a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _kinds(annotation: object) -> set[object]:
    """The plain types that a value may have, null left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return set().union(*(_kinds(part) for part in get_args(annotation)))
    if origin is Literal:
        return {type(value) for value in get_args(annotation)}
    return set() if annotation is NoneType else {origin or annotation}


EVERYTHING: Mapping[str, FieldInfo] = MappingProxyType(dict(_walk(Settings)))
SECTIONS: Mapping[str, type[Section]] = MappingProxyType(
    {key: section for key, field in EVERYTHING.items() if (section := section_of(field))}
)
FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    {key: field for key, field in EVERYTHING.items() if key not in SECTIONS}
)
KINDS: Mapping[str, set[object]] = MappingProxyType({key: _kinds(field.annotation) for key, field in FIELDS.items()})
VARIABLES: Mapping[str, str] = MappingProxyType({variable(key): key for key in EVERYTHING})


def is_known(path: Sequence[str]) -> bool:
    """Whether the path leads to a key, to a section, or into a table of named entries."""
    keys = (".".join(path[:length]) for length in range(len(path), 0, -1))
    key = next((key for key in keys if key in EVERYTHING), None)
    return key is not None and (key == ".".join(path) or is_table(key))


def is_text(key: str) -> bool:
    """Whether the key holds text and nothing else."""
    return KINDS.get(key, set()) in ({str}, {SecretStr})


def is_list(key: str) -> bool:
    """Whether the key holds a list."""
    return KINDS.get(key) == {tuple}


def is_table(key: str) -> bool:
    """Whether the key holds entries under names of the user's choice."""
    return KINDS.get(key) == {Mapping}


def row_of(table: str) -> type[Section]:
    """The section that each entry of the table is."""
    kind: type[Section] = get_args(FIELDS[table].annotation)[1]
    return kind


def is_secret(key: str) -> bool:
    """Whether what stands at the key may not be shown: a secret, or a section that holds one."""
    return any(
        SecretStr in kinds and (secret == key or secret.startswith(f"{key}.")) for secret, kinds in KINDS.items()
    )
