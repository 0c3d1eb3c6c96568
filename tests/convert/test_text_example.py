"""The training of the text example, written as a script of accelerate, becomes what the example is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.convert.convert import convert
from hydra_lightning.parity.sides import Experiment, Limits, Script
from hydra_lightning.parity.verdict import judge, text
from hydra_lightning.scaffold.new import new_project

CORPUS = Path(__file__).parent.parent / "corpus"
pytestmark = pytest.mark.usefixtures("forked")


def test_the_script_the_example_and_what_is_written_train_the_same(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", "text").root
    book = CORPUS / "data/persuasion.txt"
    script = Script(CORPUS / "scripts/accelerate_text/train_lm.py", ("--book", str(book)))
    limits = Limits()

    found = convert(script, project, name="clm", limits=limits)
    assert found.verdict is not None
    assert found.verdict.status == "PASS"
    assert found.to_do == []
    assert not any("accelerate" in content for path, content in found.files.items() if path.endswith("py"))
    assert found.keys["--block_size"] == "data.block_size"
    assert found.keys["--n_embd"] == "model.net.config.n_embd"
    assert found.keys["--gradient_accumulation_steps"] == "trainer.accumulate_grad_batches"

    steps = len(found.tape.losses) // found.tape.facts["epochs"]
    example = Experiment(
        project,
        (
            "experiment=book",
            "test=false",
            *(f"data.book={book}", "data.vocab_size=400", "data.block_size=32", "data.batch_size=64"),
            *("model.lm.config.n_embd=32", "model.lm.config.n_layer=1"),
            *("model.scheduler.num_warmup_steps=20", f"model.scheduler.num_training_steps={3 * steps}"),
            *("trainer.max_epochs=3", "trainer.max_steps=-1", "trainer.gradient_clip_val=null"),
            *("trainer.val_check_interval=1.0", "trainer.check_val_every_n_epoch=1"),
        ),
    )
    verdict = judge(found.tape, script, example, limits, 42)
    assert verdict.status == "PASS", text(verdict)
