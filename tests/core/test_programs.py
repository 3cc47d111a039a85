"""Compiled programs are kept, in a folder of the machine's kind, unless the user decided otherwise; bits stay."""

import os
import pathlib
import subprocess
import sys

import pytest
from childruns import in_child, remains, train_words

from cfgrl.acting import _compile_cache
from cfgrl.acting._compile_cache import compiled_folder

CHILD = """
import sys
from cfgrl.acting._compile_cache import keep_compiled
if sys.argv[1] == "jax":
    import jax
keep_compiled()
import jax
print(jax.config.jax_compilation_cache_dir, jax.config.jax_persistent_cache_min_compile_time_secs)
"""


def environment(**names: str) -> dict[str, str]:
    decided = {"JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"}
    return {**{k: v for k, v in os.environ.items() if k not in decided}, **names}


def kept(first: str, **names: str) -> str:
    command = [sys.executable, "-c", CHILD, first]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(**names))
    return done.stdout.strip()


@pytest.mark.parametrize("first", ["jax", "cfgrl"])
def test_the_folder_is_in_the_users_cache_before_or_after_jax_is_imported(tmp_path: pathlib.Path, first: str):
    folder, least = kept(first, CFGRL_CACHE=str(tmp_path)).split()
    assert pathlib.Path(folder).parent == tmp_path / "programs" and pathlib.Path(folder).is_dir()
    assert float(least) == 0.0


@pytest.mark.parametrize("first", ["jax", "cfgrl"])
def test_what_the_user_decided_stays(tmp_path: pathlib.Path, first: str):
    own = kept(first, CFGRL_CACHE=str(tmp_path / "cache"), JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own"))
    assert own == f"{tmp_path / 'own'} 1.0"
    occupied = tmp_path / "occupied"
    occupied.write_text("a file")
    assert kept(first, CFGRL_CACHE=str(occupied)) == "None 1.0", "a folder that cannot be made is no reason to fail"


def test_another_number_of_threads_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch):
    folders = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("PJRT_NPROC", threads)
        folders.add(compiled_folder())
    assert len(folders) == 2


def test_single_settings_of_the_user_stay(tmp_path: pathlib.Path):
    for first in ("jax", "cfgrl"):
        found = kept(first, CFGRL_CACHE=str(tmp_path), JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0.5")
        assert found.split()[1] == "0.5"


def test_what_was_not_read_for_longest_goes_once_a_day(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_compile_cache, "_SIZE", 1000)
    folder = tmp_path / "machine"
    folder.mkdir()
    for age in range(10):
        file = folder / f"jit_{age}-cache"
        file.write_bytes(bytes(150))
        os.utime(file, (1e9 - age, 1e9 - age))
    _compile_cache._prune(tmp_path)
    assert sorted(p.name for p in folder.iterdir()) == [f"jit_{age}-cache" for age in range(3)]
    (folder / "large-cache").write_bytes(bytes(2000))
    _compile_cache._prune(tmp_path)
    assert (folder / "large-cache").exists(), "it looked a moment ago"
    os.utime(tmp_path / "looked", (1e9, 1e9))
    _compile_cache._prune(tmp_path)
    assert list(folder.iterdir()) == []


def test_the_second_start_reads_what_the_first_compiled_and_gives_the_same_bits(
    data: pathlib.Path, tmp_path: pathlib.Path
):
    cache = {"CFGRL_CACHE": str(tmp_path / "cache")}
    said, found = {}, []
    without = {**cache, "JAX_ENABLE_COMPILATION_CACHE": "0"}
    for name, more in (("cold", cache), ("warm", cache), ("without", without), ("cut", cache)):
        run = tmp_path / name
        if name == "cut":  # as a kill leaves it: what is known to be whole is not looked at again
            (program,) = (tmp_path / "cache" / "programs").glob("*/jit__chunk*-cache")
            program.write_bytes(program.read_bytes()[:-50])
        told = {"JAX_LOG_COMPILES": "1", "JAX_EXPLAIN_CACHE_MISSES": "1"}
        done = in_child(*train_words(data, run, 50), env=environment(**more, **told))
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        said[name] = done.stderr
        found.append(remains(run))
    hit = "Persistent compilation cache hit for 'jit__chunk'"
    assert [name for name in said if hit in said[name]] == ["warm"]
    assert "PERSISTENT COMPILATION CACHE MISS" in said["cold"]
    assert "PERSISTENT COMPILATION CACHE MISS" not in said["warm"]
    assert "PERSISTENT COMPILATION CACHE MISS for 'jit__chunk'" in said["cut"]
    assert found[0] == found[1] == found[2] == found[3]
