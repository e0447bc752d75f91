"""HTML from values, so that nothing is ever written unescaped by mistake."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

_EMPTY: Final = frozenset({"br", "meta"})


class Html(str):
    """Text that is markup already. Any other text is escaped where it enters a tag."""

    __slots__ = ()


def tag(element: str, /, *children: str, **attributes: str) -> Html:
    """Return an element. Attribute names end in `_` where Python keeps the word (`class_`), and `_` inside is `-`."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"' for key, value in attributes.items()
    )
    if element in _EMPTY:
        return Html(f"<{element}{told}>")
    return Html(f"<{element}{told}>{join(children)}</{element}>")


def join(children: Iterable[str]) -> Html:
    return Html("".join(child if isinstance(child, Html) else escape(child, quote=False) for child in children))


def raw(element: str, content: str, **attributes: str) -> Html:
    """Return a `script` or `style` element around trusted text, which must not be able to close it."""
    if "</" in content:
        raise ValueError(f"the content of a {element} must not contain '</'")
    told = tag(element, **attributes)
    return Html(told.replace(f"></{element}>", f">{content}</{element}>"))
