"""The mistakes that a user can make, one type a kind.

Every message is complete by itself: what is wrong, where (file, key or path) and what would be right.
The command line prints it without a traceback and exits with 1.
"""


class HydraLightningError(Exception):
    """Base of every error that a user can mend; its text is shown as it is."""


class ConfigError(HydraLightningError):
    """A config or an override is wrong: an unknown key, option or target, a missing value, broken YAML."""


class MissingPackageError(HydraLightningError):
    """An option needs a package that is not installed; the message names the ``pip install`` to type."""


class RunError(HydraLightningError):
    """A run folder cannot be created, found or read."""


class CheckpointError(HydraLightningError):
    """A checkpoint is missing, corrupt, of another model, or would not be plain data."""


class ExportError(HydraLightningError):
    """A model cannot be exported, or the exported one does not give what the model gives."""


class ProjectError(HydraLightningError):
    """A project folder cannot be written or is not one."""


class ParityError(HydraLightningError):
    """Two trainings cannot be compared: a program cannot be run under the recorder, or a tape cannot be read."""
