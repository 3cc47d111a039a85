"""What MuJoCo does to a process unasked: it chooses a renderer when it is imported, and writes warnings to a file."""

import contextlib
import ctypes.util
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any


def choose_renderer() -> None:
    """Set `MUJOCO_GL` where there is no display, unless somebody has; call it before MuJoCo is imported.

    Without a display its own choice can abort the process.
    """
    seen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform == "linux" and not seen:
        os.environ.setdefault("MUJOCO_GL", "egl" if ctypes.util.find_library("EGL") else "disabled")


@contextlib.contextmanager
def without_log() -> Iterator[None]:
    """Load models within this: else their warnings go to a file `MUJOCO_LOG.TXT` in the working directory."""
    choose_renderer()
    mujoco: Any = importlib.import_module("mujoco")
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda message: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)
