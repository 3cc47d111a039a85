"""What this package brings, for `cfgrl` to find. Imported by every command, so it imports nothing heavy."""

from cfgrl import Component, Family, hookimpl

cfgrl_api = 2

_PAPER = "guidance in an interval (arXiv 2404.07724)"
_VERIFIED = "closed form on known fields"
_DOCS = "docs/examples/schedules/README.md"


@hookimpl
def cfgrl_families() -> dict[str, Family]:
    """The family by its name."""
    return {
        "schedules": Family(
            "cfgrl_example_schedules.schedule:Schedule",
            singular="schedule",
            summary="how much does the guidance weight count at a time?",
            checks="cfgrl_example_schedules.schedule:CHECKS",
        )
    }


@hookimpl
def cfgrl_components() -> dict[str, dict[str, Component]]:
    """Its members, and the guidance that holds one."""
    schedules = {
        "flat": ("Flat", "all the way"),
        "interval": ("Interval", "between two times"),
        "ramp": ("Ramp", "more and more"),
    }
    return {
        "schedules": {
            name: Component(
                f"cfgrl_example_schedules.schedule:{cls}",
                summary=f"the weight counts {when}",
                paper=_PAPER if name == "interval" else None,
                verified=_VERIFIED,
                docs=_DOCS,
            )
            for name, (cls, when) in schedules.items()
        },
        "guidance": {
            "scheduled": Component(
                "cfgrl_example_schedules.scheduled:Scheduled",
                summary="another guidance whose weight changes on the way from noise to action",
                paper=_PAPER,
                verified=_VERIFIED,
                docs=_DOCS,
                # The inner guidance has no default, so the checks are told what to make it of.
                example={"inner": {"use": "cfg"}},
            )
        },
    }
