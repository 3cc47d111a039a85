"""How long the command line takes to answer: the median of several fresh processes.

Run by `make bench`. `cfgrl --help` and `cfgrl list` import no jax and should answer within 0.4 s.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

REPEATS = 7
COMMANDS = (("--help",), ("list",), ("list", "--json"), ("plugins",), ("train", "no-such-preset"))


#: Hook modules of ten plugins: eight good ones, one that raises, one whose class takes five seconds to import.
GOOD = "from cfgrl import Component, hookimpl\ncfgrl_api = 1\n@hookimpl\ndef cfgrl_labelers():\n"
TEN = {
    **{f"plugin-{i}": GOOD + f"    return {{'l{i}': Component('plugin_{i}:L', summary='good')}}\n" for i in range(8)},
    "plugin-broken": "raise RuntimeError('broken on purpose')\n",
    "plugin-slow": GOOD + "    return {'slow': Component('slow_class:Slow', summary='slow')}\n",
}


def write_plugins(site: pathlib.Path) -> None:
    """Ten distributions in a folder that can be put on the path."""
    (site / "slow_class.py").write_text("import time\ntime.sleep(5)\nclass Slow: pass\n")
    for name, source in TEN.items():
        module = name.replace("-", "_")
        (site / f"{module}.py").write_text(source)
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[cfgrl]\n{name} = {module}\n")


def seconds(arguments: tuple[str, ...], path: str = "") -> float:
    """Wall time of one process, with a folder of plugins on its path."""
    program = pathlib.Path(sys.executable).with_name("cfgrl")
    environment = {**os.environ, "PYTHONPATH": path}
    began = time.perf_counter()
    done = subprocess.run(
        [str(program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment
    )
    elapsed = time.perf_counter() - began
    if done.returncode not in (0, 2):
        sys.exit(f"cfgrl {' '.join(arguments)} ended with {done.returncode}: {done.stderr.decode()}")
    return elapsed


def main() -> None:
    """Print one line a command, and all of it as JSON where BENCH_JSON names a file."""
    medians = {}
    for arguments in COMMANDS:
        seconds(arguments)  # The first process may compile bytecode.
        medians["cfgrl " + " ".join(arguments)] = statistics.median(seconds(arguments) for _ in range(REPEATS))
    with tempfile.TemporaryDirectory() as site:
        write_plugins(pathlib.Path(site))
        seconds(("list",), site)
        medians["cfgrl list, ten plugins"] = statistics.median(seconds(("list",), site) for _ in range(REPEATS))
    for command, median in medians.items():
        print(f"{command:<30} {median:6.3f} s")
    if "BENCH_JSON" in os.environ:
        pathlib.Path(os.environ["BENCH_JSON"]).write_text(json.dumps(medians, indent=2) + "\n")


if __name__ == "__main__":
    main()
