"""Names that say where things run are what a LightningModule calls it."""

import pytest
from laid_out import pieces

from hydra_lightning.convert.devices import devices_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('device = torch.device("cuda" if torch.cuda.is_available() else "cpu")', {"device": "self.device"}),
        ('device = "cuda:0" if torch.cuda.is_available() else "cpu"', {"device": "self.device.type"}),
        ("use_cuda = torch.cuda.is_available()", {"use_cuda": '(self.device.type == "cuda")'}),
        ("device = torch.accelerator.current_accelerator()", {"device": "self.device"}),
        (
            'if 1 > 0:\n    device = torch.accelerator.current_accelerator()\nelse:\n    device = torch.device("cpu")',
            {"device": "self.device"},
        ),
        (
            'if 1 > 0:\n    where = "cuda:1"\nelif 2 > 0:\n    where = "mps"\nelse:\n    where = "cpu"',
            {"where": "self.device.type"},
        ),
        ("gpus = torch.cuda.device_count()", {"gpus": '(self.device.type == "cuda")'}),
    ],
)
def test_how_it_is_written(text: str, found: dict[str, str]) -> None:
    assert devices_of(pieces(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "lr = 0.1",
        'x = x.to("cuda")',
        "loader = DataLoader(data, pin_memory=torch.cuda.is_available())",
        "scaler = torch.amp.GradScaler(enabled=torch.cuda.is_available())",
        'args.device = torch.device("cuda")',
        'if 1 > 0:\n    kind = "cuda"\nelse:\n    kind = "slow"',
        'if 1 > 0:\n    device = "cuda"\nelse:\n    device = "cpu"\n    workers = 2',
    ],
)
def test_what_is_more_than_a_device_is_none(text: str) -> None:
    assert devices_of(pieces(text)) == {}
