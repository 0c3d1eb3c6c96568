from dataclasses import dataclass, field
from typing import List, Optional


@dataclass
class ModelConfig:
    hidden: List[int] = field(default_factory=lambda: [64, 32])
    dropout: float = 0.15
    activation: str = "gelu"


@dataclass
class TrainConfig:
    batch_size: int = 32
    lr: float = 2e-3
    weight_decay: float = 1e-4
    epochs: int = 5
    seed: int = 7
    ckpt: Optional[str] = "last.pt"
    model: ModelConfig = field(default_factory=ModelConfig)
