"""Elements of HTML as text."""

import base64
import html
import re
from collections.abc import Iterable
from pathlib import Path

from tf_earlydyn.errors import InputError
from tf_earlydyn.report.png import size


class Markup(str):
    """Text that is HTML already."""


def element(name: str, *content: str, **attributes: str | int) -> Markup:
    """An element with its content, which is escaped unless it is ``Markup``; a trailing _ of attributes is dropped.

    >>> element("p", "1 < 2 ", element("b", "&"), class_="a")
    '<p class="a">1 &lt; 2 <b>&amp;</b></p>'
    """
    return Markup(f"{_opened(name, attributes)}{''.join(map(escaped, content))}</{name}>")


def escaped(text: str) -> str:
    """Text as HTML; ``Markup`` as it is."""
    return text if isinstance(text, Markup) else html.escape(text)


def formula(text: str) -> Markup:
    """Text with the indices and exponents of its formulas set as such.

    >>> formula("V_lin, d^1.25")
    'V<sub>lin</sub>, d<sup>1.25</sup>'
    """
    lowered = re.sub(r"(?<=[VfΘλ])_(lin|max)", r"<sub>\1</sub>", escaped(text))
    return Markup(re.sub(r"\^(−?(?:\d+(?:\.\d+)?|Ω\(α\)))", r"<sup>\1</sup>", lowered))


def joined(parts: Iterable[str]) -> Markup:
    """Pieces of HTML, a line each."""
    return Markup("\n".join(map(escaped, parts)))


def image(file: Path, alt: str) -> Markup:
    """An image that the page itself holds, from a PNG file.

    Raises:
        InputError: if it cannot be read, or is no PNG file.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    try:
        width, height = size(content)
    except ValueError as error:
        raise InputError(f"{file} must be a PNG file, and is not: it is damaged.") from error
    source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return Markup(_opened("img", {"alt": alt, "width": width, "height": height, "src": source}))


def _opened(name: str, attributes: dict[str, str | int]) -> str:
    written = (f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"' for key, value in attributes.items())
    return f"<{name}{''.join(written)}>"
