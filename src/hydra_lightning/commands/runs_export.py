"""``hydra-lightning runs export``: the model of a run in a file that others read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer

from hydra_lightning.commands.options import RunArgument

if TYPE_CHECKING:
    from hydra_lightning.tasks.export import Export

Target = Literal["onnx", "torch-export", "safetensors", "state-dict"]


def export(
    run: RunArgument,
    to: Annotated[Target, typer.Option("--to", help="onnx, torch-export, safetensors or state-dict.")],
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="The file; else exports/ in the run folder."),
    ] = None,
    inputs: Annotated[
        str, typer.Option("--inputs", help="What forward gets of a batch: input_ids,attention_mask, or 0,2.")
    ] = "",
    tolerance: Annotated[
        float,
        typer.Option("--tolerance", min=0.0, help="Allowed difference, as a part of the largest value."),
    ] = 1e-4,
    ckpt_path: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--ckpt-path", help="A checkpoint; else the run's best."),
    ] = None,
    project: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--project", help="The project, or a folder in it."),
    ] = None,
    format: Annotated[Literal["text", "json"], typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Export the model of a run, and verify the file on a real batch; exit with 1 and leave none when it differs."""
    from hydra_lightning.tasks.export import export as write

    chosen = [name.strip() for name in inputs.split(",") if name.strip()]
    done = write(run, to, output, inputs=chosen, tolerance=tolerance, ckpt_path=ckpt_path, project=project)
    typer.echo(json.dumps(_as_json(done), indent=2) if format == "json" else _as_text(done))


def _as_text(done: Export) -> str:
    size = sum(file.stat().st_size for file in done.files) / 1e6
    exact = "no difference" if done.difference == 0 else f"largest difference {done.difference:.2g}"
    return "\n".join(
        [
            f"wrote     {done.files[0]}  {size:.1f} MB",
            f"inputs    {_shapes(done.inputs)}",
            f"outputs   {_shapes(done.outputs)}",
            f"verified  on {done.samples} samples of the {done.data} data: {exact}",
        ]
    )


def _shapes(tensors: Any) -> str:
    return "  ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in tensors.items())


def _as_json(done: Export) -> dict[str, Any]:
    return {
        "files": [str(file) for file in done.files],
        "inputs": done.inputs,
        "outputs": done.outputs,
        "difference": done.difference,
        "samples": done.samples,
        "data": done.data,
    }
