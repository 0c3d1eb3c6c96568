"""What a program prints of its evaluation becomes metrics with names."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.tells import only_tells

WORDS = {"accuracy": "acc", "perplexity": "ppl"}
KNOWN = frozenset(
    (
        *(
            "loss",
            "acc",
            "accuracy",
            "f1",
            "auc",
            "dice",
            "iou",
            "mae",
            "mse",
            "rmse",
            "error",
            "score",
            "bleu",
        ),
        *("precision", "recall", "perplexity", "ppl", "bpc", "r2", "psnr", "elbo", "kl", "reward"),
    )
)
COUNTS = frozenset(("total", "count", "n", "num", "samples", "seen"))
SETS = ("val", "valid", "validation", "test", "eval", "dev")
OF = ("on", "of", "for")
PREFIXES = (
    "test",
    "val",
    "valid",
    "validation",
    "eval",
    "dev",
    "avg",
    "average",
    "mean",
    "total",
    "epoch",
    "train",
)


# The name of all numbers of a dict.
ALL = "*"


def printed(
    pieces: Sequence[Piece],
    counters: set[str],
    others: Callable[[Piece], Collection[str]] = lambda piece: (),
    definitions: Mapping[str, Piece] | None = None,
    several: Collection[str] = (),
) -> list[tuple[str, Piece, ast.expr]]:
    """``(name, piece, expression)`` of each number that is printed, none of them twice.

    Args:
        pieces: statements, of which those that print count.
        counters: names that count epochs or batches; they are no metrics.
        others: names of other parts of the program, where a statement is; what they are in is left out.
        definitions: the functions and classes of the program, which tell what is in a dict that they return.
        several: names of objects whose ``compute()`` gives a dict of numbers.
    """
    found: dict[str, tuple[Piece, ast.expr]] = {}
    of_training: set[str] = set()
    texts = texts_in(pieces) | _times_in(pieces)
    built = {name: each for each in pieces for name in each.defines if _builds_text(each)}
    for piece in pieces:
        if (told_by_loop := _told_in_loop(piece.node)) is not None:
            found.setdefault(ALL, (piece, told_by_loop))
            continue
        farewell = _of_exits(piece.node)
        for node in ast.walk(piece.node):
            if isinstance(node, ast.Call) and _tells_numbers(node) and id(node) not in farewell:
                label, is_of_another = "", False
                shown = list(_shown(piece, node, built))
                for owner, told, value, following in shown:
                    is_free = not _known(label) or (is_of_another and not _says_where(told))
                    is_word = re.search(r"[a-zA-Z][a-zA-Z0-9]", told) is not None
                    if (is_word and (_known(told) or is_free)) or (is_of_another and told.strip() == ","):
                        label, is_of_another = told, False
                    names = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)}
                    if (items := items_of(value)) is not None and names.isdisjoint(others(owner)):
                        found.setdefault(ALL, (owner, items))
                        continue
                    is_of_others = not names.isdisjoint(others(owner))
                    if (
                        not names
                        or names <= counters
                        or is_of_others
                        or names <= texts
                        or _is_time(value)
                        or _is_size(value)
                        or owner.part(value).endswith(".tolist()")
                        or (isinstance(value, ast.Name) and value.id in COUNTS and len(shown) > 1)
                        or following.lstrip().startswith("/")
                    ):
                        # A count of so many: the share of it comes next, or is no metric.
                        if names <= counters and label == told:
                            label = ""
                        is_of_another = is_of_others
                        continue
                    if _computes(value, pieces, several):
                        found.setdefault(ALL, (owner, value))
                        continue
                    keys = _keys(value, pieces, definitions or {})
                    for key in keys:
                        item = ast.Subscript(value, ast.Constant(key), ast.Load())
                        found.setdefault(_name(key, value), (owner, item))
                    name = "" if keys else _name(label, value)
                    words = {*re.findall(r"[a-z]+", label.lower())}
                    label = ""
                    known = {ast.unparse(each) for _, each in found.values()}
                    # Of a "train loss" and a "val loss" it is the second.
                    is_new = name not in found or (name in of_training and not words.isdisjoint(SETS))
                    if name and is_new and ast.unparse(value) not in known:
                        found[name] = (owner, value)
                        of_training |= {name} if "train" in words else set()
    whole = ast.unparse(found[ALL][1]) if ALL in found else ""
    return [
        (name, piece, value)
        for name, (piece, value) in found.items()
        # It is logged with all others of its dict.
        if not (isinstance(value, ast.Subscript) and ast.unparse(value.value) == whole)
    ]


def texts_in(pieces: Sequence[Piece]) -> set[str]:
    """The names that are given a text."""
    return {
        piece.names.get(target.id, target.id)
        for piece in pieces
        for each in ast.walk(piece.node)
        if isinstance(each, ast.Assign) and _is_text(each.value)
        for target in each.targets
        if isinstance(target, ast.Name)
    }


def _computes(value: ast.expr, pieces: Sequence[Piece], several: Collection[str]) -> bool:
    """Whether a value is what ``compute()`` of one of the objects gives, or a name for it."""
    values = [(each.node.value, each) for each in pieces if isinstance(each.node, ast.Assign)]
    made = [
        (one, each) for one, each in values if isinstance(value, ast.Name) and value.id in each.defines
    ] or [(value, piece) for piece in pieces[:1]]
    return any(
        isinstance(one, ast.Call)
        and isinstance(one.func, ast.Attribute)
        and one.func.attr == "compute"
        and isinstance(one.func.value, ast.Name)
        and each.names.get(one.func.value.id, one.func.value.id) in several
        for one, each in made
    )


def _times_in(pieces: Sequence[Piece]) -> set[str]:
    """The names that are given a time: ``took = time.time() - started``."""
    return {
        name
        for piece in pieces
        if isinstance(piece.node, ast.Assign) and _is_time(piece.node.value)
        for name in piece.defines
    }


def _is_time(value: ast.expr) -> bool:
    """``time.time() - started``"""
    return re.search(r"\b(time|perf_counter|monotonic|now)\(\)", ast.unparse(value)) is not None


def _builds_text(piece: Piece) -> bool:
    """``line = f"loss {loss}"``"""
    return isinstance(piece.node, ast.Assign) and len(piece.defines) == 1 and _is_text(piece.node.value)


def _shown(
    piece: Piece, call: ast.Call, built: Mapping[str, Piece]
) -> Iterator[tuple[Piece, str, ast.expr, str]]:
    """Each value that is told, those of a text that was built too, with its statement and the text around it."""
    for before, value, after in _values(call):
        name = piece.names.get(value.id, value.id) if isinstance(value, ast.Name) else ""
        other = built.get(name)
        if other is not None and isinstance(other.node, ast.Assign):
            told = ast.Call(ast.Name("print", ast.Load()), [other.node.value], [])
            yield from ((other, *each) for each in _values(told))
        else:
            yield piece, before, value, after


def _keys(value: ast.expr, pieces: Sequence[Piece], definitions: Mapping[str, Piece]) -> list[str]:
    """The keys of a dict that a function or a method of the program returned."""
    made = [
        piece.node.value.func
        for piece in pieces
        if isinstance(value, ast.Name)
        and isinstance(piece.node, ast.Assign)
        and isinstance(piece.node.value, ast.Call)
        and value.id in piece.defines
    ]
    called = {ast.unparse(each).rpartition(".")[2] for each in made}
    results = [
        _assigned_to(each.value, function) if isinstance(each.value, ast.Name) else each.value
        for definition in definitions.values()
        for function in ast.walk(definition.node)
        if isinstance(function, ast.FunctionDef) and function.name in called
        for each in ast.walk(function)
        if isinstance(each, ast.Return)
    ]
    if len(results) != 1 or not isinstance(results[0], ast.Dict):
        return []
    return [text for key in results[0].keys if key is not None and (text := _text(key))]


def _assigned_to(name: ast.Name, function: ast.FunctionDef) -> ast.expr:
    """What a name is assigned to in a function, where that is once; else the name."""
    found = [
        each.value
        for each in ast.walk(function)
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name.id
    ]
    return found[0] if len(found) == 1 else name


def items_of(value: ast.expr) -> ast.Name | None:
    """``scores`` in ``{name: round(each.item(), 4) for name, each in scores.items()}``."""
    if not isinstance(value, ast.DictComp) or len(value.generators) != 1:
        return None
    return _owner_of_items(value.generators[0].iter)


def _owner_of_items(node: ast.expr) -> ast.Name | None:
    """``scores`` in ``scores.items()``."""
    function = node.func if isinstance(node, ast.Call) else None
    is_items = isinstance(function, ast.Attribute) and function.attr == "items"
    owner = function.value if isinstance(function, ast.Attribute) and is_items else None
    return owner if isinstance(owner, ast.Name) else None


def _told_in_loop(statement: ast.stmt) -> ast.Name | None:
    """``scores`` in ``for name, value in scores.items(): print(name, value)``."""
    if not isinstance(statement, ast.For) or not isinstance(statement.target, ast.Tuple):
        return None
    return _owner_of_items(statement.iter) if only_tells(statement) else None


def _of_exits(statement: ast.stmt) -> set[int]:
    """The identities of the parts of branches that leave a loop: what they tell is why."""
    branches = [
        branch
        for each in ast.walk(statement)
        if isinstance(each, ast.If)
        for branch in (each.body, each.orelse)
        if any(isinstance(one, ast.Break) for one in branch)
    ]
    return {id(part) for branch in branches for one in branch for part in ast.walk(one)}


def _tells_numbers(call: ast.Call) -> bool:
    """``print(...)``, ``writer.add_scalar("loss", loss, step)``, ``wandb.log({"loss": loss})``"""
    name = ast.unparse(call.func)
    is_log = name.endswith(".log") and bool(call.args) and isinstance(call.args[0], ast.Dict)
    return _is_text_call(call) or name.endswith(".add_scalar") or is_log


def _is_text_call(call: ast.Call) -> bool:
    """``print(...)``, ``tqdm.write(...)``, ``logger.info("loss %.4f", loss)``"""
    name = ast.unparse(call.func)
    owner, _, method = name.lower().rpartition(".")
    is_bar = method == "write" and ("tqdm" in owner or "bar" in owner)
    return name == "print" or is_bar or (method == "info" and "log" in owner)


def _values(call: ast.Call) -> Iterator[tuple[str, ast.expr, str]]:
    """Each value of a ``print`` with the text before and after it."""
    parts: list[str | ast.expr] = []
    # The last argument of a logger is the number of the step.
    count = len(call.args) if _is_text_call(call) else 2 - isinstance(call.args[0], ast.Dict)
    arguments = call.args[:count]
    if count > 1 and "%" in (_text(arguments[0]) or "") and ast.unparse(call.func) != "print":
        # logger.info("loss %.4f", loss)
        arguments = [ast.BinOp(arguments[0], ast.Mod(), ast.Tuple(arguments[1:]))]
    for argument in arguments:
        parts += [*_parts(argument), " "]
    for index, part in enumerate(parts):
        if isinstance(part, ast.expr):
            around = [parts[index - 1] if index else "", parts[index + 1] if index + 1 < len(parts) else ""]
            before, after = (each if isinstance(each, str) else "" for each in around)
            for earlier in reversed(parts[: max(index - 1, 0)]):
                if before.strip() or not isinstance(earlier, str):
                    break
                before = earlier
            yield before, part, after


def _parts(argument: ast.expr) -> Iterator[str | ast.expr]:
    """The texts and values of one argument, alternating."""
    if isinstance(argument, ast.JoinedStr):
        for part in argument.values:
            if isinstance(part, ast.FormattedValue):
                yield part.value
            elif isinstance(part, ast.Constant):
                yield str(part.value)
        return
    if isinstance(argument, ast.Dict):
        for key, value in zip(argument.keys, argument.values, strict=True):
            yield (_text(key) or "") if key is not None else ""
            yield value
        return
    if isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Add) and _is_text(argument):
        yield from _parts(argument.left)
        yield from _parts(argument.right)
        return
    texts: list[str] = []
    values: list[ast.expr] = []
    if (
        isinstance(argument, ast.BinOp)
        and isinstance(argument.op, ast.Mod)
        and _text(argument.left) is not None
    ):
        values = list(argument.right.elts) if isinstance(argument.right, ast.Tuple) else [argument.right]
        texts = re.split(r"%[-+ 0-9.]*[a-zA-Z]", (_text(argument.left) or "").replace("%%", ""))
    elif isinstance(argument, ast.Call) and ast.unparse(argument.func).endswith(".format"):
        assert isinstance(argument.func, ast.Attribute)
        texts, values = re.split(r"\{[^}]*\}", _text(argument.func.value) or ""), list(argument.args)
    elif (text := _text(argument)) is not None:
        texts = [text]
    else:
        values = [argument]
        texts = [""]
    for index, text in enumerate(texts):
        yield text
        if index < len(values):
            yield values[index]


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _known(label: str) -> bool:
    return not KNOWN.isdisjoint(re.findall(r"[a-z0-9]+", label.lower().replace("_", " ")))


def _says_where(label: str) -> bool:
    """Whether a text says what a number is of, and not what it is: "on other rows", "and val"."""
    words = re.findall(r"[a-z]+", label.lower())
    return not {*SETS}.isdisjoint(words) or words[:1] in [[each] for each in OF]


def _is_text(value: ast.expr) -> bool:
    """Whether an expression puts a text together."""
    while isinstance(value, ast.BinOp):
        value = value.right
    return isinstance(value, ast.JoinedStr) or _text(value) is not None


def _is_size(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "len"


def _name(label: str, value: ast.expr) -> str:
    """``loss`` from ``"| val loss "``, else from the variable ``val_loss``."""
    words = re.findall(r"[a-z_][a-z0-9_]*", label.lower().replace("%", ""))
    if not words or len(words[-1]) < 2:
        words = re.findall(r"[a-z]+", ast.unparse(value).lower()) if isinstance(value, ast.Name) else words
    words = [part for word in words for part in word.split("_") if part]
    rest = [word for word in words if word not in PREFIXES]
    if not _known(label):
        # "overlap on unseen rows"
        rest = [*itertools.takewhile(lambda word: word not in OF, rest)] or rest
    if not rest and isinstance(value, ast.Name):
        rest = [word for word in value.id.lower().split("_") if word and word not in PREFIXES]
    if not rest and words and words[-1] in SETS:
        # "val 0.123": the loss of it.
        return "loss"
    rest = [word for word in rest if word in KNOWN] or rest
    if not rest and isinstance(value, ast.BinOp):
        # Nothing says what it is.
        return "result"
    return WORDS.get(rest[-1], rest[-1]) if rest else ""
