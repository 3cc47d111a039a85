"""Numbers in flags."""

import math
from typing import Any

from cfgrl._errors import ConfigError


def parse_numbers(text: str, flag: str, kind: type) -> list[Any]:
    """`0,1,2` as a list. Raises `ConfigError` naming the flag."""
    try:
        numbers = [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if not numbers:
        raise ConfigError(f"{flag} takes numbers separated by commas, such as 0,1,2; not {text!r}.")
    return numbers


def parse_weights(text: str) -> list[float]:
    """`0,1,1.5` as guidance weights. Raises `ConfigError`."""
    weights = parse_numbers(text, "--weights", float)
    if not all(math.isfinite(weight) for weight in weights):
        raise ConfigError(f"--weights takes finite numbers, not {text!r}.")
    return weights
