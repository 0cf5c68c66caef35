"""HTML as text: whatever is not markup already is escaped, so that no name or tag of a stranger's becomes any."""

from html import escape
from typing import Any

_VOID = frozenset({"meta", "link", "br"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


NOTHING = Markup("")


def element(name: str, *content: Any, **attributes: Any) -> Markup:
    """Give an element; ``content`` that is no Markup is escaped, an attribute that is None left out.

    ``class_`` gives ``class``, and other underscores in the names of attributes become dashes.
    """
    given = "".join(
        f' {_attribute(key)}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(*content)}</{name}>")


def join(*content: Any) -> Markup:
    """Give the parts one after the other, each escaped unless it is Markup."""
    return Markup("".join(part if isinstance(part, Markup) else escape(_visible(str(part))) for part in content))


def _attribute(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def _visible(text: str) -> str:
    """Give the text with what has no shape spelled out: control characters, and those that turn text around."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode("ascii") for char in text
    )
