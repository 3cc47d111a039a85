"""What lies in a run directory, by name, and that it lies there: a run directory may come from anybody."""

import os
import pathlib
import stat

from cfgrl._errors import CheckpointError

#: Everything in a run directory that a command opens by its name.
NAMES = (
    "config.toml", "manifest.json", "metrics.jsonl", "eval.jsonl", "episodes.jsonl", "density.jsonl",
    "rollouts.json", "error.json", ".lock", "report.html", "checkpoints", "figures", "videos", "tensorboard", "wandb",
)  # fmt: skip
_FOLDERS = ("checkpoints", "figures", "videos", "tensorboard", "wandb")


class RunFiles:
    """The files of a run directory. Making one touches nothing."""

    def __init__(self, path: str | os.PathLike[str]):
        self.path = pathlib.Path(path)
        self.config = self.path / "config.toml"
        self.manifest_file = self.path / "manifest.json"
        self.metrics = self.path / "metrics.jsonl"
        self.evaluations = self.path / "eval.jsonl"
        self.density = self.path / "density.jsonl"
        self.episodes = self.path / "episodes.jsonl"
        self.rollouts = self.path / "rollouts.json"
        self.checkpoints = self.path / "checkpoints"
        self.error = self.path / "error.json"

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return self.config.is_file() and self.manifest_file.is_file()


def require_plain(folder: pathlib.Path) -> None:
    """Raise `CheckpointError` for a link, a pipe or a device in the place of a run directory's own files and folders.

    A line appended through a link would change a file anywhere, and a pipe keeps its reader waiting for ever.
    """
    for name in NAMES:
        try:
            mode = os.lstat(folder / name).st_mode
        except OSError:  # missing or unreadable: its reader will say so
            continue
        if not (stat.S_ISDIR(mode) if name in _FOLDERS else stat.S_ISREG(mode)):
            what = "a link" if stat.S_ISLNK(mode) else "no folder" if name in _FOLDERS else "no regular file"
            raise CheckpointError(f"{folder / name} is {what}; put there what is meant itself, or remove it.")
