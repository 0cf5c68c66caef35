"""YAML read into a tree: the core schema of YAML 1.2, without tags, anchors and several documents.

Times (12:30), `yes` and dates stay text as they are written, unlike in YAML 1.1. Aliases are refused because a few
lines of them unfold to gigabytes.
"""

import re

import yaml

from cfsm.settings.tree import NotReadable, Scalar, TreeBuilder

WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
WHOLE = re.compile(r"[-+]?[0-9]{1,400}")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NO_FINITE_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF|nan|NaN|NAN)")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def scalar(text: str) -> Scalar:
    """What an unquoted word of YAML means."""
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text):
        return float(text)
    if NO_FINITE_NUMBER.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def parse_yaml(text: str, builder: TreeBuilder) -> None:
    """Feed the builder what the text says. Raise NotReadable if it is not YAML, or not of the plain kind."""
    try:
        documents = 0
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise NotReadable(_line_of(event), "a second document begins; one is read")
            elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                _take(event, builder)
    except yaml.MarkedYAMLError as error:
        raise NotReadable(_line(error), f"not YAML: {_reason(error)}") from None
    except yaml.YAMLError as error:
        raise NotReadable(None, f"not YAML: {getattr(error, 'reason', error)}") from None


def _take(event: yaml.NodeEvent | yaml.CollectionEndEvent, builder: TreeBuilder) -> None:
    line = _line_of(event)
    if isinstance(event, yaml.CollectionEndEvent):
        builder.end()
    elif isinstance(event, yaml.AliasEvent):
        raise NotReadable(line, "aliases (*name) are not read; write the value out")
    elif getattr(event, "tag", None) is not None:
        raise NotReadable(line, "tags (!name) are not read; put text in quotes")
    elif isinstance(event, yaml.MappingStartEvent):
        builder.begin({}, line)
    elif isinstance(event, yaml.SequenceStartEvent):
        builder.begin([], line)
    elif isinstance(event, yaml.ScalarEvent):
        if builder.wants_key:
            builder.key(event.value, line)
        else:
            builder.scalar(event.value if event.style else scalar(event.value), line)


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _line(error: yaml.MarkedYAMLError) -> int | None:
    mark = error.problem_mark or error.context_mark
    return None if mark is None else mark.line + 1


def _reason(error: yaml.MarkedYAMLError) -> str:
    reason = error.problem or error.context or "unreadable"
    if "cannot start any token" in reason:
        return f"{reason} (indent with spaces, not tabs; put text that begins with a sign in quotes)"
    return reason
