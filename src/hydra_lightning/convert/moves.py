"""Calls that move things to devices."""

from __future__ import annotations

import ast


def is_move(call: ast.Call) -> bool:
    """``x.to(device)``, ``x.cuda()``: Lightning moves models and batches."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr == "cuda":
        return True
    if call.func.attr != "to":
        return False
    if not call.args:
        return "device" in {each.arg for each in call.keywords} <= {"device", "non_blocking"}
    if len(call.args) != 1 or any(each.arg != "non_blocking" for each in call.keywords):
        return False
    told = ast.unparse(call.args[0])
    return "device" in told.lower() or told.strip("'\"").partition(":")[0] in ("cuda", "cpu", "mps")


def moves_all(node: ast.GeneratorExp | ast.ListComp) -> bool:
    """``(each.to(device) for each in batch)``"""
    first, element = node.generators[0], node.elt
    return (
        len(node.generators) == 1
        and not first.ifs
        and isinstance(element, ast.Call)
        and is_move(element)
        and isinstance(element.func, ast.Attribute)
        and ast.unparse(element.func.value) == ast.unparse(first.target)
    )
