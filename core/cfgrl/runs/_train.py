"""The use case of `cfgrl train`: an experiment is trained in a run directory, under its lock."""

import contextlib

from cfgrl.config._experiment import Experiment
from cfgrl.runs import _checkpoint
from cfgrl.runs._resume import check_same_configuration
from cfgrl.runs._run import RunDirectory
from cfgrl.runs._signals import Stop
from cfgrl.runs._trainer import train_run


def train_in(experiment: Experiment, directory: RunDirectory, stop: Stop, *, strict: bool = False) -> bool:
    """Train under the directory's lock and record a failure in it; returns whether anything was left to do."""
    if directory.exists:
        check_same_configuration(experiment, directory)
    with directory.lock():
        try:
            return train_run(experiment, directory, stop=stop, strict=strict)
        except Exception as error:
            with contextlib.suppress(Exception):  # on a full disk the error itself matters more than its record
                step = _checkpoint.newest(directory.checkpoints)
                directory.record_error(error, getattr(error, "exit_code", 1), step)
            raise
