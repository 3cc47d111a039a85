"""What this package brings, for `cfgrl` to find. Imported by every command, so it imports nothing heavy."""

import pathlib

from cfgrl import Component, hookimpl

cfgrl_api = 2


@hookimpl
def cfgrl_networks() -> dict[str, Component]:
    """The network by its name."""
    return {
        "fourier-mlp": Component(
            "cfgrl_example_fourier.fourier_mlp:FourierMLP",
            summary="random Fourier features of the input in front of another network",
            paper="Tancik et al. (arXiv 2006.10739)",
            verified="the kernel of its features; real run: cfgrl train fourier-goal (its README)",
            docs="docs/examples/fourier/README.md",
        )
    }


@hookimpl
def cfgrl_presets() -> list[pathlib.Path]:
    """The registry file with the preset `fourier-goal`."""
    return [pathlib.Path(__file__).with_name("registry.toml")]
