"""Evaluate: python lightning_classes/eval.py run=ID [mode=test|validate|predict] [key=value ...]"""

import hydra_lightning
from omegaconf import DictConfig


@hydra_lightning.main(config_path="../configs", config_name="eval.yaml")
def main(cfg: DictConfig) -> None:
    hydra_lightning.evaluate(cfg)


if __name__ == "__main__":
    main()
