"""What this package brings, for `cfgrl` to find. Imported by every command, so it imports nothing heavy."""

import pathlib

from cfgrl import Component, hookimpl

cfgrl_api = 2


@hookimpl
def cfgrl_datasets() -> dict[str, Component]:
    """The data set by its name."""
    return {
        "rooms": Component(
            "cfgrl_example_rooms.rooms:Rooms",
            summary="a point in two rooms joined by a door, with four tasks; made in memory",
            verified="closed forms of its motion; real run: cfgrl train rooms (its README)",
            docs="docs/examples/rooms/README.md",
        )
    }


@hookimpl
def cfgrl_presets() -> list[pathlib.Path]:
    """The registry file with the preset `rooms`."""
    return [pathlib.Path(__file__).with_name("registry.toml")]
