"""The errors that a user can meet, each with the exit code it ends a command with.

Every message says what is wrong, where (file, line, key) and what to do about it. Anything that is not a
`CfgrlError` is a fault of this library and shows its traceback.
"""


class CfgrlError(Exception):
    """Base of all errors that are answered with one message and no traceback."""

    exit_code = 1


class ConfigError(CfgrlError):
    """A command, registry file, key or combination that cannot work (exit code 2)."""

    exit_code = 2


class DataError(CfgrlError):
    """A data set that is missing, broken or hostile (exit code 3)."""

    exit_code = 3


class PluginError(CfgrlError):
    """A plugin that is needed and did not load (exit code 4)."""

    exit_code = 4


class NumericError(CfgrlError):
    """A loss that became NaN or infinite (exit code 5)."""

    exit_code = 5


class CheckpointError(CfgrlError):
    """A checkpoint or run directory that cannot be read or written (exit code 6)."""

    exit_code = 6


class LockedError(CfgrlError):
    """A directory that another process is using (exit code 7)."""

    exit_code = 7


class Preempted(CfgrlError):
    """A run stopped by a signal after saving; the same command resumes it (exit code 75)."""

    exit_code = 75
