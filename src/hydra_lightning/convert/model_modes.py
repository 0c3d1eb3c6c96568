"""In which mode models are trained and evaluated, where that is not what Lightning would do."""

from __future__ import annotations

from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.hooks import is_mode
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.text import helpers_of


def loaded(program: Program) -> list[str]:
    """The models that are put into train mode after ``from_pretrained``, which Lightning does not do."""
    flow = program.flow
    pieces = [*flow.setup, *pieces_in(flow.before), *flow.body]
    trained = {
        name
        for name in program.roles.nets
        for each in pieces
        if is_mode(each, [name]) and each.text(comments=False).endswith(".train()")
    }
    return [
        name
        for name, made in program.roles.nets.items()
        if name in trained
        and any(
            "from_pretrained(" in each.text(comments=False) for each in [made, *helpers_of(program, [made])]
        )
    ]


def mode_hooks(program: Program) -> dict[str, str]:
    """The hooks of Lightning that would switch the model's mode where the program does not, and why."""
    tape, block = program.tape, program.roles.val_block
    calls = [event for event in tape.events if event.kind == "forward"]
    hooks = {}
    sites = {
        stack[-1]
        for stack in tape.evaluations
        if block is None or any(block.head.covers(site) for site in stack)
    }
    evaluated = [event for event in calls if event.is_evaluation and event.site in sites]
    switched = {event.about for event in evaluated if not event.data["train"]}
    # A criterion with parameters may stay in train mode, where only the model is switched: eval() is nothing to it.
    if any(event.data["train"] and (not switched or event.about in switched) for event in evaluated):
        hooks["on_validation_model_eval"] = "The model is evaluated in the mode that it is trained in."
    # An evaluation may be made with gradients, too.
    trained = {
        stack[-1]
        for stack in tape.evaluations
        if any(piece.covers(site) for piece in program.flow.body for site in stack)
    }
    if any(event.data["grad"] and not event.data["train"] and event.site in trained for event in calls):
        hooks["on_validation_model_train"] = "The model is not put back into train mode after an evaluation."
    return hooks


def evaluates_in_train_mode(program: Program) -> bool:
    """Whether a model is in train mode in an evaluation, so that each batch changes its statistics."""
    return any(
        event.kind == "forward"
        and event.is_evaluation
        and event.data["train"]
        and not program.flow.batches.covers(event.site)
        for event in program.tape.events
    )
