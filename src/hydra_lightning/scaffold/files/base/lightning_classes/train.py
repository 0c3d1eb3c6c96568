"""Train: python lightning_classes/train.py [experiment=NAME] [key=value ...]"""

import hydra_lightning
from omegaconf import DictConfig


@hydra_lightning.main(config_path="../configs", config_name="train.yaml")
def main(cfg: DictConfig) -> float | None:
    return hydra_lightning.train(cfg)


if __name__ == "__main__":
    main()
