"""The signature of a target that is imported, for those whose source does not tell it."""

from __future__ import annotations

import inspect
from typing import Any

from hydra_lightning.config.signatures.model import Kind, Opaque, Parameter, Signature
from hydra_lightning.errors import ConfigError

KINDS: dict[Any, Kind] = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "normal",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "rest",
    inspect.Parameter.VAR_KEYWORD: "keywords",
}


def imported_signature(target: str) -> tuple[Signature, list[str]]:
    """The arguments of ``target``, which is imported, and its docstrings.

    Raises:
        ConfigError: it cannot be imported, is not callable, or does not tell its arguments even then.
    """
    from hydra.utils import get_object

    try:
        found = get_object(target)
    except Exception as error:
        reason = str(error.__cause__ or error).strip().splitlines()[-1]
        raise ConfigError(f"{target}: cannot be imported: {reason}") from error
    if not callable(found):
        raise ConfigError(f"{target}: is a {type(found).__name__}, not a class or function.")
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{target}: is not written in Python and does not tell its arguments, so no config can be made from it. "
            "Write a function of your own that calls it, and give that."
        ) from error
    docstrings = [inspect.getdoc(found) or ""]
    if isinstance(found, type):
        docstrings.append(inspect.getdoc(found.__init__) or "")  # type: ignore[misc]
    signature = Signature(
        target=target,
        path=f"{found.__module__}.{getattr(found, '__qualname__', '')}".rstrip("."),
        parameters=tuple(map(_parameter, parameters)),
        open=any(each.kind is each.VAR_KEYWORD for each in parameters),
        documented=(target,),
        returns=Opaque(target),
        is_class=isinstance(found, type),
    )
    return signature, docstrings


def _parameter(parameter: inspect.Parameter) -> Parameter:
    default = None if parameter.default is parameter.empty else repr(parameter.default)
    annotation = None if parameter.annotation is parameter.empty else str(parameter.annotation)
    return Parameter(parameter.name, KINDS[parameter.kind], default, annotation)
