"""No network but for `data get`, no code in run directories: what docs/trust.md says of both."""

import http.server
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

NAME = "pointmaze-medium-navigate-v0"
#: Installed before anything else in the process and in all that it starts: notes each attempt to reach a network.
HOOK = """
import os, sys
EVENTS = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.sendto",
          "socket.sendmsg", "urllib.Request", "http.client.connect", "ftplib.connect", "smtplib.connect"}
def hear(event, arguments):
    if event in EVENTS and not (event in ("socket.connect", "socket.sendto") and is_local(arguments)):
        handle = os.open(os.environ["CFGRL_TEST_TRAFFIC"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, f"{event} {arguments!r:.200}\\n".encode())
        os.close(handle)
def is_local(arguments):  # sockets of the file system
    return isinstance(arguments[-1], (str, bytes))
sys.addaudithook(hear)
"""
#: Imports everything, then runs every command but `demo`, which is these commands in a row and takes minutes.
COMMANDS = """
import importlib, json, pkgutil, sys
import cfgrl, cfgrl_plugins
for package in (cfgrl, cfgrl_plugins):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
for name in cfgrl.__all__:
    getattr(cfgrl, name)
from cfgrl.cli._main import COMMANDS, main
ran = set()
for words in json.loads(sys.argv[1]):
    code = main(words)
    assert code == 0, (words, code)
    ran.add(words[0])
assert ran == set(COMMANDS) - {"demo"}, set(COMMANDS) - ran
"""
SWEEP = """
[sweep.plane]
data.plane.use = "bandit"
data.plane.set.size = 40
set.train.steps = 2
set.train.log_every = 1
set.train.batch_size = 4
set.policy.network.hidden = [4]
set.policy.steps = 1
set.eval.episodes = 2
presets = ["flow-bc"]
"""
TRAIN = [
    "train", "flow-bc", "dataset.use=bandit", "dataset.size=40", "train.steps=2", "train.log_every=1",
    "train.batch_size=4", "policy.network.hidden=[4]", "policy.steps=1", "--run-dir", "run",
]  # fmt: skip
LINES = [
    TRAIN,
    [*TRAIN[:-2], "train.trackers=['tensorboard','wandb']", "--run-dir", "tracked"],
    ["eval", "run", "--episodes", "2"],
    ["density", "run", "--rows", "2", "--samples", "2"],
    ["sweep", "plane", "--registry", "sweep.toml"],
    ["report", "run"],
    ["plot", "run"],
    ["list"],
    ["show", "cfgrl-goal"],
    ["plugins"],
    ["plugin", "new", "mine", "--kind", "guidance"],
    ["plugin", "check", "mine"],
    ["data", "list"],
    ["data", "generate", NAME, "--episodes", "1", "--dir", "data"],
    ["data", "check", NAME, "--dir", "data"],
    ["data", "check", f"data/{NAME}.npz"],
    ["doctor"],
]


def child(folder: pathlib.Path, code: str, *words: str, before: tuple[str, ...] = ()) -> tuple[int, str, list[str]]:
    """Run code below the hook; returns its exit code, what it said, and which networks it asked for."""
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    traffic = folder / "traffic"
    environment = {
        **{k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith("WANDB")},
        "PYTHONPATH": os.pathsep.join(filter(None, (str(folder / "hook"), os.environ.get("PYTHONPATH")))),
        "CFGRL_TEST_TRAFFIC": str(traffic),
        "CFGRL_CACHE": str(folder / "cache"),
    }
    command = [*before, sys.executable, "-c", code, *words]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, timeout=300, check=False
    )
    seen = traffic.read_text().splitlines() if traffic.exists() else []
    return done.returncode, done.stdout + done.stderr, seen


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, list[str]]:
    """The folder in which all commands ran, and their traffic."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "sweep.toml").write_text(SWEEP)
    code, said, seen = child(folder, COMMANDS, json.dumps(LINES))
    assert code == 0, said[-3000:]
    return folder, seen


def test_nothing_uses_a_network(ran: tuple[pathlib.Path, list[str]]) -> None:
    assert ran[1] == []


def isolated() -> bool:
    """Whether this kernel gives a process an empty network of its own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


def test_it_runs_where_there_is_no_network(tmp_path: pathlib.Path) -> None:
    if not isolated():
        pytest.skip("this kernel gives no network namespaces to users (unshare -rn)")
    some = [TRAIN, *(words for words in LINES if words[0] == "eval")]
    lines = (
        "import json, sys\nfrom cfgrl.cli._main import main\nfor w in json.loads(sys.argv[1]): assert main(w) == 0, w"
    )
    code, said, seen = child(tmp_path, lines, json.dumps(some), before=("unshare", "-rn"))
    assert code == 0, said[-3000:]
    assert not seen


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that has nothing."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def test_a_download_is_seen(server: str, tmp_path: pathlib.Path) -> None:
    code = "import sys\nfrom cfgrl.cli._main import main\nsys.exit(main(sys.argv[1:]))"
    words = ["data", "get", NAME, "--dir", str(tmp_path / "data"), "--url", server]
    ended, said, seen = child(tmp_path, code, *words)
    assert ended == 3, said
    assert any(line.startswith("socket.connect") and "127.0.0.1" in line for line in seen), seen


def kind(run: pathlib.Path, path: pathlib.Path) -> str:
    """What a file of a run directory is, by its place and its first bytes; empty where it is nothing known."""
    name, start = str(path.relative_to(run)), path.read_bytes()[:64]
    if path.name == "config.toml":
        return "TOML" if start.startswith(b"#") else ""
    if path.suffix == ".json" or path.name in (".zarray", ".zattrs", "_METADATA", "_CHECKPOINT_METADATA"):
        return "JSON" if json.loads(path.read_text()) is not None else ""
    if path.suffix == ".jsonl":
        return "JSON lines" if all(json.loads(line) for line in path.read_text().splitlines()) else ""
    if name.startswith("checkpoints/") and path.parent.joinpath(".zarray").is_file():
        return "numbers" if path.name.replace(".", "").isdecimal() else ""
    if path.suffix == ".png":
        return "PNG" if start.startswith(b"\x89PNG") else ""
    if path.suffix == ".html":
        return "HTML" if start.lower().startswith(b"<!doctype html>") else ""
    return "lock" if path.name == ".lock" else ""


def unknown(run: pathlib.Path) -> list[str]:
    """The files of a run directory that are none of the known kinds, are links, or could be executed."""
    files = [path for path in run.rglob("*") if path.is_symlink() or not path.is_dir()]
    assert len(files) > 20
    return [
        str(path)
        for path in files
        if path.is_symlink()
        or not kind(run, path)
        or path.stat().st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    ]


def test_a_run_directory_holds_no_code(ran: tuple[pathlib.Path, list[str]], tmp_path: pathlib.Path) -> None:
    run = ran[0] / "run"
    assert (run / "report.html").exists() and list((run / "figures").iterdir()) and (run / "eval.jsonl").exists()
    assert unknown(run) == []
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    for name in ("state.pkl", "checkpoints/2/state/key/more.py", "figures/a.png", "__pycache__/a.pyc"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_bytes(b"\x80\x04N.")
    (copy / "manifest.json").chmod(0o755)
    assert len(unknown(copy)) == 5  # the test sees what it looks for


def test_no_file_of_a_run_is_a_pickle(ran: tuple[pathlib.Path, list[str]]) -> None:
    for path in (ran[0] / "run").rglob("*"):
        if path.is_file() and "checkpoints" not in path.parts:  # numbers may begin with any byte
            assert not path.read_bytes().startswith((b"\x80\x04", b"\x80\x05", b"\x80\x03")), path
