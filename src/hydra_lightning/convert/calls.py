"""Calls of functions that are put in place of their calls: what their parameters are called, and what they return."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hydra_lightning.convert.edits import edited
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.source import Piece, Source, made
from hydra_lightning.parity.tape import Tape

SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)


@dataclass(frozen=True)
class Function:
    """A function of the program.

    Attributes:
        owner: what its first parameter is called where it goes; None for one that is not a method of an object.
    """

    node: ast.FunctionDef
    source: Source
    owner: str | None = None


def bound(
    piece: Piece, call: ast.Call, function: Function, tape: Tape
) -> tuple[list[Piece], dict[str, str], dict[str, object], dict[str, ast.expr]]:
    """What has to be assigned before a function's body, what its parameters are called, are always, and are given.

    Raises:
        Refused: it is called with ``*`` or ``**`` of something that is not known.
    """
    taken = function.node.args
    parameters = [each.arg for each in (*taken.posonlyargs, *taken.args)]
    defaults = dict(zip(reversed(parameters), reversed(taken.defaults), strict=False))
    if function.owner is not None:
        parameters = parameters[1:]
    only = [each.arg for each in taken.kwonlyargs]
    defaults |= {
        name: default for name, default in zip(only, taken.kw_defaults, strict=True) if default is not None
    }
    first: list[Piece] = []
    given: dict[str, str | ast.expr] = {}
    positional = iter(parameters)
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            left = [each for each in positional if each not in {key.arg for key in call.keywords}]
            first.append(made(f"{', '.join(left)} = {piece.part(argument.value)}"))
            given |= {name: name for name in left}
        elif (name := next(positional, "")) and name:
            given[name] = argument
    given |= {each.arg: each.value for each in call.keywords if each.arg}
    for keyword in call.keywords:
        if not keyword.arg:
            left = [name for name in [*parameters, *only] if name not in given]
            given |= _spread(piece, keyword.value, left, first, function, tape)
    stored = {
        each.id
        for each in ast.walk(function.node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    decisive = _decisive(function.node)
    names: dict[str, str] = {}
    constants: dict[str, object] = {}
    for name in [*parameters, *only]:
        value = given.get(name)
        default = defaults.get(name)
        literal = value if isinstance(value, ast.expr) else default if name not in given else None
        if isinstance(literal, ast.Constant) and name in decisive - stored:
            constants[name] = literal.value
            continue
        if isinstance(value, ast.Name):
            names[name] = piece.names.get(value.id, value.id)
        elif isinstance(value, str):
            if value != name:
                first.append(made(f"{name} = {value}"))
        elif value is not None:
            first.append(made(f"{name} = {piece.part(value)}"))
        elif default is not None:
            first.append(made(f"{name} = {Piece(function.node, function.source).part(default)}"))
    return first, names, constants, {name: each for name, each in given.items() if isinstance(each, ast.expr)}


def _decisive(node: ast.FunctionDef) -> set[str]:
    """The names that branches depend on alone, or by what they are equal to: ``if train:``, ``mode == "train"``."""
    found: set[str] = set()
    for each in ast.walk(node):
        parts: list[ast.expr] = []
        if isinstance(each, (ast.If, ast.IfExp)):
            parts = [each.test]
        elif isinstance(each, ast.BoolOp):
            parts = each.values
        elif isinstance(each, ast.UnaryOp) and isinstance(each.op, ast.Not):
            parts = [each.operand]
        elif isinstance(each, ast.Compare) and isinstance(
            each.ops[0], (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In)
        ):
            constant = isinstance(each.comparators[0], ast.Constant) and isinstance(
                each.comparators[0].value, (str, bool, type(None))
            )
            parts = [each.left] if constant else []
        found |= {part.id for part in parts if isinstance(part, ast.Name)}
    return found


def _spread(
    piece: Piece, value: ast.expr, parameters: list[str], first: list[Piece], function: Function, tape: Tape
) -> dict[str, str | ast.expr]:
    """What ``**vars(args)`` or ``**settings`` gives to each parameter."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "vars" and len(value.args) == 1:
        holder = value.args[0]
        options = {option["name"] for parser in tape.arguments for option in parser["options"]}
        named = isinstance(holder, ast.Name)
        owner = piece.part(holder) if named else "args"
        if not named:
            first.append(made(f"{owner} = {piece.part(holder)}"))
        return {name: f"{owner}.{name}" for name in parameters if name in options}
    if isinstance(value, ast.Dict) and all(isinstance(key, ast.Constant) for key in value.keys):
        pairs = zip(value.keys, value.values, strict=True)
        return {str(key.value): each for key, each in pairs if isinstance(key, ast.Constant)}
    raise Refused("star-call", piece.site, f"{function.node.name} is called with **{ast.unparse(value)}.")


def calls_in(part: ast.AST, name: str) -> list[ast.Call]:
    """The calls of a function or of a method of that name in a part of a statement."""
    return [
        each
        for each in ast.walk(part)
        if isinstance(each, ast.Call) and ast.unparse(each.func).rpartition(".")[2] == name
    ]


def with_result(piece: Piece, call: ast.expr, result: str) -> str:
    """The code of a statement in which a call is its result."""
    whole = isinstance(piece.node, SIMPLE) and piece.node.value is call
    if not whole and not isinstance(ast.parse(result, mode="eval").body, (ast.Name, ast.Call, ast.Attribute)):
        result = f"({result})"
    return piece.text(lambda each: result if each is call else None, comments=False)


def returned_as(piece: Piece, call: ast.Call, function: ast.FunctionDef) -> dict[str, str]:
    """What variables of a function are called that it returns, where they are assigned to names."""
    node, last = piece.node, function.body[-1]
    if not isinstance(node, ast.Assign) or node.value is not call or not isinstance(last, ast.Return):
        return {}
    named = [each for each in ast.walk(function) if isinstance(each, ast.Name)]
    stored = {each.id for each in named if isinstance(each.ctx, ast.Store)}
    stored -= {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    found: dict[str, str] = {}
    for target, value in _pairs(node.targets[0], last.value):
        if isinstance(target, ast.Name) and isinstance(value, ast.Name) and value.id in stored:
            name = piece.names.get(target.id, target.id)
            if name == value.id or name not in {each.id for each in named}:
                found[value.id] = name
    return found


def apart(function: ast.FunctionDef, known: Mapping[str, str]) -> dict[str, str]:
    """What variables of a function are called that have the name of something else where they go.

    Args:
        known: what its other names are called there.
    """
    taken = {name for own, name in known.items() if own != name}
    stored = {
        each.id
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    stored -= {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    stored -= {name for each in ast.walk(function) if isinstance(each, ast.Global) for name in each.names}
    return {name: f"{name}_" for name in stored & taken if name not in known}


def one_by_one(code: str) -> list[str]:
    """``x = 1`` and ``y = f(z)`` of ``x, y, z = 1, f(z), z``; the statement itself where the order matters."""
    node = ast.parse(code).body[0]
    if not isinstance(node, ast.Assign) or len(node.targets) > 1:
        return [code]
    pairs = _pairs(node.targets[0], node.value)
    left = [each for each in pairs if ast.unparse(each[0]) != ast.unparse(each[1])]
    if len(pairs) < 2 or ast.Starred in {type(each) for pair in pairs for each in pair}:
        return [code] if left else []
    piece = Piece(node, Source("", code))
    bound: set[str] = set()
    statements = []
    for target, value in left:
        if bound & Piece(ast.Expr(value), piece.source).uses:
            return [code]
        bound |= Piece(ast.Assign([target], value), piece.source).defines
        statements.append(f"{piece.part(target)} = {_alone(piece.part(value))}")
    return statements


def _alone(code: str) -> str:
    """An expression that was in brackets, which lines of it may need."""
    try:
        ast.parse(code, mode="eval")
    except SyntaxError:
        return f"({code})"
    return code


def _pairs(target: ast.expr, value: ast.expr | None) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)] if value is not None else []


def with_f_strings(piece: Piece) -> str | None:
    """A statement with ``f"{meter.avg:.3f}"`` for ``"{meter.avg:.3f}".format(meter=meter)``; None where it has none."""
    found: dict[int, str] = {}
    for each in ast.walk(piece.node):
        owner = (
            each.func.value if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) else None
        )
        if (
            isinstance(each, ast.Call)
            and isinstance(owner, ast.Constant)
            and isinstance(owner.value, str)
            and each.keywords
            and not each.args
            and all(isinstance(key.value, ast.Name) and key.value.id == key.arg for key in each.keywords)
        ):
            found[id(each)] = f"f{owner.value!r}"
    return piece.text(lambda node: found.get(id(node)), comments=False) if found else None


def returns(piece: Piece) -> Iterator[ast.Return]:
    """The ``return`` of the function that a statement is in."""
    waiting: list[ast.AST] = [piece.node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)


def loop_of(piece: Piece, node: ast.ListComp | ast.GeneratorExp) -> str:
    """The head of a comprehension as a loop.

    Raises:
        Refused: it has conditions or several loops.
    """
    first = node.generators[0]
    if len(node.generators) > 1 or first.ifs:
        raise Refused(
            "call", piece.site, "a step is in a comprehension with conditions, or with several loops."
        )
    return f"for {piece.part(first.target)} in {piece.part(first.iter)}:\n    pass"


def without_self(source: Source, node: ast.AST, owner: str, markers: Mapping[str, str]) -> Source:
    """A file in which the attributes of ``owner`` are names of their own."""
    data = source.text.encode()
    edits = []
    for each in ast.walk(node):
        if (
            isinstance(each, ast.Attribute)
            and isinstance(each.value, ast.Name)
            and each.value.id == owner
            and each.attr in markers
        ):
            first, last = Piece(ast.Pass(), source).span(each)
            if data[first:last].replace(b" ", b"") == f"{owner}.{each.attr}".encode():
                edits.append((first, last, markers[each.attr]))
    return edited(source, edits)
