"""A user with a virtual environment of their own, for tests of what is installed into one."""

import json
import os
import pathlib
import subprocess
import sys
import sysconfig
from typing import Any, NamedTuple

import cfgrl
import cfgrl_plugins


class User(NamedTuple):
    """Somebody with an environment of their own: its interpreter, and a folder to work in."""

    python: pathlib.Path
    folder: pathlib.Path

    def run(self, *words: str, cwd: pathlib.Path | None = None) -> str:
        """Run a child process that has to succeed; returns what it printed."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CFGRL_", "PYTHON"))}
        environment |= {"PJRT_NPROC": "2", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
        done = subprocess.run(
            [str(self.python), *words],
            cwd=cwd or self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def cfgrl(self, *words: str) -> str:
        """Run the command line."""
        return self.run("-m", "cfgrl", *words)

    def json(self, *words: str) -> Any:
        """Run the command line with `--json`."""
        return json.loads(self.cfgrl(*words, "--json"))

    def install(self, *packages: str) -> None:
        """Install folders of `folder` for real, without a network, by the running environment's pip and hatchling."""
        pip = ["-m", "pip", "--disable-pip-version-check", "--python", str(self.python), "install", "--quiet"]
        offline = ["--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
        command = [sys.executable, *pip, *offline, *(f"./{name}" for name in packages)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def environment(folder: pathlib.Path) -> pathlib.Path:
    """The interpreter of a new virtual environment that sees the packages of the running one; without pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    roots = [str(pathlib.Path(module.__path__[0]).parent) for module in (cfgrl, cfgrl_plugins)]
    seen = dict.fromkeys([sysconfig.get_path("purelib"), *roots])
    own = sysconfig.get_path("purelib", scheme="venv", vars={"base": str(folder), "platbase": str(folder)})
    # Not --system-site-packages: those are the interpreter's own, and not those of the environment that runs the tests.
    (pathlib.Path(own) / "outer.pth").write_text("\n".join(seen))
    return folder / "bin" / "python"
