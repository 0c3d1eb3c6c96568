"""Decorators that leave the arguments of what they decorate as they are."""

from __future__ import annotations

import ast

from hydra_lightning.config.signatures.lookup import Definition, resolve
from hydra_lightning.config.signatures.modules import Library
from hydra_lightning.config.signatures.passing import passed_on

# Decorators that leave the arguments as they are.
TRANSPARENT = frozenset(
    (
        *(
            "staticmethod",
            "classmethod",
            "abstractmethod",
            "override",
            "final",
            "deprecated",
            "wraps",
            "contextmanager",
        ),
        *(
            "cache",
            "lru_cache",
            "no_grad",
            "inference_mode",
            "set_grad_enabled",
            "rank_zero_only",
            "auto_docstring",
        ),
        *(
            "compatibility",
            "_defaults_from_env_vars",
            "add_start_docstrings",
            "replace_return_docstrings",
            "disable",
        ),
        *("add_start_docstrings_to_model_forward", "add_end_docstrings", "_exclude_from_fx_unspecialized"),
    )
)


def is_transparent(library: Library, function: Definition, decorator: ast.expr) -> bool:
    """Whether a decorator leaves the arguments as they are: a known one, or one whose wrapper only passes them on."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    found = resolve(library, function.module, called)
    own = isinstance(found, Definition) and found.module.name == function.module.name
    if ast.unparse(called).rpartition(".")[2] in TRANSPARENT and not own:
        return True
    if not isinstance(found, Definition) or isinstance(found.node, ast.ClassDef):
        return False
    wrappers = [
        each for each in ast.walk(found.node) if isinstance(each, ast.FunctionDef) and each is not found.node
    ]
    wrapping = [each for each in wrappers if any("wraps" in ast.unparse(by) for by in each.decorator_list)]
    return len(wrapping) == 1 and _passes_everything_on(wrapping[0])


def _passes_everything_on(wrapper: ast.FunctionDef) -> bool:
    """Whether all that a function does with its arguments is to call another name with them, as they came."""
    taken = wrapper.args
    if taken.vararg is None or taken.kwarg is None or taken.kwonlyargs or taken.defaults:
        return False
    names = [each.arg for each in (*taken.posonlyargs, *taken.args)]
    as_they_came = [*names, f"*{taken.vararg.arg}"], [f"**{taken.kwarg.arg}"]
    passed = passed_on(wrapper, taken.kwarg.arg)
    if passed.open or passed.names:
        return False
    calls = [
        node
        for node in ast.walk(wrapper)
        if isinstance(node, ast.Call) and any(each.arg is None for each in node.keywords)
    ]
    return all(
        isinstance(call.func, ast.Name)
        and ([*map(ast.unparse, call.args)], [f"**{ast.unparse(each.value)}" for each in call.keywords])
        == as_they_came
        for call in calls
    )
