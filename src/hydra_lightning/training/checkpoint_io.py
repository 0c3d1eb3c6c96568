"""Checkpoints that hold plain data, are written whole or not at all, and are checked before they are used."""

from __future__ import annotations

import difflib
import os
import pickle
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.cloud_io import _is_local_file_protocol
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden

from hydra_lightning.errors import CheckpointError
from hydra_lightning.training.plain import plain_hyper_parameters, plain_state, qualified_name

OURS = "hydra_lightning"
"""Key of a checkpoint under which the configs of model and data are, as plain containers."""

SHOWN = 4


class PlainCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints that ``torch.load(..., weights_only=True)`` loads, whatever the hyper-parameters
    are.

    Pass it to ``Trainer(plugins=[...])``. Hyper-parameters become plain containers (see
    `plain_hyper_parameters`; the live ones stay as they are),
    everything else is converted where nothing is lost. ``load_from_checkpoint`` then needs the arguments
    that are objects: ``Module.load_from_checkpoint(path, net=net)``.

    A file is written beside its final name, read back, and moved there only when it is whole: an earlier
    checkpoint of that name survives a full disk and a killed process. Tensors are streamed to the file, not
    collected in memory first. Remote paths (``s3://...``) are written by Lightning after the conversion.

    Applies to the strategies that write one file: single device, ddp, ddp_spawn, and fsdp with
    ``state_dict_type="full"``. With sharded state FSDP writes a folder by itself and does not ask this class.

    Args:
        model_config: the config of the model, as plain containers: what stands for a hyper-parameter that
            is an object.
        data_config: the same for the data module.
    """

    def __init__(
        self, model_config: Mapping[str, Any] | None = None, data_config: Mapping[str, Any] | None = None
    ) -> None:
        self.model_config = model_config
        self.data_config = data_config

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write ``checkpoint`` to ``path``.

        Raises:
            CheckpointError: something in it has no plain form, or the file cannot be written (a full disk, a
                read-only folder); an earlier file of that name is as it was.
        """
        plain = self._plain(checkpoint)
        path = os.fspath(path)
        if storage_options is not None or not _is_local_file_protocol(path):
            super().save_checkpoint(plain, path, storage_options)
        else:
            _write(plain, Path(path.removeprefix("file://")))

    def _plain(self, checkpoint: dict[str, Any]) -> dict[str, Any]:
        hyper_parameters = {
            LightningModule.CHECKPOINT_HYPER_PARAMS_KEY: self.model_config,
            LightningDataModule.CHECKPOINT_HYPER_PARAMS_KEY: self.data_config,
        }
        types = (
            LightningModule.CHECKPOINT_HYPER_PARAMS_TYPE,
            LightningDataModule.CHECKPOINT_HYPER_PARAMS_TYPE,
        )
        plain = {
            key: plain_hyper_parameters(value, hyper_parameters[key])
            if key in hyper_parameters
            else plain_state(value, (key,))
            for key, value in checkpoint.items()
            if key not in types
        }
        configs = {"model": self.model_config, "data": self.data_config}
        ours = {
            name: plain_hyper_parameters(config) for name, config in configs.items() if config is not None
        }
        return {**plain, OURS: ours} if ours else plain


def check_checkpoint(
    path: str | os.PathLike[str], model: LightningModule, weights_only: bool | None = None
) -> None:
    """Check that ``path`` is a checkpoint that ``model`` can load, without reading its tensors.

    Keys and shapes are compared only when they are certain: not for a model with ``on_load_checkpoint``,
    ``configure_model`` or a ``load_state_dict`` of its own. ``strict_loading = False`` allows missing and
    further keys. A model with a ``setup`` of its own is refused only when not one key is shared;
    `explained_load_errors` says the rest. Remote paths and sharded checkpoints (folders) are left to
    Lightning.

    Args:
        path: the checkpoint.
        model: the model, as the config built it.
        weights_only: False loads a checkpoint that holds Python objects, which can run code: for files you
            trust.

    Raises:
        CheckpointError: the file is missing (names what is there), is damaged, is no checkpoint, holds Python
            objects, or is of another model (names the first keys and shapes that differ).
    """
    if not _is_local_file_protocol(os.fspath(path)):
        return
    file = Path(os.fspath(path).removeprefix("file://"))
    if not file.exists():
        raise CheckpointError(f"{file}: there is no such checkpoint.{_beside(file)}")
    if file.is_dir():
        if not (file / ".metadata").is_file():
            raise CheckpointError(f"{file} is a folder, not a checkpoint.{_beside(file / '_')}")
        return
    checkpoint = _read(file, weights_only=weights_only is not False)
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise CheckpointError(f"{file} is no checkpoint of Lightning: {_instead(checkpoint)}")
    differences = _differences(checkpoint["state_dict"], model)
    if differences:
        raise CheckpointError(_of_another_model(file, model, differences, _writer(checkpoint)))


@contextmanager
def explained_load_errors(path: str | os.PathLike[str] | None, model: LightningModule) -> Iterator[None]:
    """Turn torch's error about a state_dict that does not fit ``model`` into a CheckpointError naming
    ``path``.

    For around ``trainer.fit(..., ckpt_path=path)`` and the like: finds what `check_checkpoint` cannot
    know before, because the model makes its layers in ``setup``.
    """
    try:
        yield
    except Exception as error:
        start = f"Error(s) in loading state_dict for {type(model).__name__}:"
        _, found, text = str(error).partition(start)
        if path is None or not found:
            raise
        lines = [f"  {line.strip()}" for line in text.strip().splitlines()]
        raise CheckpointError(_of_another_model(Path(path), model, lines, writer=None)) from error


def _write(checkpoint: dict[str, Any], path: Path) -> None:
    # The name is fixed, so that what a killed process left is overwritten by the next attempt.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        _read(temporary, weights_only=True)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{path}: the checkpoint could not be written: {_cause(error, path)}"
        ) from error
    except CheckpointError as error:
        raise CheckpointError(
            f"{path} was not written: {str(error).replace(str(temporary), 'it')}"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _cause(error: BaseException, path: Path) -> str:
    existing = next(folder for folder in path.parents if folder.exists())
    free = shutil.disk_usage(existing).free / 1e6
    # torch's writer fails once more while it closes the file: the disk's own error is the one before.
    while not isinstance(error, OSError) and error.__context__ is not None:
        error = error.__context__
    first = str(error).splitlines()[0]
    return f"{first}\n{free:,.1f} MB are free in {existing}. No earlier checkpoint was changed."


def _read(path: Path, weights_only: bool) -> Any:
    """The content of a checkpoint, its tensors mapped from the file rather than read."""
    try:
        with path.open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
        return torch.load(path, map_location="cpu", mmap=zipped, weights_only=weights_only)
    except pickle.UnpicklingError as error:
        objects = torch.serialization.get_unsafe_globals_in_checkpoint(path) if zipped else []
        objects = objects or re.findall(r"Unsupported global: GLOBAL (\S+)", str(error))
        if not objects:
            raise CheckpointError(_unreadable(path, error)) from error
        raise CheckpointError(
            f"{path} holds Python objects beside weights: {_first(sorted(objects))}.\n"
            "Loading them can run code. If you trust the file, add +weights_only=false."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, ImportError) as error:
        raise CheckpointError(_unreadable(path, error)) from error


def _unreadable(path: Path, error: Exception) -> str:
    reason = str(error).split("WeightsUnpickler error:")[-1].strip() or type(error).__name__
    return f"{path} cannot be read: it is damaged, or no checkpoint of PyTorch. {reason.splitlines()[0]}"


def _beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f"\nThe folder {path.parent} does not exist either."
    names = sorted(file.name for file in path.parent.glob("*.ckpt"))
    if not names:
        return f"\n{path.parent} holds no *.ckpt."
    close = difflib.get_close_matches(path.name, names, n=1)
    return (f" Did you mean {close[0]}?" if close else "") + f"\n{path.parent} holds: {', '.join(names)}"


def _instead(checkpoint: Any) -> str:
    if not isinstance(checkpoint, dict):
        return f"it holds a {qualified_name(type(checkpoint))}."
    if checkpoint and all(isinstance(value, torch.Tensor) for value in checkpoint.values()):
        return (
            "it holds bare weights. Load them in the model: self.load_state_dict(torch.load(path)), "
            "not through ckpt_path."
        )
    return f"it has no 'state_dict', only: {_first([str(key) for key in checkpoint]) or 'nothing'}."


def _differences(saved: Mapping[str, Any], model: LightningModule) -> list[str]:
    """How the weights differ from those of the model, in lines; none when they fit or it is not certain."""
    hooks = ("on_load_checkpoint", "configure_model")
    if any(is_overridden(hook, model) for hook in hooks) or _loads_its_own_way(model):
        return []
    own = model.state_dict()
    missing = [key for key in own if key not in saved]
    unexpected = [key for key in saved if key not in own]
    if is_overridden("setup", model):
        # setup may still add layers, or compile some, which renames their keys.
        bare = {key.replace("_orig_mod.", "") for key in saved}
        if not own or any(key.replace("_orig_mod.", "") in bare for key in own):
            return []
    elif not model.strict_loading:
        missing = unexpected = []
    lines = []
    if missing:
        lines.append(f"  not in the checkpoint: {_first(missing)}")
    if unexpected:
        lines.append(f"  not in the model: {_first(unexpected)}")
    shapes = [
        f"{key} is {tuple(saved[key].shape)} in the checkpoint, {tuple(value.shape)} in the model"
        for key, value in own.items()
        if key in saved and _has_shape(value) and _has_shape(saved[key]) and value.shape != saved[key].shape
    ]
    return [*lines, *(f"  {shape}" for shape in shapes[:SHOWN]), *_more(shapes)]


def _loads_its_own_way(model: torch.nn.Module) -> bool:
    return type(model).load_state_dict is not torch.nn.Module.load_state_dict or any(
        module._load_state_dict_pre_hooks for module in model.modules()
    )


def _has_shape(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and not torch.nn.parameter.is_lazy(value)


def _writer(checkpoint: Mapping[str, Any]) -> str | None:
    ours = checkpoint.get(OURS)
    model = ours.get("model") if isinstance(ours, dict) else None
    return model.get("_target_") if isinstance(model, dict) else None


def _of_another_model(path: Path, model: LightningModule, lines: list[str], writer: str | None) -> str:
    written = f" was written by {writer} and" if writer else ""
    name = qualified_name(type(model))
    return "\n".join([f"{path}{written} does not fit {name} as it is configured:", *lines])


def _first(names: list[str]) -> str:
    return ", ".join([*names[:SHOWN], *(line.strip() for line in _more(names))])


def _more(names: list[str]) -> list[str]:
    return [f"  and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
