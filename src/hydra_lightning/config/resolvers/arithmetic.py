"""Arithmetic in configs. Whole numbers stay whole, but for true division; nothing but numbers is accepted."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

from hydra_lightning.errors import ConfigError

Number = int | float


def add(first: Any, second: Any, *more: Any) -> Number:
    """The sum of two or more numbers."""
    return _calculate(operator.add, first, second, *more)


def sub(first: Any, second: Any) -> Number:
    """The first number less the second."""
    return _calculate(operator.sub, first, second)


def mul(first: Any, second: Any, *more: Any) -> Number:
    """The product of two or more numbers."""
    return _calculate(operator.mul, first, second, *more)


def div(first: Any, second: Any) -> Number:
    """The first number divided by the second, always a float: ``4 / 2`` is ``2.0``."""
    return _calculate(operator.truediv, first, second)


def floordiv(first: Any, second: Any) -> Number:
    """The first number divided by the second and rounded down."""
    return _calculate(operator.floordiv, first, second)


def smallest(first: Any, second: Any, *more: Any) -> Number:
    """The smallest of two or more numbers, as it was given."""
    return _calculate(min, first, second, *more)


def largest(first: Any, second: Any, *more: Any) -> Number:
    """The largest of two or more numbers, as it was given."""
    return _calculate(max, first, second, *more)


def nearest_int(number: Any) -> int:
    """The nearest whole number; of two equally near ones the even one, as Python's ``round`` does."""
    try:
        return round(_number(number))
    except (OverflowError, ValueError) as error:
        raise ConfigError(str(error)) from error


def _calculate(operation: Callable[[Any, Any], Number], *operands: Any) -> Number:
    """The operation from left to right; not ``sum``, which rounds differently from one Python to the next."""
    try:
        return reduce(operation, [_number(operand) for operand in operands])
    except ArithmeticError as error:
        raise ConfigError(str(error)) from error


def _number(value: Any) -> Number:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        raise ConfigError(f"{value!r} is text and no number{_remedy(value)}")
    raise ConfigError(f"{value!r} is no number")


def _remedy(text: str) -> str:
    try:
        float(text)
    except ValueError:
        return ""
    return "; take its quotes away, or read it with ${env:NAME} where ${oc.env:NAME} gave it"
