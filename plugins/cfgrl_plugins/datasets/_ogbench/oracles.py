"""The package's oracles for the arm: which there are in an environment, and with which settings OGBench used them."""

import importlib
from typing import Any

#: What there is to be done in each family; an oracle each.
_TASKS = {"cube": ("cube",), "scene": ("cube", "button", "drawer", "window"), "puzzle": ("button",)}


def open_oracles(simulation: Any, family: str, style: str, **options: float) -> dict[str, Any]:
    """An oracle for each task that the environment may set.

    **Arguments:**

    - `simulation`: the environment, in its mode `data_collection`.
    - `family`: `cube`, `scene` or `puzzle`.
    - `style`: `plan` follows a plan that is made beforehand; `markov` looks at the state only.
    - `options`: settings of the style, the same for each oracle.

    **Returns:** oracles by the name that `info["privileged/target_task"]` gives.
    """
    found = {}
    for task in _TASKS[family]:
        module = importlib.import_module(f"ogbench.manipspace.oracles.{style}.{task}_{style}")
        extra: dict[str, Any] = {}
        if family == "puzzle":
            extra["gripper_always_closed"] = True
        elif (family, style, task) == ("scene", "markov", "cube"):
            extra["max_step"] = 100
        found[task] = getattr(module, f"{task.title()}{style.title()}Oracle")(env=simulation, **options, **extra)
    return found
