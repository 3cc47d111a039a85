"""Names that a user types: the closest known one, and the family that a plural or a singular means."""

import difflib
from collections.abc import Iterable

from cfgrl._errors import ConfigError
from cfgrl.catalogue._component import family_called, groups, singular

#: No name is longer, and comparing takes the square of the length.
_LONGEST = 100


def known_group(name: str) -> str:
    """The family, or `presets`, that a user means by a plural or a singular. Raises `ConfigError`."""
    found = family_called(name)
    if found is None:
        known = groups()
        hint = did_you_mean(name, [*known, *map(singular, known)])
        raise ConfigError(f"There is no family '{name}'{hint}{'' if hint else ';'} families are {', '.join(known)}.")
    return found


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` with the closest known name, or nothing where none is close."""
    if len(name) > _LONGEST:
        return ""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return f"; did you mean '{close[0]}'?" if close else ""
