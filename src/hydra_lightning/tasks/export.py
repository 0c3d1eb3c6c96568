"""A trained model in a file that others read, proved to give what the model gives."""

from __future__ import annotations

import importlib.util
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from hydra_lightning.config.messages import nearest
from hydra_lightning.errors import ConfigError, ExportError, MissingPackageError, RunError
from hydra_lightning.tasks.example import Call, call_of, named, real_batch
from hydra_lightning.tasks.load import LoadedRun, find, load_run, new_model

SUFFIXES = {"onnx": ".onnx", "torch-export": ".pt2", "safetensors": ".safetensors", "state-dict": ".pt"}
NEEDED = {"onnx": ("onnx", "onnxscript", "onnxruntime")}
# Of the largest value of an output: what another order of additions does to 32-bit numbers, with room.
TOLERANCE = 1e-4
# A file of Protobuf ends at 2 GB; weights beyond go into one beside it.
LARGEST_ONNX = 1_900_000_000

log = logging.getLogger(__name__)

Runner = Callable[[Call], dict[str, Tensor]]


@dataclass(frozen=True)
class Export:
    """What was written and how it was verified.

    Attributes:
        files: the file, and with a large ONNX model the one of its weights.
        inputs: shape of each; ``N`` where any size does.
        outputs: shape of each on the batch.
        difference: the largest one between a value of the exported model and of the original.
        samples: how many samples of the batch were compared.
        data: which data they are from, ``test`` or the like.
    """

    files: list[Path]
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int]]
    difference: float
    samples: int
    data: str


def export(
    run: str | Path,
    to: str,
    file: Path | None = None,
    *,
    inputs: Sequence[str] = (),
    tolerance: float = TOLERANCE,
    ckpt_path: str | Path | None = None,
    project: str | Path | None = None,
) -> Export:
    """Write the model of a run as ``onnx``, ``torch-export``, ``safetensors`` or ``state-dict``, and verify it.

    The example input is a real batch of the data module. What was written is read again and run on that batch; weights
    alone are read into a new model. Where any number of samples is taken, it is run with one sample less as well.

    Args:
        run: as for `load_run`.
        to: the format.
        file: where; None for ``exports/`` in the run folder.
        inputs: what ``forward`` gets of the batch, see `call_of`.
        tolerance: how far a value may be off, as a part of the largest value of that output or of 1.
        ckpt_path: as for `load_run`.
        project: as for `load_run`.

    Raises:
        ExportError: the model cannot be exported, or the exported one gives something else. No file is left then.
        ConfigError: there is no such format.
        MissingPackageError: a package that the format needs is not installed.
        RunError: the file is there already, or cannot be written; or as `load_run`, whose other errors pass too.
    """
    if to not in SUFFIXES:
        raise ConfigError(f"--to: {to!r} is none of {', '.join(SUFFIXES)}.{nearest(to, SUFFIXES)}")
    _need_packages(to)
    root, folder = find(run, project)
    file = (file or folder / "exports" / f"model{SUFFIXES[to]}").absolute()
    if file.exists():
        raise RunError(
            f"{file} is there already, and nothing is overwritten. Give another file with --output."
        )
    loaded = load_run(folder, root, ckpt_path)
    batch, data = real_batch(loaded.datamodule, loaded.model)
    call = call_of(loaded.model, batch, inputs)
    expected = _repeatable(loaded.model, call)
    fewer = _of_one_fewer(loaded.model, call)
    with _beside(file) as folder:
        shapes, run_exported = _written(to, loaded, call, bool(fewer), folder / file.name)
        difference = _difference(expected, run_exported(call), tolerance)
        if any("N" in shape for shape in shapes.values()):
            of_fewer = run_exported(call.first(call.samples - 1))
            difference = max(difference, _difference(fewer, of_fewer, tolerance))
        files = [each.replace(file.parent / each.name) for each in sorted(folder.iterdir())]
    outputs = {name: list(tensor.shape) for name, tensor in expected.items()}
    return Export(files, shapes, outputs, difference, call.samples, data)


def _need_packages(to: str) -> None:
    missing = [name for name in NEEDED.get(to, ()) if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f'--to {to} needs {", ".join(missing)}, not installed: pip install "hydra-lightning[{to}]"'
        )


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A folder for files that are not verified yet; it is gone afterwards, and those above that it made for nothing."""
    new = [each for each in file.parents if not each.exists()]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise RunError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        for each in new:
            if each.is_dir() and not any(each.iterdir()):
                each.rmdir()


def _written(
    to: str, loaded: LoadedRun, call: Call, any_size: bool, file: Path
) -> tuple[dict[str, list[int | str]], Runner]:
    """Write the file; what its inputs look like, and how to run it."""
    if to in ("safetensors", "state-dict"):
        write = _safetensors if to == "safetensors" else _state_dict
        copy = write(loaded, file)
        return {name: list(tensor.shape) for name, tensor in call.tensors().items()}, lambda call: _outputs(
            copy, call
        )
    try:
        program = _program(loaded.model, call, any_size)
        shapes = _shapes(program, call)
        return shapes, (_onnx if to == "onnx" else _torch_export)(program, call, file)
    except OSError:
        raise
    except Exception as error:
        # What torch meets in the model's code comes in types of all kinds.
        first = next(iter(str(error).strip().splitlines()), "")
        raise ExportError(
            f"{type(loaded.model).__name__} cannot be exported as {to}: {type(error).__name__}: {first}\n"
            "Its forward must be made of tensor operations alone; weights can be had with --to safetensors."
        ) from error


class _Tensors(torch.nn.Module):
    """The model with all arguments by position, and of its output the tensors alone.

    ``torch.export`` opens no sizes in ``**kwargs``; caches and the like have no place in a file.
    """

    def __init__(self, model: torch.nn.Module, keywords: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.keywords = tuple(keywords)

    def forward(self, *args: Any) -> Any:
        by_position = len(args) - len(self.keywords)
        kwargs = dict(zip(self.keywords, args[by_position:], strict=True))
        return _only_tensors(self.model(*args[:by_position], **kwargs))


def _only_tensors(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _only_tensors(item) for key, item in value.items() if any(named(item))}
    if isinstance(value, (list, tuple)):
        return tuple(_only_tensors(item) for item in value if any(named(item)))
    return value


def _program(model: LightningModule, call: Call, any_size: bool) -> torch.export.ExportedProgram:
    sizes = {"args": tuple(_open(item, call.samples if any_size else None) for item in _in_order(call))}
    module = _Tensors(model, tuple(call.kwargs))
    with torch.no_grad():
        return torch.export.export(module, _in_order(call), dynamic_shapes=sizes, strict=False)


def _in_order(call: Call) -> tuple[Any, ...]:
    return (*call.args, *call.kwargs.values())


def _open(value: Any, samples: int | None) -> Any:
    """For ``torch.export``: every first dimension of this size is open, where the model's operations allow it."""
    if isinstance(value, torch.Tensor):
        return {0: torch.export.Dim.AUTO} if value.ndim and len(value) == samples else None
    if isinstance(value, Mapping):
        return {key: _open(item, samples) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_open(item, samples) for item in value)
    return None


def _shapes(program: torch.export.ExportedProgram, call: Call) -> dict[str, list[int | str]]:
    """The shapes of the inputs, with N for the size that the program leaves open."""
    inputs = set(program.graph_signature.user_inputs)
    values = [
        node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in inputs
    ]
    return {
        name: [size if isinstance(size, int) else "N" for size in value.shape]
        for name, value in zip(call.tensors(), values, strict=True)
    }


def _torch_export(program: torch.export.ExportedProgram, call: Call, file: Path) -> Runner:
    torch.export.save(program, file)
    model = torch.export.load(file).module()
    return lambda call: _named_outputs(model, *_in_order(call))


def _onnx(program: torch.export.ExportedProgram, call: Call, file: Path) -> Runner:
    import onnxruntime

    outputs = list(_named_outputs(program.module(), *_in_order(call)))
    size = sum(tensor.nbytes for tensor in program.state_dict.values())
    # It tells of operators of packages that are not installed.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    written = torch.onnx.export(
        program, input_names=list(call.tensors()), output_names=outputs, dynamo=True, verbose=False
    )
    assert written is not None
    written.save(file, external_data=size > LARGEST_ONNX)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    taken = {each.name for each in session.get_inputs()}

    def run(call: Call) -> dict[str, Tensor]:
        arrays = {name: tensor.numpy() for name, tensor in call.tensors().items() if name in taken}
        return dict(zip(outputs, map(torch.from_numpy, session.run(outputs, arrays)), strict=True))

    return run


def _safetensors(loaded: LoadedRun, file: Path) -> LightningModule:
    from safetensors.torch import load_model, save_model

    save_model(loaded.model, str(file))
    model = new_model(loaded.config)
    load_model(model, file)
    return model.eval()


def _state_dict(loaded: LoadedRun, file: Path) -> LightningModule:
    torch.save(loaded.model.state_dict(), file)
    model = new_model(loaded.config)
    model.load_state_dict(torch.load(file, weights_only=True))
    return model.eval()


def _outputs(model: torch.nn.Module, call: Call) -> dict[str, Tensor]:
    return _named_outputs(model, *call.args, **call.kwargs)


def _named_outputs(model: torch.nn.Module, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
    with torch.no_grad():
        return dict(named(model(*args, **kwargs)))


def _of_one_fewer(model: LightningModule, call: Call) -> dict[str, Tensor]:
    """What the model gives for one sample less; nothing where it takes only this number, or there is but one."""
    if call.samples == 1:
        return {}
    try:
        return _outputs(model, call.first(call.samples - 1))
    except Exception as error:
        log.info("Exported for %s samples, since %s", call.samples, error)
        return {}


def _repeatable(model: LightningModule, call: Call) -> dict[str, Tensor]:
    """What the model gives; ExportError when that is nothing, or something else each time."""
    first, second = _outputs(model, call), _outputs(model, call)
    if not first:
        raise ExportError(f"{type(model).__name__}.forward gives no tensor.")
    if different := [name for name in first if _distance(first[name], second[name])]:
        raise ExportError(
            f"{type(model).__name__}.forward gives another {different[0]} each time, in evaluation mode too, "
            "so that no export of it can be verified."
        )
    return first


def _difference(expected: dict[str, Tensor], found: dict[str, Tensor], tolerance: float) -> float:
    """The largest difference; ExportError when it is more than the tolerance allows."""
    largest = 0.0
    for name, tensor in expected.items():
        other = found.get(name)
        if other is None or other.shape != tensor.shape:
            shape = "is not there" if other is None else f"has shape {tuple(other.shape)}"
            raise ExportError(
                f"The exported model is another one: {name} {shape}, not {tuple(tensor.shape)}. No file was written."
            )
        distance = _distance(tensor, other)
        largest = max(largest, distance)
        allowed = tolerance * _scale(tensor) if tensor.is_floating_point() or tensor.is_complex() else 0.0
        if not distance <= allowed:
            raise ExportError(
                f"The exported model gives something else: {name} differs by up to {distance:.3g} on the same batch, "
                f"and {allowed:.3g} is allowed (--tolerance {tolerance:g}). No file was written."
            )
    return largest


def _scale(tensor: Tensor) -> float:
    """The largest finite value, at least 1."""
    finite = tensor[tensor.isfinite()].abs()
    return max(1.0, float(finite.max())) if finite.numel() else 1.0


def _distance(first: Tensor, second: Tensor) -> float:
    """The largest difference of two values; values that are equal, or both NaN, have none, NaN beside a number inf."""
    same = (first == second) | (first.isnan() & second.isnan())
    if bool(same.all()):
        return 0.0
    wide = torch.complex128 if first.is_complex() else torch.float64
    distance = (first.to(wide) - second.to(wide)).abs()[~same]
    return float(distance.nan_to_num(nan=float("inf")).max())
