"""What this package brings, for `cfgrl` to find. Imported by every command, so it imports nothing heavy."""

from cfgrl import Component, hookimpl

cfgrl_api = 2


@hookimpl
def cfgrl_events() -> dict[str, Component]:
    """The event by its name."""
    return {
        "win-rate": Component(
            "cfgrl_example_winrate.win_rate:WinRate",
            summary="the action beats another one of the batch; w counts draws of best-of-N",
            verified="closed form on uniform actions",
            docs="docs/examples/winrate/README.md",
        )
    }
