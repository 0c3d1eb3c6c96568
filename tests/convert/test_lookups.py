"""What settings decide is written out; what only a helper looks up stays a setting."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.lookups import without_lookups
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece, Source

SETTINGS: dict[str, Any] = {
    "cfg['net']['width']": 8,
    "cfg['net']['depth']": 2,
    "cfg['optim']": "Adam",
    "cfg['loss']": "dice",
    "cfg['scores']": ["recall", "dice"],
}


def rewritten(code: str) -> str:
    sources = {
        "train.py": Source("train.py", code),
        "metrics.py": Source("metrics.py", "def dice(): ...\ndef recall(): ..."),
    }
    setup = [Piece(each, sources["train.py"]) for each in sources["train.py"].tree.body]
    settings = {code: Setting(code, code, value, "", "", "") for code, value in SETTINGS.items()}
    flow = cast("Flow", SimpleNamespace(setup=[each for each in setup if not hasattr(each.node, "body")]))
    return without_lookups(sources, flow, settings)["train.py"].text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("net = Net(3, **cfg['net'])", "net = Net(3, width=cfg['net']['width'], depth=cfg['net']['depth'])"),
        ("net = Net(**other)", "net = Net(**other)"),
        ("o = getattr(torch.optim, cfg['optim'])(p)", "o = torch.optim.Adam(p)"),
        ("def act():\n    return getattr(nn, cfg['optim'])()", None),
        ("def act():\n    return getattr(nn, cfg['optim'], None)()", None),
        ("import metrics as m\nf = getattr(m, cfg['loss'])", "import metrics as m\nf = dice"),
        (
            "import metrics as m\nf = [getattr(m, each) for each in cfg['scores']]",
            "import metrics as m\nf = [recall, dice]",
        ),
        ("name = cfg.get('loss', 'mse')", "name = cfg['loss']"),
        ("name = cfg.get('other', 'mse')", None),
    ],
)
def test_what_settings_decide_is_written_out(before: str, after: str | None) -> None:
    assert rewritten(before) == (after or before)
