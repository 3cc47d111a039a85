"""Formatting of numbers, the same in the terminal, in tables and in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from cfgrl.records._run import RunRecord


def number(value: float | int | None, measure: str = "success") -> str:
    """A mean: two decimals for a success rate, one for a return, a dash where there is none."""
    if value is None:
        return "–"
    return (f"{value:.2f}" if measure == "success" else f"{value:.1f}").replace("-", "−")


def between(bounds: Sequence[float | int] | None, measure: str = "success") -> str:
    """An interval in brackets."""
    return "–" if bounds is None else f"[{number(bounds[0], measure)}, {number(bounds[1], measure)}]"


def mean_ci(entry: Mapping[str, Any], key: str, measure: str) -> str:
    """A mean `entry[key]` with its interval `entry[key_ci]`: "0.50 [0.40, 0.60]"."""
    return f"{number(entry[key], measure)} {between(entry.get(f'{key}_ci'), measure)}"


def verdict(comparison: Mapping[str, Any]) -> str:
    """Which side of zero the whole interval of a difference lies on."""
    low, high = comparison["ci"]
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def difference(comparison: Mapping[str, Any], measure: str, joint: str = ", 95 % interval ") -> str:
    """A difference, then its interval."""
    return f"{signed(comparison['difference'], measure)}{joint}{signed_between(comparison['ci'], measure)}"


def signed(value: float | int, measure: str = "success") -> str:
    """A difference with its sign; a true minus, so that columns line up."""
    text = number(abs(value), measure)
    zero = not text.strip("0.")
    return text if zero else f"{'+' if value > 0 else '−'}{text}"


def signed_between(bounds: Sequence[float | int], measure: str = "success") -> str:
    """An interval of a difference; with a digit more where rounding would hide that it excludes zero."""
    low, high = bounds
    if (low > 0 and not number(low, measure).strip("0.")) or (high < 0 and not number(high, measure).strip("−0.")):
        return f"{low:+.3f} to {high:+.3f}".replace("-", "−")
    return f"{signed(low, measure)} to {signed(high, measure)}"


def weight(value: float | int | None) -> str:
    """A guidance weight as it is typed; a dash where there is no dial."""
    return "–" if value is None else f"{value:g}"


def count(amount: int, singular: str) -> str:
    """An amount with its noun: "1 agent", "2 agents"."""
    return f"{amount:,} {singular}{'' if amount == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """Words joined as in a sentence: "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def be(subjects: Sequence[str]) -> str:
    """The verb of so many subjects."""
    return "is" if len(subjects) == 1 else "are"


def agents(record: dict[str, Any]) -> int:
    """Number of agent seeds in an evaluation."""
    return len(record["results"][0]["by_seed"])


def results(run: RunRecord) -> list[dict[str, Any]]:
    """The results by weight of the evaluation that is shown; the run must have one."""
    assert run.evaluation is not None
    return run.evaluation["results"]


def weights_of(runs: Sequence[RunRecord]) -> list[float]:
    """All guidance weights of evaluated runs, in order."""
    return sorted({result["weight"] for run in runs for result in results(run) if result["weight"] is not None})


def short(step: float | int) -> str:
    """A number of updates beside an axis: 20k, 1M."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if step >= size:
            return f"{step / size:g}{suffix}"
    return f"{step:g}"


def elided(text: str, longest: int = 24) -> str:
    """A name that is too long for a figure, with its middle left out."""
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"
