"""Statements that only tell: they print, log or save, and Lightning does that."""

from __future__ import annotations

import ast

TELLING = frozenset(
    (
        *(
            "print",
            "set_postfix",
            "set_postfix_str",
            "set_description",
            "set_description_str",
            "update",
            "write",
        ),
        *(
            "info",
            "debug",
            "warning",
            "add_scalar",
            "add_scalars",
            "add_histogram",
            "add_image",
            "add_images",
            "add_figure",
            "add_text",
            "add_graph",
            "add_hparams",
            "add_pr_curve",
            "close",
            "flush",
            "watch",
            "finish",
            "init_trackers",
            "end_training",
            "wait_for_everyone",
            "save_state",
        ),
    )
)
SAVING = frozenset(
    (
        "save",
        "dump",
        "savez",
        "savez_compressed",
        "savetxt",
        "savefig",
        "to_csv",
        "copyfile",
        "save_pretrained",
        "makedirs",
        "mkdir",
    )
)


def only_tells(statement: ast.stmt) -> bool:
    """Whether a statement only prints, logs or saves."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        owner, _, name = ast.unparse(statement.value.func).rpartition(".")
        if name in ("update", "write", "close"):
            # log.update(...) may be that of a dict.
            words = ("bar", "tqdm", "progress", "writer", "logger" if name == "update" else "log", "stdout")
            return any(word in owner.lower() for word in words)
        if name == "log" and statement.value.args and isinstance(statement.value.args[0], ast.Dict):
            # wandb.log({"loss": loss}, step=step)
            return True
        return name in TELLING or name in SAVING
    if isinstance(statement, (ast.If, ast.With, ast.For)):
        return all(
            only_tells(each) or isinstance(each, (ast.Assign, ast.AugAssign, ast.Pass))
            for each in [*statement.body, *getattr(statement, "orelse", [])]
        ) and any(only_tells(each) for each in statement.body)
    return isinstance(statement, ast.Pass)


def uploads(statement: ast.stmt) -> bool:
    """Whether a statement uploads a model to a hub."""
    calls = [each.func for each in ast.walk(statement) if isinstance(each, ast.Call)]
    return any(ast.unparse(each).rpartition(".")[2] in ("push_to_hub", "upload_folder") for each in calls)


def is_telling(function: ast.FunctionDef) -> bool:
    """Whether a function prints or saves, and does nothing else that lasts."""
    body = [
        each
        for each in function.body
        if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
    ]
    local = [
        isinstance(each, (ast.Assign, ast.AugAssign))
        and not any(isinstance(getattr(part, "ctx", None), ast.Store) for part in _of_objects(each))
        for each in body
    ]
    telling = [only_tells(each) for each in body]
    return any(telling) and all(one or two for one, two in zip(local, telling, strict=True))


def _of_objects(statement: ast.stmt) -> list[ast.AST]:
    return [each for each in ast.walk(statement) if isinstance(each, (ast.Attribute, ast.Subscript))]


def only_leaves(statement: ast.stmt) -> bool:
    """Whether a branch leaves the loop, and does no more than tell before."""
    return (
        isinstance(statement, ast.If)
        and not statement.orelse
        and isinstance(statement.body[-1], ast.Break)
        and all(map(only_tells, statement.body[:-1]))
    )
