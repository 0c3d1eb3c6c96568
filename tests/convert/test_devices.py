"""Names that say where things run are what a LightningModule calls it."""

import pytest
from laid_out import pieces

from hydra_lightning.convert.devices import devices_of, with_device_names, with_plain_types
from hydra_lightning.convert.source import Source


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
        'grey = torch.full((1, 1), 0.5, device=torch.device("cuda"))',
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


def renamed(text: str) -> str:
    return with_device_names({"train.py": Source("train.py", text)})["train.py"].text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'dev = torch.device("cpu")\nx = x.to(dev)\nfit(net, dev=dev)\n'
            "def fit(net, dev: str = dev):\n    net.to(dev)",
            'device = torch.device("cpu")\nx = x.to(device)\nfit(net, device=device)\n'
            "def fit(net, device: str = device):\n    net.to(device)",
        ),
        (
            'device = 1\nwhere = "cuda" if torch.cuda.is_available() else "cpu"\nx.to(where)',
            'device = 1\nwhere_device = "cuda" if torch.cuda.is_available() else "cpu"\nx.to(where_device)',
        ),
        (
            'self.dev = torch.device("cpu")\nx.to(self.dev)',
            'self.device = torch.device("cpu")\nx.to(self.device)',
        ),
    ],
)
def test_a_device_has_a_name_that_says_so(before: str, after: str) -> None:
    assert renamed(before) == after


@pytest.mark.parametrize(
    "text",
    ['args.dev = torch.device("cpu")', 'dev = torch.device("cpu")\ndef f():\n    global dev', "dev = 3"],
)
def test_other_names_stay(text: str) -> None:
    assert renamed(text) == text


def test_a_type_of_tensors_asks_itself_for_a_gpu() -> None:
    text = "cuda = torch.cuda.is_available()\nT = torch.cuda.FloatTensor if cuda else torch.FloatTensor\n"
    found = with_plain_types({"train.py": Source("train.py", text)})["train.py"].text
    assert found.endswith("T = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor\n")
