"""Downloads against a server on this machine: whole or not at all, once, with the digest recorded."""

import functools
import hashlib
import http.server
import io
import json
import pathlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cfgrl import DataError
from cfgrl_plugins.datasets._ogbench.download import download
from cfgrl_plugins.datasets.ogbench import OGBench

NAME = "pointmaze-medium-navigate-v0"


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `contents` by path; `mode` says how it misbehaves."""

    def __init__(self, server: "Server", *args, **kwargs):
        self.files = server
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        self.files.asked.append(self.path)
        content = self.files.contents.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        if self.files.mode != "no length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        cut = len(content) // 2 if self.files.mode in ("cut", "no length") else len(content)
        self.wfile.write(content[:cut])

    def log_message(self, format, *args) -> None:
        del format, args


class Server:
    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.mode = "good"
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, self))
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/sets"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    server = Server()
    for suffix, rows in ((".npz", 40), ("-val.npz", 20)):
        server.contents[f"/sets/{NAME}{suffix}"] = npz(rows)
    thread = threading.Thread(target=server.httpd.serve_forever)
    thread.start()
    yield server
    server.httpd.shutdown()
    server.httpd.server_close()
    thread.join()


def npz(rows: int) -> bytes:
    rng = np.random.default_rng(rows)
    places = rng.normal(size=(rows, 2)).astype(np.float32)
    actions = rng.uniform(-1, 1, (rows, 2)).astype(np.float32)
    buffer = io.BytesIO()
    np.savez(
        buffer, observations=places, actions=actions, terminals=np.arange(rows) % 20 == 19, qpos=places, qvel=places
    )
    return buffer.getvalue()


def test_a_download_is_recorded_and_can_be_loaded(server: Server, tmp_path: pathlib.Path) -> None:
    dataset = OGBench(NAME, dir=str(tmp_path), url=server.url)
    assert dataset.fetch() == tmp_path / f"{NAME}.npz"
    data, validation = dataset.load()
    assert validation is not None and (data.n_episodes, validation.n_episodes) == (2, 1)
    found = dataset.provenance()
    assert found["origin"] == "published"
    content = server.contents[f"/sets/{NAME}.npz"]
    assert found["record"]["files"][f"{NAME}.npz"] == {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    dataset.fetch()
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("mode", "says"), [("cut", "ended after .* nothing was kept"), ("no length", "did not answer with an npz file")]
)
def test_half_a_body_is_refused(server: Server, tmp_path: pathlib.Path, mode: str, says: str) -> None:
    server.mode = mode
    with pytest.raises(DataError, match=says):
        download(NAME, tmp_path, server.url)
    assert [path.name for path in tmp_path.iterdir()] == [f".{NAME}.lock"]


def test_a_missing_file_is_one_sentence(server: Server, tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match="404") as caught:
        download("antmaze-large-navigate-v0", tmp_path, server.url)
    assert "\n" not in str(caught.value)


def test_offline_says_where_it_looked_and_what_to_do(tmp_path: pathlib.Path, server: Server) -> None:
    closed = Server()
    closed.httpd.server_close()
    with pytest.raises(DataError, match="cannot be reached.*copy") as caught:
        download(NAME, tmp_path, closed.url)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(DataError, match="cannot be reached"):
        download(NAME, tmp_path, "no address")


def test_two_downloads_at_once_end_with_one(server: Server, tmp_path: pathlib.Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        paths = [future.result() for future in [pool.submit(download, NAME, tmp_path, server.url) for _ in range(2)]]
    assert paths == [tmp_path / f"{NAME}.npz"] * 2
    assert len(server.asked) == 2


def test_a_generated_file_is_not_replaced(server: Server, tmp_path: pathlib.Path) -> None:
    (tmp_path / f"{NAME}.json").write_text(json.dumps({"origin": "generated", "files": {}}))
    with pytest.raises(DataError, match="was generated there"):
        download(NAME, tmp_path, server.url)
    assert server.asked == []
