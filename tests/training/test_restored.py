"""What makes a model knows whether a checkpoint gives the weights."""

from __future__ import annotations

from lightning.pytorch import LightningModule
from omegaconf import OmegaConf

from hydra_lightning.tasks.load import new_model
from hydra_lightning.training.restored import is_restored, restored


class Asks(LightningModule):
    """Keeps the answer that it got when it was made."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = is_restored()


def test_a_model_is_trained_unless_it_is_said_otherwise() -> None:
    assert not Asks().answer
    with restored():
        assert Asks().answer
        with restored(False):
            assert not Asks().answer
    assert not Asks().answer


def test_a_model_that_is_loaded_need_not_be_trained() -> None:
    trusted = [__name__.partition(".")[0]]
    config = {"model": {"_target_": f"{__name__}.Asks"}, "extras": {"trusted": trusted}}
    assert new_model(OmegaConf.create(config)).answer
