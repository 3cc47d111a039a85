"""What this package brings, for `cfgrl` to find. Imported by every command, so it imports nothing heavy."""

import pathlib

from cfgrl import Component, hookimpl

cfgrl_api = 2

_PAPER = "autoguidance (arXiv 2406.02507)"
_VERIFIED = "closed form on Gaussians; real run: cfgrl train autoguided (its README)"
_DOCS = "docs/examples/autoguidance/README.md"


@hookimpl
def cfgrl_policies() -> dict[str, Component]:
    """The policy by its name."""
    return {
        "strong-weak": Component(
            "cfgrl_example_autoguidance.strong_weak:StrongWeak",
            summary="two field policies side by side, the second one weaker; acts as the first",
            paper=_PAPER,
            verified=_VERIFIED,
            docs=_DOCS,
            # Its parts have no defaults, so the checks are told what to make it of, as a registry file would say it.
            example={
                "strong": {"use": "flow-matching", "steps": 2, "network": {"use": "mlp", "hidden": [16, 16]}},
                "weak": {"use": "flow-matching", "steps": 2, "network": {"use": "mlp", "hidden": [4]}},
            },
        )
    }


@hookimpl
def cfgrl_guidance() -> dict[str, Component]:
    """The guidance by its name."""
    return {
        "autoguidance": Component(
            "cfgrl_example_autoguidance.autoguidance:Autoguidance",
            summary="away from a weaker version of the policy: weak + w·(strong − weak)",
            paper=_PAPER,
            verified=_VERIFIED,
            docs=_DOCS,
        )
    }


@hookimpl
def cfgrl_presets() -> list[pathlib.Path]:
    """The registry file with the preset `autoguided`."""
    return [pathlib.Path(__file__).with_name("registry.toml")]
