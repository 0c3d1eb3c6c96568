"""Tells a recorder of every call in torch that makes one training another."""

from hydra_lightning.parity.imports import imports_that_draw_nothing
from hydra_lightning.parity.recorder import Recorder
from hydra_lightning.parity.watch.loaders import watch_loaders
from hydra_lightning.parity.watch.modules import watch_losses, watch_made, watch_modules
from hydra_lightning.parity.watch.program import (
    AskedForInputError,
    watch_arguments,
    watch_files,
    watch_input,
    watch_processes,
    watch_seeds,
)
from hydra_lightning.parity.watch.steps import (
    watch_backward,
    watch_clipping,
    watch_optimizers,
    watch_schedulers,
)
from hydra_lightning.parity.watch.told import watch_metrics, watch_told

__all__ = ["AskedForInputError", "watch", "watch_metrics"]


def watch(recorder: Recorder) -> None:
    """Patch torch, and what else a training calls, in this process; there is no way back."""
    imports_that_draw_nothing(recorder.tape.root, watch_told(recorder))
    watch_backward(recorder)
    watch_optimizers(recorder)
    watch_schedulers(recorder)
    watch_loaders(recorder)
    watch_modules(recorder)
    watch_made(recorder)
    watch_losses(recorder)
    watch_clipping(recorder)
    watch_seeds(recorder)
    watch_files(recorder)
    watch_input()
    watch_arguments(recorder)
    watch_processes(recorder)
