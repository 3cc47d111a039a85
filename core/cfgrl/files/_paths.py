"""Folders that belong to the user, not to a run."""

import os
import pathlib

import platformdirs


def cache_folder() -> pathlib.Path:
    """The folder of generated data: the environment variable `CFGRL_CACHE`, else the user's cache."""
    return pathlib.Path(os.environ.get("CFGRL_CACHE") or platformdirs.user_cache_dir("cfgrl")).expanduser()
