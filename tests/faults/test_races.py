"""Sixteen processes that want one data set: one does the work, and all have the same bytes."""

import hashlib
import http.server
import json
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from childruns import NAME, cfgrl

PROCESSES = 16


def at_once(*words: str) -> list[tuple[str, str]]:
    """Standard output and error of so many processes that were started together and all succeeded."""
    command = [sys.executable, "-m", "cfgrl", *words]
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    said = [child.communicate(timeout=300) for child in children]
    assert [child.returncode for child in children] == [0] * PROCESSES, said
    return said


def hashes(said: list[tuple[str, str]]) -> set[tuple[str, ...]]:
    return {tuple(file["sha256"] for file in json.loads(out)["files"]) for out, _ in said}


def test_one_generates_and_all_have_the_same(tmp_path: pathlib.Path):
    said = at_once("data", "generate", NAME, "--episodes", "2", "--dir", str(tmp_path), "--json")
    assert len(hashes(said)) == 1
    assert sum("nothing to do" in error for _, error in said) == PROCESSES - 1
    assert sorted(p.name for p in tmp_path.glob("[!.]*")) == [f"{NAME}-val.npz", f"{NAME}.json", f"{NAME}.npz"]
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[tuple[str, list[str]]]:
    """A server of one data set on this machine, and what was asked of it."""
    made = cfgrl("data", "generate", NAME, "--episodes", "2", "--seed", "1", "--dir", str(tmp_path / "there"))
    assert made.returncode == 0, made.stderr
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=str(tmp_path / "there"), **kwargs)

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *args):
            del args

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def test_one_fetches_and_all_have_the_same(server: tuple[str, list[str]], tmp_path: pathlib.Path):
    url, asked = server
    said = at_once("data", "get", NAME, "--url", url, "--dir", str(tmp_path / "here"), "--json")
    (found,) = hashes(said)
    there = [(tmp_path / "there" / f"{NAME}{end}.npz").read_bytes() for end in ("", "-val")]
    assert set(found) == {hashlib.sha256(content).hexdigest() for content in there}
    assert sorted(asked) == [f"/{NAME}-val.npz", f"/{NAME}.npz"]
