"""What torch says of itself and of the accelerators, printed as JSON: ``python -m hydra_lightning.tasks.torch_facts``.

A program of its own, because a broken torch can end the process that imports it.
"""

from __future__ import annotations

import json
import platform
from typing import Any


def torch_facts() -> dict[str, Any]:
    """The build (``CPU``, ``CUDA 12.8``, ``ROCm 6.4``), threads, and name and memory in bytes of every accelerator."""
    import torch

    build = f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
    gpus = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    devices = [(f"cuda:{index}", gpu.name, gpu.total_memory) for index, gpu in enumerate(gpus)]
    if torch.backends.mps.is_available():
        devices.append(("mps", platform.processor(), torch.mps.recommended_max_memory()))
    return {
        "build": build if torch.version.hip or torch.version.cuda else "CPU",
        "threads": torch.get_num_threads(),
        "devices": devices,
    }


if __name__ == "__main__":
    print(json.dumps(torch_facts()))
