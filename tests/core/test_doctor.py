import importlib.metadata
import json
import pathlib
import subprocess
import sys

import pytest

from cfgrl.catalogue._plugins import Plugin
from cfgrl.doctor import _machine, _packages, _probes, _storage


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cfgrl", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_reports_this_machine_and_exits_with_zero() -> None:
    done = doctor("--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"]
    expected = {
        "versions",
        "plugins",
        "devices",
        "simulation",
        "rendering",
        "data",
        "cache",
        "disk",
        "threads",
        "extras",
    }
    assert set(answer["checks"]) == expected
    assert answer["checks"]["versions"]["facts"]["packages"]["jax"] == importlib.metadata.version("jax")
    assert answer["checks"]["threads"]["facts"]["PJRT_NPROC"] == "2"
    assert answer["checks"]["plugins"]["facts"]["failed"] == {}
    # Every finding that is not fine says what mends it.
    assert all(check["remedy"] for check in answer["checks"].values() if check["status"] != "ok")


def test_what_is_broken_decides_the_exit_code(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    monkeypatch.setenv("CFGRL_CACHE", str(occupied))
    done = doctor()
    assert done.returncode == 2
    assert "broken cache" in done.stdout
    assert "set CFGRL_CACHE to a folder that is" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("import time; time.sleep(60)", "no answer within 1 seconds"),
        ("import os; os.abort()", "the process was ended by signal 6"),
        (
            "try:\n  1 / 0\nexcept Exception as e:\n  raise KeyError('lost') from e",
            "ZeroDivisionError: division by zero",
        ),
        ("print('hello')", "no answer, but 'hello'"),
        ("import sys; sys.exit(3)", "exit code 3"),
    ],
)
def test_a_probe_survives_its_child(code: str, failure: str) -> None:
    assert _probes.ask(code, limit=1.0 if "sleep" in code else 60.0) == (None, failure)


def test_a_probe_reads_the_last_line() -> None:
    assert _probes.ask("print('noise'); print('{\"a\": 1}')").value == {"a": 1}


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name in ("optax", "matplotlib"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = _packages.versions()
    assert (found.status, found.remedy) == ("broken", "Run `pip install optax`.")
    extras = _packages.extras()
    assert extras.status == "note"
    assert extras.remedy is not None
    assert "cfgrl[plot]" in extras.remedy


@pytest.mark.parametrize(("distribution", "status"), [("cfgrl", "broken"), ("other", "note")])
def test_a_failed_plugin_is_essential_only_where_it_is_our_own(
    distribution: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = list(_packages.discover())
    plugins.append(Plugin(distribution, "1.0", "thing", "thing", failure="ImportError: no thing"))
    monkeypatch.setattr(_packages, "discover", lambda: plugins)
    found = _packages.plugins()
    assert found.status == status
    assert "ImportError: no thing" in found.detail
    assert found.exit_code == 4


def test_an_accelerator_that_is_not_used_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _probes.Answer({"devices": [{"platform": "cpu", "kind": "cpu"}], "computes": True}, None)
    monkeypatch.setattr(_probes, "ask", lambda *_: answer)
    monkeypatch.setattr(_machine, "has_gpu", lambda: True)
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    found = _machine.devices()
    assert (found.status, found.remedy) == ("note", "Run `pip install 'cfgrl[cuda]'` to compute on the NVIDIA GPU.")


def test_rendering_that_fails_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_probes, "ask", lambda *_: _probes.Answer(None, "the process was ended by signal 6"))
    found = _machine.rendering()
    assert found.status == "note"
    assert found.remedy is not None
    assert all(name in found.remedy for name in ("libegl1", "libegl-mesa0", "libopengl0", "libgl1-mesa-dri"))


def test_a_full_disk_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_storage, "ROOM", 1 << 80)
    assert _storage.disk().status == "note"
