"""Text of strangers on a terminal: what is not printable is shown as its escape and does nothing."""

import json


def printable(text: str) -> str:
    r"""`text` with every character that a terminal would obey, or hide, written out: `\u001b` for an escape.

    Line breaks stay, as messages of several lines need them; so do spaces that do not break. JSON stays JSON.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\N{NO-BREAK SPACE}" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 1 << 16 else json.dumps(character)[1:-1]
