"""What is installed: Python, packages, extras, plugins."""

import importlib.metadata
import platform
import sys

from cfgrl._errors import PluginError
from cfgrl.catalogue._plugins import discover
from cfgrl.doctor._finding import Finding

ESSENTIAL = ("jax", "jaxlib", "equinox", "optax", "orbax-checkpoint", "numpy", "ogbench", "mujoco")
#: Extra of cfgrl, the distribution it brings, and what is missing without it.
EXTRAS = {
    "plot": ("matplotlib", "figures"),
    "tensorboard": ("tensorboardX", "TensorBoard logs"),
    "wandb": ("wandb", "Weights & Biases logs"),
}


def versions() -> Finding:
    """Python, and every package that cfgrl cannot do without."""
    found = {name: _version(name) for name in ("cfgrl", *ESSENTIAL)}
    facts = {"python": platform.python_version(), "platform": platform.platform(), "packages": found}
    missing = [name for name, version in found.items() if version is None]
    detail = f"Python {facts['python']}; " + ", ".join(f"{n} {v}" for n, v in found.items() if v is not None)
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding("versions", "broken", detail, "Install Python 3.11 or 3.12, then `pip install cfgrl`.", facts)
    if missing:
        detail = f"{detail}; missing: {', '.join(missing)}"
        return Finding("versions", "broken", detail, f"Run `pip install {' '.join(missing)}`.", facts)
    return Finding("versions", "ok", detail, facts=facts)


def extras() -> Finding:
    """Optional packages."""
    absent = {extra: what for extra, (name, what) in EXTRAS.items() if _version(name) is None}
    facts = {"installed": sorted(EXTRAS.keys() - absent.keys()), "absent": sorted(absent)}
    if not absent:
        return Finding("extras", "ok", "all installed", facts=facts)
    detail = "not installed: " + ", ".join(f"{extra} ({what})" for extra, what in absent.items())
    return Finding("extras", "note", detail, f"If you need them: `pip install 'cfgrl[{','.join(absent)}]'`.", facts)


def plugins() -> Finding:
    """Where components come from, and which plugins did not load."""
    found = discover()
    failed = {f"{p.distribution}:{p.name}": p.failure for p in found if p.failure is not None}
    counts = {f"{p.distribution}:{p.name}": sum(map(len, p.components.values())) for p in found if not p.failure}
    facts = {"loaded": counts, "failed": failed}
    if not any(counts.values()):
        remedy = "Install cfgrl with pip: plugins are found through the metadata of installed packages."
        return Finding("plugins", "broken", "no component was found", remedy, facts, PluginError.exit_code)
    if not failed:
        return Finding("plugins", "ok", f"{sum(counts.values())} components from {len(counts)} plugins", facts=facts)
    detail = "; ".join(f"{name} did not load: {why}" for name, why in failed.items())
    own = any(name.startswith("cfgrl:") for name in failed)
    remedy = (
        "Run `pip install --force-reinstall cfgrl`."
        if own
        else "Upgrade or uninstall the package, or name it under `disable` in a registry.toml; the others work."
    )
    return Finding("plugins", "broken" if own else "note", detail, remedy, facts, PluginError.exit_code)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
