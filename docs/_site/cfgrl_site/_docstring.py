"""A component's docstring, taken apart: its text, and what it says about each argument."""

import re
from typing import NamedTuple

_HEADING = "**Arguments:**"


class Documentation(NamedTuple):
    """The text without the list of arguments, and that list as a meaning for each name."""

    text: str
    arguments: dict[str, str]


def take_apart(docstring: str) -> Documentation:
    """Split a docstring of the house form, whose arguments are a list below `**Arguments:**`."""
    before, heading, after = docstring.partition(_HEADING)
    if not heading:
        return Documentation(docstring.strip(), {})
    lines = after.strip("\n").splitlines()
    end = next((i for i, line in enumerate(lines) if line and not line.startswith(("- ", "  "))), len(lines))
    text = "\n\n".join(part.strip() for part in (before, "\n".join(lines[end:])) if part.strip())
    return Documentation(text, dict(_arguments("\n".join(lines[:end]))))


def _arguments(listed: str) -> list[tuple[str, str]]:
    """Each name of `` - `a`, `b` (β): meaning `` with the meaning, on one line."""
    found = []
    for item in re.split(r"^- ", listed, flags=re.M)[1:]:
        names, _, meaning = " ".join(item.split()).partition(": ")
        found += [(name, meaning) for name in re.findall(r"`(\w+)`", names)]
    return found
