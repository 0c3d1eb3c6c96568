"""Turns what a checkpoint holds into data that ``torch.load(..., weights_only=True)`` reads back.

Plain is what the weights-only unpickler of torch builds by itself: None, bool, int, float, complex, str,
bytes, dict, OrderedDict, Counter, list, tuple, set, tensors, and torch's dtype, device, layout and Size.
"""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_lightning.errors import CheckpointError

Place = tuple[Any, ...]
Fallback = Callable[[Any, Place], Any]

ATOMS = frozenset(
    {type(None), bool, int, float, complex, str, bytes, bytearray}
    | {torch.dtype, torch.device, torch.layout, torch.Size, torch.qscheme}
)


def plain_state(value: Any, place: Place = ()) -> Any:
    """The same state in plain data, as far as nothing is lost.

    OmegaConf containers, paths, numpy scalars and subclasses of dict, list, tuple, set, str, int and float
    become the plain type of the same content. What is plain already is returned as it is, not copied.

    Args:
        value: a checkpoint, or a part of it.
        place: the keys that lead to ``value``, for the message.

    Raises:
        CheckpointError: something has no plain form; names the place, its type and what to store instead.
    """
    return _convert(value, place, _refuse)


def plain_hyper_parameters(value: Any, config: Mapping[str, Any] | None = None) -> Any:
    """Hyper-parameters in plain data, for reading and for building the object again; never raises.

    A value that has no plain form (a module, an optimizer) is replaced by what ``config`` has at the same
    keys. Where it has none, a ``functools.partial`` becomes Hydra's ``_target_`` and ``_partial_`` form, a
    dataclass the dict of its fields, an array a list, an enum member its name, a class or function its
    qualified name, and anything else its repr or the name of its class.

    Args:
        value: the hyper-parameters; not changed.
        config: the config that the arguments come from, as plain containers.
    """

    def fallback(value: Any, place: Place) -> Any:
        known = _at(config, place)
        return _readable(value) if known is None else _convert(known, place, lambda v, _: _readable(v))

    return _convert(value, (), fallback)


def qualified_name(thing: Any) -> str:
    """``package.module.Name`` of a class or function."""
    return f"{thing.__module__}.{thing.__qualname__}"


def _convert(value: Any, place: Place, fallback: Fallback) -> Any:
    if type(value) in ATOMS or isinstance(value, torch.Tensor):
        return value
    if isinstance(value, DictConfig | ListConfig):
        value = _containers(value)
    if isinstance(value, dict):
        return _convert_dict(value, place, fallback)
    for base in (list, tuple, set, frozenset):
        if isinstance(value, base):
            items = [_convert(item, (*place, index), fallback) for index, item in enumerate(value)]
            same = type(value) in (list, tuple, set) and all(
                new is old for new, old in zip(items, value, strict=True)
            )
            return value if same else (set if base is frozenset else base)(items)
    simple = _scalar(value)
    return fallback(value, place) if simple is value else simple


def _convert_dict(value: dict[Any, Any], place: Place, fallback: Fallback) -> dict[Any, Any]:
    items = {
        _convert(key, (*place, key), fallback): _convert(item, (*place, key), fallback)
        for key, item in value.items()
    }
    if type(value) in (dict, OrderedDict, Counter) and all(
        new_key is key and item is value[key]
        for (new_key, item), key in zip(items.items(), value, strict=True)
    ):
        return value
    if type(value) is not OrderedDict:
        return items
    # A state_dict carries the versions of its modules in an attribute, which a new dict would lose.
    ordered = copy.copy(value)
    ordered.clear()
    ordered.update(items)
    return ordered


def _scalar(value: Any) -> Any:
    """The plain number or string of ``value``; ``value`` itself when there is none."""
    if isinstance(value, np.generic):
        item = value.item()
        return item if type(item) in ATOMS else value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, str):
        # A str enum's own __str__ gives the member's name, not its content.
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else value


def _containers(value: DictConfig | ListConfig) -> Any:
    try:
        return OmegaConf.to_container(value, resolve=True)
    except OmegaConfBaseException:
        # A part cut out of its config can refer to keys that are no longer there.
        return OmegaConf.to_container(value, resolve=False)


def _at(config: Any, place: Place) -> Any:
    for key in place:
        in_list = isinstance(config, list) and isinstance(key, int) and key < len(config)
        if not in_list and not (isinstance(config, Mapping) and key in config):
            return None
        config = config[key]
    return config


def _readable(value: Any) -> Any:
    if isinstance(value, functools.partial):
        arguments = {"_args_": list(value.args)} if value.args else {}
        call = {"_target_": value.func, "_partial_": True, **arguments, **value.keywords}
        return plain_hyper_parameters(call)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, np.ndarray):
        return plain_hyper_parameters(value.tolist())
    if hasattr(value, "__qualname__") and hasattr(value, "__module__"):
        return qualified_name(value)
    if dataclasses.is_dataclass(value):
        return plain_hyper_parameters({f.name: getattr(value, f.name) for f in dataclasses.fields(value)})
    if isinstance(value, torch.nn.Module) or "object at 0x" in repr(value):
        return qualified_name(type(value))
    return repr(value)


def _refuse(value: Any, place: Place) -> Any:
    where = "checkpoint" + "".join(f"[{key!r}]" for key in place)
    what = qualified_name(value if isinstance(value, type) else type(value))
    kind = f"the class {what}" if isinstance(value, type) else f"a {what}"
    raise CheckpointError(
        f"{where} is {kind}, which torch.load(weights_only=True) does not load.\n{_advice(value)}"
    )


def _advice(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "Store torch.from_numpy(array), or array.tolist()."
    if hasattr(value, "state_dict") and not isinstance(value, type):
        return "Store its state_dict() and load it back with load_state_dict()."
    if isinstance(value, enum.Enum):
        return "Store its name or its value."
    if callable(value):
        return "Store its qualified name as a string."
    return "Store numbers, strings, tensors, and dicts or lists of these."
