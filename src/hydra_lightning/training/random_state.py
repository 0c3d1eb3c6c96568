"""The state of the global random generators, as plain data."""

from __future__ import annotations

import random
import struct
from typing import Any

import numpy as np
import torch

_PYTHON = struct.Struct("<625I")
_NUMPY = struct.Struct("<624I2id")


def host_state() -> dict[str, Any]:
    """The generators of Python, NumPy and torch on the CPU, in bytes that compare and travel fast.

    Raises:
        TypeError: NumPy's global generator was replaced by one of another kind than the Mersenne Twister.
    """
    version, words, gauss = random.getstate()
    kind, key, position, has_gauss, cached = np.random.get_state()
    if version != 3 or kind != "MT19937":
        raise TypeError(f"the global random generators are of another kind: {version}, {kind}")
    return {
        "python": _PYTHON.pack(*words),
        "python_gauss": gauss,
        "numpy": _NUMPY.pack(*key, position, has_gauss, cached),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def set_host_state(state: dict[str, Any]) -> None:
    """Put back what ``host_state`` gave."""
    random.setstate((3, _PYTHON.unpack(state["python"]), state["python_gauss"]))
    *key, position, has_gauss, cached = _NUMPY.unpack(state["numpy"])
    np.random.set_state(("MT19937", np.array(key, dtype=np.uint32), position, has_gauss, cached))
    torch.set_rng_state(torch.frombuffer(bytearray(state["torch"]), dtype=torch.uint8))


def random_state(device: torch.device) -> dict[str, Any]:
    """``host_state``, and the generator of ``device`` when it is a GPU."""
    state = host_state()
    if device.type == "cuda":
        state["device"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["device"] = torch.mps.get_rng_state()
    return state


def set_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Put back what ``random_state`` gave; on another kind of device, as far as it goes."""
    set_host_state(state)
    if "device" in state and device.type == "cuda":
        torch.cuda.set_rng_state(state["device"].cpu(), device)
    elif "device" in state and device.type == "mps":
        torch.mps.set_rng_state(state["device"].cpu())
