"""Keeps the console to what a user needs: each line once, no advertisements, no warnings in vain."""

from __future__ import annotations

import logging
import warnings

MENDED = (
    # Checkpoints hold the config of such an argument instead, see training/checkpoint_io.py.
    r"Attribute '.*' is an instance of `nn\.Module` and is already saved during checkpointing",
    # Lightning's own use of torch.
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)


def quiet_lightning() -> None:
    """Let Hydra's log handlers, where they are set up, be the only ones; call it after Lightning is imported."""
    for message in MENDED:
        warnings.filterwarnings("ignore", message=message)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_no_advertisement)
    for chatty in ("fsspec", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.INFO)
    if logging.getLogger().hasHandlers():
        for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "Tip: For seamless cloud" not in record.getMessage()
