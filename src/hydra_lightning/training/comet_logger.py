"""A Comet logger that records offline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.pytorch import loggers


class CometLogger(loggers.CometLogger):
    """Lightning's CometLogger, recording to a file when it is offline.

    Lightning 2.6 disables the experiment with ``online=False``: nothing is kept. Comet's own setting
    ``COMET_START_ONLINE`` writes an archive in ``offline_directory``, to send later with ``comet upload``.

    Args:
        online: whether to send to Comet's server.
        offline_directory: where the archive goes; made when it is not there.
        arguments: further ones of Lightning's CometLogger, as ``project``, ``workspace`` or ``name``.
    """

    def __init__(
        self, online: bool = True, offline_directory: str | os.PathLike[str] | None = None, **arguments: Any
    ) -> None:
        os.environ["COMET_START_ONLINE"] = str(online)
        if offline_directory is not None and not online:
            Path(offline_directory).mkdir(parents=True, exist_ok=True)
            arguments["offline_directory"] = os.fspath(offline_directory)
        super().__init__(**arguments)
