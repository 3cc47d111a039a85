"""`cfgrl data check` in words: what the command was told about a file, and the survey as lines of text."""

from collections.abc import Iterator, Sequence
from typing import Any

from cfgrl._errors import ConfigError


def mapping(words: Sequence[str]) -> tuple[dict[str, str], Any]:
    """What `ARRAY=NAME` say a file's arrays are called, and the layout. Raises `ConfigError` for anything else."""
    from cfgrl.catalogue._names import did_you_mean
    from cfgrl.data._survey import COLUMNS

    names: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = key.removeprefix("dataset.")
        if not equals or not value or key not in (*COLUMNS, "layout"):
            hint = did_you_mean(key, COLUMNS)
            raise ConfigError(f"'{word}' is no ARRAY=NAME{hint} (arrays: {', '.join(COLUMNS)}; or layout=rows).")
        if key == "layout" and value not in ("rows", "transitions"):
            raise ConfigError(f"layout must be rows or transitions, not '{value}'.")
        names[key] = value
    return names, names.pop("layout", None)


def format_survey(found: dict[str, Any]) -> str:
    """The survey as lines of text."""
    lines = [found["file"] + ("" if found["bytes"] is None else f" ({found['bytes'] / 1e6:,.1f} MB)")]
    lines += [f"  {line}" for line in _sizes(found)]
    for name, array in found["arrays"].items():
        shape = " × ".join(f"{size:,}" for size in array["shape"])
        span = "" if array["min"] is None else f"{array['min']:.4g} … {array['max']:.4g}"
        lines.append(f"  {name:<18}{array['dtype']:<9}{shape:<18}{span}".rstrip())
    lines += [f"  {line}" for line in _meaning(found)]
    lines += [f"  warning: {warning}" for warning in found["warnings"]]
    lines += [f"  wrong: {problem}" for problem in found["problems"]] or ["  nothing wrong"]
    return "\n".join(lines)


def _sizes(found: dict[str, Any]) -> Iterator[str]:
    lengths = found["lengths"]
    each = f"{lengths['min']:,}"
    if lengths["min"] != lengths["max"]:
        each += f" to {lengths['max']:,} (median {lengths['median']:,})"
    episodes = f"{found['episodes']:,} episode{'s' * (found['episodes'] != 1)} of {each} rows"
    if found["layout"] == "rows":
        yield f"{found['rows']:,} rows, {episodes}"
    elif found["problems"]:
        yield f"{found['entries']:,} transitions"
    else:
        dropped = found["entries"] - found["transitions"]
        cut = f", {dropped:,} of them dropped since nothing says what they led to" if dropped else ""
        yield f"{found['entries']:,} transitions{cut}"
        yield f"with the last observations {found['rows']:,} rows, {episodes}"


def _meaning(found: dict[str, Any]) -> Iterator[str]:
    """What the numbers mean for a learner."""
    if (returns := found["returns"]) is not None:
        yield f"return of an episode: {returns['min']:.4g} to {returns['max']:.4g}, mean {returns['mean']:.4g}"
    if (ended := found["ended_for_good"]) is not None:
        yield f"transitions that end their task for good: {ended:.3%}"
    if (bounds := found["actions_at_bounds"]) is not None:
        yield f"action numbers at -1 or 1: {bounds:.2%}"
    if found.get("not_read"):
        names = found["not_read"]
        more = f" and {len(names) - 8} others" if len(names) > 8 else ""
        yield f"not read: {', '.join(names[:8])}{more}"
