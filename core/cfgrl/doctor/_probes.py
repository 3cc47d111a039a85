"""Questions about this machine that can hang or abort: each is asked in a child process with a time limit.

A broken graphics driver kills the process that touches it, and a broken accelerator can block for ever, so neither is
tried in the process that has to report it.
"""

import json
import os
import re
import subprocess
import sys
from typing import Any, NamedTuple

#: Seconds that a probe may take; a first import from a cold disk is slow.
LIMIT = 120.0
_EXCEPTION = re.compile(r"[\w.]*(Error|Exception|Exit)\b")

DEVICES = """
import json, jax, jax.numpy as jnp
value = jax.jit(lambda x: (x @ x).sum())(jnp.ones((8, 8)))
found = [{"platform": d.platform, "kind": d.device_kind} for d in jax.devices()]
print(json.dumps({"devices": found, "computes": float(value) == 512.0}))
"""

RENDERING = """
import json, mujoco
model = mujoco.MjModel.from_xml_string(
    "<mujoco><worldbody><light pos='0 0 3'/><geom type='sphere' size='1' rgba='1 0 0 1'/></worldbody></mujoco>"
)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 32, 32) as renderer:
    renderer.update_scene(data)
    print(json.dumps({"brightest": int(renderer.render().max())}))
"""

SIMULATION = """
import json, ogbench
env = ogbench.make_env_and_datasets("pointmaze-medium-navigate-v0", env_only=True)
env.reset(seed=0, options={"task_id": 1})
observation, *_ = env.step(env.action_space.sample() * 0.0)
print(json.dumps({"observation": list(observation.shape)}))
"""


class Answer(NamedTuple):
    """What a probe found: `value` where it worked, else `failure`, one line that says what happened."""

    value: dict[str, Any] | None
    failure: str | None


def ask(code: str, environment: dict[str, str] | None = None, limit: float = LIMIT) -> Answer:
    """Run Python code that prints one line of JSON in a child process.

    **Arguments:**

    - `code`: what to run; its last line of output is the answer.
    - `environment`: variables to set beside those of this process.
    - `limit`: seconds until the child is killed.
    """
    # `-P` keeps the working directory off the path: a file called mujoco.py there is not what is asked about.
    command = [sys.executable, "-P", "-c", code]
    try:
        child = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(None, f"no answer within {limit:g} seconds")
    if child.returncode != 0:
        return Answer(None, _complaint(child.returncode, child.stderr))
    try:
        return Answer(json.loads(child.stdout.strip().splitlines()[-1]), None)
    except (ValueError, IndexError):
        return Answer(None, f"no answer, but {child.stdout.strip()[-200:]!r}")


def graphics() -> dict[str, str]:
    """`MUJOCO_GL` as rendering needs it here: as the user set it, else EGL where there is no display."""
    if "MUJOCO_GL" in os.environ or os.environ.get("DISPLAY"):
        return {}
    return {"MUJOCO_GL": "egl"}


def _complaint(code: int, stderr: str) -> str:
    if code < 0:
        return f"the process was ended by signal {-code}"
    lines = [line for line in stderr.splitlines() if line.strip()]
    # The first exception explains; one raised while a half-made object is deleted may follow it. Source lines of a
    # traceback are indented.
    errors = [line for line in lines if _EXCEPTION.match(line)]
    return " ".join((errors or lines[-1:] or [f"exit code {code}"])[0].split())[:300]
