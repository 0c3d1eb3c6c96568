"""Two processes on the CPU: one run folder, one record, written by rank 0."""

from pathlib import Path

import pytest
import torch
from processes import TINY, record, run_script, runs_in

pytestmark = pytest.mark.slow

RACE_FREE = ["+trainer.num_sanity_val_steps=0"]


@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn"])
def test_ddp_writes_one_record(project: Path, strategy: str) -> None:
    done = run_script(
        project, "train.py", *TINY, *RACE_FREE, "trainer=ddp_sim", f"trainer.strategy={strategy}"
    )
    assert done.returncode == 0, done.stderr
    (run,) = runs_in(project)
    data = record(run)
    assert data["status"] == "completed"
    assert data["devices"]["world_size"] == 2
    assert data["metrics"]["test/acc"] >= 0
    assert len(data["attempts"]) == 1
    assert data["best"]["value"] > 0
    assert data["checkpoints"]["last"] == "checkpoints/last.ckpt"
    assert torch.load(run / data["checkpoints"]["best"], weights_only=True)["global_step"] > 0
    header = (run / "metrics.csv").read_text().splitlines()[0]
    assert "val/loss" in header
    assert "test/acc" in header


def test_predictions_of_two_processes_cover_every_sample(project: Path) -> None:
    pandas = pytest.importorskip("pandas")
    assert run_script(project, "train.py", *TINY, "test=false").returncode == 0
    done = run_script(
        project, "eval.py", "run=@last", "mode=predict", "trainer=ddp_sim", "extras.print_config=false"
    )
    assert done.returncode == 0, done.stderr
    run = runs_in(project, "eval")[-1]
    parts = [pandas.read_parquet(run / f"predictions-rank{rank}.parquet") for rank in (0, 1)]
    assert sum(len(part) for part in parts) >= 359


def test_a_failing_rank_fails_the_run(project: Path) -> None:
    done = run_script(project, "train.py", *TINY, "trainer=ddp_sim", "data.batch_size=33")
    assert done.returncode == 1
    (run,) = runs_in(project)
    assert record(run)["status"] == "failed"
    assert "cannot be shared evenly by 2 devices" in record(run)["error"]["message"]


def test_every_job_of_a_sweep_gets_its_own_processes(project: Path) -> None:
    done = run_script(project, "train.py", "-m", *TINY, "trainer=ddp_sim", "seed=1,2", "test=false")
    assert done.returncode == 0, done.stderr
    (sweep,) = (project / "logs" / "train" / "sweeps").iterdir()
    jobs = [record(file.parent) for file in sorted(sweep.glob("*/run.json"))]
    assert [(job["seed"], job["status"], job["devices"]["world_size"]) for job in jobs] == [
        (1, "completed", 2),
        (2, "completed", 2),
    ]
    assert not (project / "logs" / "train" / "runs").exists()


@pytest.mark.parametrize(("trainer", "seeded"), [("cpu", "False"), ("ddp_sim", "True")])
def test_workers_are_seeded_by_torch_in_one_process_and_apart_in_several(
    project: Path, trainer: str, seeded: str
) -> None:
    (project / "lightning_classes" / "seen.py").write_text(
        "from lightning.pytorch import Callback\n\n\n"
        "class Seen(Callback):\n"
        "    def on_train_start(self, trainer, pl_module):\n"
        "        print('seeded', trainer.train_dataloader.worker_init_fn is not None)\n"
    )
    seen = "+callbacks.seen._target_=lightning_classes.seen.Seen"
    done = run_script(project, "train.py", *TINY, *RACE_FREE, f"trainer={trainer}", seen, "test=false")
    assert done.returncode == 0, done.stderr
    assert f"seeded {seeded}" in done.stdout
