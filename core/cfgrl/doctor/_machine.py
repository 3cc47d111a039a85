"""What the machine can do: compute, simulate, draw."""

import os
import pathlib

from cfgrl.doctor import _probes
from cfgrl.doctor._finding import Finding
from cfgrl.files import _machine

PACKAGES = "libegl1 libegl-mesa0 libopengl0 libgl1-mesa-dri"


def devices() -> Finding:
    """What JAX computes on."""
    answer = _probes.ask(_probes.DEVICES)
    if answer.value is None or not answer.value["computes"]:
        remedy = "Set JAX_PLATFORMS=cpu to go on without an accelerator, or reinstall with `pip install -U jax jaxlib`."
        return Finding("devices", "broken", f"JAX does not compute: {answer.failure or 'wrong result'}", remedy)
    found = answer.value["devices"]
    detail = ", ".join(f"{device['platform']} ({device['kind']})" for device in found)
    on_cpu = all(device["platform"] == "cpu" for device in found)
    if on_cpu and has_gpu() and not os.environ.get("JAX_PLATFORMS"):
        remedy = "Run `pip install 'cfgrl[cuda]'` to compute on the NVIDIA GPU."
        return Finding("devices", "note", f"{detail}; an NVIDIA GPU is present and not used", remedy, answer.value)
    return Finding("devices", "ok", detail, facts=answer.value)


def threads() -> Finding:
    """The size of XLA's thread pool, on which the bits of a result on the CPU depend."""
    cores = len(_machine.cores())
    pool = os.environ.get("PJRT_NPROC")
    facts = {"cores": cores, "PJRT_NPROC": pool}
    if pool is None:
        detail = f"{cores} cores, PJRT_NPROC not set: set it to the same number wherever a run must give the same bits"
        return Finding("threads", "ok", detail, facts=facts)
    if not pool.isdigit() or int(pool) < 1:
        remedy = "Set PJRT_NPROC to a whole number, or unset it."
        return Finding("threads", "note", f"PJRT_NPROC={pool!r}", remedy, facts)
    return Finding("threads", "ok", f"{cores} cores, PJRT_NPROC={pool}", facts=facts)


def simulation() -> Finding:
    """A real step of a real environment."""
    answer = _probes.ask(_probes.SIMULATION)
    if answer.value is None:
        remedy = "Run `pip install -U ogbench mujoco`; training on files needs no simulator, evaluation does."
        if "MUJOCO_GL" in os.environ:
            remedy = f"Unset MUJOCO_GL (it is {os.environ['MUJOCO_GL']!r}): MuJoCo looks for that library first."
        return Finding("simulation", "broken", f"OGBench does not step: {answer.failure}", remedy)
    return Finding("simulation", "ok", "OGBench steps pointmaze-medium", facts=answer.value)


def rendering() -> Finding:
    """Whether MuJoCo draws pictures without a screen."""
    chosen = _probes.graphics()
    backend = chosen.get("MUJOCO_GL") or os.environ.get("MUJOCO_GL") or "the display"
    answer = _probes.ask(_probes.RENDERING, chosen)
    if answer.value is not None and answer.value["brightest"] > 0:
        return Finding("rendering", "ok", f"MuJoCo draws with {backend}", facts=answer.value)
    remedy = (
        f"On Debian or Ubuntu run `apt-get install {PACKAGES}`, then set MUJOCO_GL=egl. "
        "Only videos and data sets of images need it."
    )
    return Finding("rendering", "note", f"MuJoCo draws nothing with {backend}: {answer.failure or 'all black'}", remedy)


def has_gpu() -> bool:
    """Whether the NVIDIA driver is loaded."""
    return pathlib.Path("/dev/nvidiactl").exists()
