"""Which package an option needs, known before anything heavy is imported."""

from __future__ import annotations

import importlib.util

# Class name or package of a target -> the module to import and what pip installs.
PACKAGES = {
    "TensorBoardLogger": ("tensorboard", '"hydra-lightning[tensorboard]"'),
    "MLFlowLogger": ("mlflow", '"hydra-lightning[mlflow]"'),
    "WandbLogger": ("wandb", '"hydra-lightning[wandb]"'),
    "TrackioLogger": ("trackio", '"hydra-lightning[trackio]"'),
    "CometLogger": ("comet_ml", '"hydra-lightning[comet]"'),
    "AimLogger": ("aim", '"hydra-lightning[aim]"'),
    "NeptuneLogger": ("neptune", "neptune"),
    "LitLogger": ("litlogger", "litlogger"),
    "DeviceStatsMonitor": ("psutil", "psutil"),
}
# What pip installs, where its name is not that of the module.
DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "cv2": "opencv-python",
    "yaml": "PyYAML",
    "skimage": "scikit-image",
}
OWNERS = frozenset(("lightning", "pytorch_lightning", "hydra_lightning", "aim"))


def missing_package(target: str) -> str | None:
    """The ``pip install ...`` to type for a logger or callback; None when it is installed or needs nothing.

    Imports nothing: neither the target nor the package.

    Args:
        target: a ``_target_``, as ``lightning.pytorch.loggers.WandbLogger``, in any of its spellings.
    """
    owner, _, rest = target.partition(".")
    name = rest.rpartition(".")[2]
    if owner not in OWNERS or name not in PACKAGES:
        return None
    module, package = PACKAGES[name]
    return None if _is_installed(module) else f"pip install {package}"


def pip_name(module: str) -> str:
    """What to ``pip install`` for ``import module``."""
    package = module.partition(".")[0]
    return DISTRIBUTIONS.get(package, package)


def _is_installed(module: str) -> bool:
    # A folder of that name in the working directory (wandb makes one) is found too, but has no origin.
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None
