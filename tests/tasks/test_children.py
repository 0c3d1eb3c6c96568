"""The command line that other ranks of a sweep's job are started with."""

from hydra_lightning.tasks.children import job_arguments


def test_a_job_is_repeated_without_its_sweep() -> None:
    typed = ["-m", "--config-dir", "more", "trainer=ddp", "seed=1,2", "hydra.sweep.dir=x"]
    hydra = ["hydra.mode=MULTIRUN", "hydra.sweep.dir=x", "hydra.verbose=true", "hydra.sweeper.params={a: 1}"]
    assert job_arguments(typed, hydra, ["trainer=ddp", "seed=2"]) == [
        "--config-dir",
        "more",
        "hydra.verbose=true",
        "trainer=ddp",
        "seed=2",
        "hydra.mode=RUN",
    ]


def test_flags_with_an_equals_sign_are_kept() -> None:
    assert job_arguments(["--config-name=other", "-m"], [], []) == ["--config-name=other", "hydra.mode=RUN"]
