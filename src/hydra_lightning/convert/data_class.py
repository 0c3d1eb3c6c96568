"""The LightningDataModule of a program."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace

from hydra_lightning.convert.batches import assigned, called, starts
from hydra_lightning.convert.downloads import edits_of, prepare_data
from hydra_lightning.convert.drawing import draws_in_all, may_draw
from hydra_lightning.convert.flow import Block, pieces_in
from hydra_lightning.convert.hooks import pieces_at_end
from hydra_lightning.convert.loaders import CLASSES, class_of
from hydra_lightning.convert.methods import methods_of
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import OF_DATA, Scope, attribute, draws, needed, used_in
from hydra_lightning.convert.settings import owner_of
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.stages import stages_of
from hydra_lightning.convert.tells import only_tells, uploads
from hydra_lightning.convert.text import (
    class_text,
    file_text,
    helpers_of,
    method_text,
    parameters_text,
    with_flags,
    with_helpers,
)
from hydra_lightning.convert.within import used_in_step


def data_text(program: Program, pieces: list[Piece]) -> tuple[str, Scope]:
    names = data_names(program, pieces)
    scope = Scope(program.settings, lambda name: f"self.hparams.{name}", names)
    is_fixed = not _may_draw(program, pieces)
    made = [loader.made[0] for loader in program.loaders.values() if loader.made]
    # What is made before the model is made before prepare_data.
    fetched = list(
        dict.fromkeys([*(pieces if is_fixed or not _is_before_the_model(program, pieces) else []), *made])
    )
    fetching, scope = scope, replace(scope, edits=edits_of(fetched))
    inner = helpers_in_place(program, pieces)
    classes = {kind: class_of(program, kind) for kind in program.loaders}
    scopes = dict.fromkeys(classes, scope)
    scopes |= {
        kind: replace(
            scope,
            names={**names, "DataLoader": name},
            edits={**scope.edits, **_renamed(program, kind, name)},
        )
        for kind, name in classes.items()
        if name not in ("Batches", "DataLoader")
    }
    by_name = {loader.name: scopes[kind] for kind, loader in program.loaders.items() if loader.name}
    statements = []
    for piece in sorted([*pieces, *inner], key=lambda each: each.node.lineno) if inner else pieces:
        of_loader = next((by_name[name] for name in sorted(piece.defines & {*by_name})), scope)
        code = of_loader.code(piece)
        if not isinstance(piece.node, ast.FunctionDef):
            statements.append(code)
            continue
        statements.append(f"\n{code}\n" if statements else f"{code}\n")
        if piece.node.name in names:
            # A function in a function, that a loader is given.
            statements.append(f"{names[piece.node.name]} = {piece.node.name}")
    program.keep(pieces, f"lightning_classes/data/{program.stem}_datamodule.py")
    methods = []
    for kind, loader in program.loaders.items():
        if loader.made is not None:
            code = scopes[kind].code(loader.made[0], loader.made[1])
            program.keep([loader.made[0]], f"{kind}_dataloader")
        else:
            code = f"self.{attribute(loader.name or '', OF_DATA)}"
        if loader.is_listed:
            # Its generator is its own, as the loop over a list draws nothing.
            code = f"DataLoader({code}, batch_size=None, generator=torch.Generator())"
        if loader.is_generated:
            code = f"Batches(lambda: {code})"
        result = next((each for each in ("range", "Batches") if code.startswith(f"{each}(")), "DataLoader")
        methods.append(f"def {kind}_dataloader(self) -> {result}:\n    return {code}")
    methods = [*prepare_data(fetched, fetching), *methods]
    first = [f"def __init__(self{parameters_text(scope.used)}) -> None:", "    super().__init__()"]
    if scope.used:
        first.append("    self.save_hyperparameters(logger=False)")
    if statements and is_fixed:
        methods = [*methods[: -len(program.loaders)], _setup(statements), *methods[-len(program.loaders) :]]
        methods[:0] = ["\n".join(first)] if scope.used else []
    elif _is_before_the_model(program, pieces):
        if statements:
            first += ["    # Made here, before the model, as random numbers are drawn in this order."]
        first += [textwrap.indent(code, "    ") for code in statements]
        methods.insert(0, "\n".join(first))
    else:
        first.append("    self._is_set_up = False")
        body = ["if self._is_set_up:\n    return", *statements, "self._is_set_up = True"]
        methods = [*methods[: -len(program.loaders)], _setup(body), *methods[-len(program.loaders) :]]
        methods.insert(0, "\n".join(first))
    text = class_text(
        f"{program.camel}DataModule", "LightningDataModule", f"{program.told}: the data.", methods
    )
    calls = [
        Piece(ast.Expr(loader.made[1]), loader.made[0].source, loader.made[0].names)
        for loader in program.loaders.values()
        if loader.made
    ]
    helpers, imports = with_helpers(program, [*pieces, *calls], inner)
    helpers += [text for name, text in CLASSES.items() if name in classes.values()]
    extra = [
        "from collections.abc import Callable, Iterable, Iterator",
        "from typing import Any",
        "import torch",
        "from lightning import LightningDataModule",
        "from torch.utils.data import DataLoader",
    ]
    helpers, imports = with_flags(program, helpers, imports)
    return file_text(f"The data of {program.file}.", extra, imports, [*helpers, text]), scope


def _renamed(program: Program, kind: str, name: str) -> dict[int, str]:
    """``torch.utils.data.DataLoader``, where a loader is made of another class."""
    loader = program.loaders[kind]
    piece = loader.made[0] if loader.made else assigned(program.flow.setup, loader.name or "")
    calls = ast.walk(piece.node) if piece is not None else ()
    return {
        id(each.func): name
        for each in calls
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and called(each) == "DataLoader"
    }


def helpers_in_place(program: Program, pieces: Sequence[Piece]) -> list[Piece]:
    """The functions that read what the statements make, and so are written among them."""
    made = {name for piece in pieces for name in piece.defines} | {*program.settings}
    made = {owner_of(name) for name in made} - {*program.constants}
    helpers = [each for each in helpers_of(program, pieces) if isinstance(each.node, ast.FunctionDef)]
    found: list[Piece] = []
    while more := [each for each in helpers if each not in found and each.uses & made]:
        found += more
        made |= {name for each in more for name in each.defines}
    return found


def keep_drawn_loaders(program: Program) -> None:
    """Loaders that are asked for batches before, or whose data are drawn in their call, are made once, in order."""
    peeked = set().union(*(each.uses for each in program.peeked))
    for loader in program.loaders.values():
        if loader.name and loader.made is not None:
            piece, call = loader.made
            is_drawn = loader.is_generated or loader.name in peeked or draws_in_all(program, piece)
            if is_drawn or _draws_in_a_class(program, call):
                loader.made = None


def _draws_in_a_class(program: Program, call: ast.Call) -> bool:
    """Whether a data set of the program that is made in a call draws while it is made."""
    called = [
        each.func.id
        for each in ast.walk(call)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
    ]
    found = [program.flow.definitions[name] for name in called if name in program.flow.definitions]
    return any(
        draws(Piece(each, definition.source))
        for definition in found
        if isinstance(definition.node, ast.ClassDef)
        for each in _run_by_init(definition.node)
    )


def _run_by_init(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """``__init__``, and the methods that it calls."""
    methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
    names, found = ["__init__"], list[ast.FunctionDef]()
    while names:
        method = methods.pop(names.pop(), None)
        if method is not None:
            found.append(method)
            names += [each.attr for each in ast.walk(method) if isinstance(each, ast.Attribute)]
    return found


def _setup(statements: Sequence[str]) -> str:
    return method_text("setup", "stage: str | None = None", "None", statements)


def data_pieces(program: Program) -> list[Piece]:
    """What has to run before the loaders are made."""
    wanted: set[str] = set()
    made = [loader.made for loader in program.loaders.values() if loader.made]
    direct = [piece for piece, _ in made]
    for loader in program.loaders.values():
        if loader.made is not None:
            piece, call = loader.made
            wanted |= {
                piece.names.get(each.id, each.id) for each in ast.walk(call) if isinstance(each, ast.Name)
            }
        elif loader.name is not None:
            wanted.add(loader.name)
    wanted |= set().union(*(each.uses | each.defines for each in program.peeked))
    wanted |= _drawn_before_the_model(program) | _loaders_in_functions(program) | _sources_of_steps(program)
    candidates = [piece for piece in program.objects if piece not in direct]
    wanted -= program.holders
    data = needed(candidates, wanted)
    for name in sorted(set().union(*(each.uses for each in pieces_at_end(program))) - {*program.roles.nets}):
        # What is evaluated at the end is made where the data that it is made of are.
        if any(each in data for each in needed(candidates, [name])):
            wanted.add(name)
    pieces = needed(candidates, wanted)
    # What others use of them needs all that makes it.
    wanted |= {*data_names(program, pieces)}
    for function in helpers_in_place(program, pieces):
        wanted |= function.uses
    calls = [Piece(ast.Expr(call), piece.source, piece.names) for piece, call in made]
    used = set().union(*(used_in(each) for each in [*needed(candidates, wanted), *calls]))
    devices = needed(program.flow.setup, used & {*program.devices})
    candidates = [each for each in program.flow.setup if each in candidates or each in devices]
    found = needed(candidates, wanted)
    told = [each for each in candidates if only_tells(each.node)]
    return [each for each in candidates if each in program.peeked or (each in found and each not in told)]


def _loaders_in_functions(program: Program) -> set[str]:
    """Loaders that a function of the training asks for batches."""
    sites = [str(facts["site"]) for name, facts in program.tape.objects.items() if name.startswith("loader")]
    made = [piece for piece in program.objects if any(map(piece.covers, sites))]
    used = set().union(*(piece.uses for piece in methods_of(program)))
    return {name for piece in made for name in piece.defines} & used


def _sources_of_steps(program: Program) -> set[str]:
    """What steps that get their batches themselves take them from: what is read or loaded, and what is made of it."""
    train = program.roles.train
    if not program.roles.kept or train.made is None or called(train.made[1]) != "range":
        return set()
    kept = program.kept_statements
    used = set().union(*(used_in_step(program, each) for each in [*kept.start, *kept.step]))
    used |= set().union(*(each.uses for each in methods_of(program)))
    owners = {name for each in program.roles.makers for name in each.defines} | {*program.roles.nets}
    found = used - owners - kept.held - {*program.constants} - {*program.settings}
    for piece in program.objects:
        if piece.defines & found and starts(piece):
            # An iterator draws a number when it is made: it stays after the model.
            found = (found - piece.defines) | (piece.uses)
    return {name for name in found if any(map(_reads, needed(program.objects, [name])))}


def _reads(piece: Piece) -> bool:
    """Whether a statement reads or loads data."""
    calls = [ast.unparse(each.func).lower() for each in ast.walk(piece.node) if isinstance(each, ast.Call)]
    return any(re.search(r"open|load(?!_state_dict)|read|fetch|dataset", each) for each in calls)


def data_names(program: Program, pieces: Sequence[Piece]) -> dict[str, str]:
    """The names of the data module that others than its first method use."""
    outside: set[str] = set()
    unpacked = {name for loader in program.loaders.values() for name in re.findall(r"\w+", loader.target)}
    for loader in program.loaders.values():
        if loader.made is not None:
            piece, call = loader.made
            outside |= {
                piece.names.get(each.id, each.id) for each in ast.walk(call) if isinstance(each, ast.Name)
            }
        elif loader.name:
            outside.add(loader.name)
    outside |= _read_in_an_epoch(program) - unpacked
    for piece in [*program.roles.makers, *methods_of(program)]:
        outside |= piece.uses - unpacked
    outside |= stages_of(program, pieces).uses - unpacked
    for piece in [*program.early, *(each for each in program.objects if each.defines & outside)]:
        outside |= piece.uses if piece not in [*pieces, *program.roles.nets.values()] else set()
    defined = {name for piece in pieces for name in piece.defines}
    return {name: f"self.{attribute(name, OF_DATA)}" for name in sorted(outside & defined)}


def _read_in_an_epoch(program: Program) -> set[str]:
    """Names that an epoch, or what follows the last, reads before it has given them a value of its own."""
    found: set[str] = set()
    assigned: set[str] = set()
    flow, own = program.flow, (program.roles.val_block, program.roles.test_block)
    # A loop that has no hook of its own stays as it is.
    loops = [each.head for each in [*flow.before, *flow.after] if isinstance(each, Block) and each not in own]
    for piece in [*loops, *pieces_in([*flow.before, *flow.body, *flow.after]), *pieces_at_end(program)]:
        found |= set() if uploads(piece.node) else piece.uses - assigned
        if isinstance(piece.node, ast.Assign):
            assigned |= {each.id for each in piece.node.targets if isinstance(each, ast.Name)} & piece.defines
            tuples = [each for each in piece.node.targets if isinstance(each, ast.Tuple)]
            assigned |= {each.id for one in tuples for each in one.elts if isinstance(each, ast.Name)}
    return found


def _drawn_before_the_model(program: Program) -> set[str]:
    """Names of the training that are made with random numbers, so that they stay where they are drawn."""
    flow = program.flow
    trained = [*pieces_in(flow.before), *flow.body, *pieces_in(flow.after), *methods_of(program)]
    used = set().union(*(piece.uses for piece in trained))
    model = min(flow.setup.index(piece) for piece in program.roles.nets.values())
    before = {id(piece.node) for piece in flow.setup[:model]}
    early = [piece for piece in program.objects if id(piece.node) in before]
    found: set[str] = set()
    for name in used & {name for piece in early for name in piece.defines} - {*program.roles.nets}:
        pieces = needed(early, [name])
        functions = [each for each in helpers_of(program, pieces) if isinstance(each.node, ast.FunctionDef)]
        if any(draws(each) for each in [*pieces, *functions]):
            found.add(name)
    return found


def _is_before_the_model(program: Program, pieces: Sequence[Piece]) -> bool:
    places = {id(piece): index for index, piece in enumerate(program.flow.setup)}
    model = min(places[id(piece)] for piece in program.roles.nets.values())
    before = [piece for piece in pieces if places[id(piece)] < model]
    after = [piece for piece in pieces if piece not in before]
    if not before or not after:
        return not after
    drawn = [
        any(piece in program.peeked or draws_in_all(program, piece) for piece in part)
        for part in (before, after)
    ]
    if all(drawn):
        raise Refused(
            "mixed-order", pieces[-1].site, "random data are made both before and after the model is made."
        )
    return not drawn[1]


def _may_draw(program: Program, pieces: Sequence[Piece]) -> bool:
    """Whether the place of what the data are made of matters."""
    loaders = {loader.name for loader in program.loaders.values() if loader.name}
    return any(may_draw(program, piece, loaders) for piece in pieces)
