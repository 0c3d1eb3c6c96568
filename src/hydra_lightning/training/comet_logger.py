"""A Comet logger that records offline."""

from __future__ import annotations

import os
from typing import Any

from lightning.pytorch import loggers


class CometLogger(loggers.CometLogger):
    """Lightning's CometLogger, recording to a file when it is offline.

    Lightning 2.6 disables the experiment with ``online=False``: nothing is kept. Comet's own setting
    ``COMET_START_ONLINE`` writes an archive in ``offline_directory``, to send later with ``comet upload``.

    Args:
        online: whether to send to Comet's server.
        arguments: those of Lightning's CometLogger (``project``, ``workspace``, ``name``,
            ``offline_directory``, ...).
    """

    def __init__(self, online: bool = True, **arguments: Any) -> None:
        os.environ["COMET_START_ONLINE"] = str(online)
        super().__init__(**arguments)
