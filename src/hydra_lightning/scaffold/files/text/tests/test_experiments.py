"""What the experiments describe can be built."""

from pathlib import Path

import hydra_lightning

ROOT = Path(__file__).parent.parent


def test_the_model_fits_the_tokens() -> None:
    config = hydra_lightning.compose(ROOT, ["experiment=book", "data.vocab_size=300"])
    model = hydra_lightning.instantiate(config, "model")
    assert model.lm.get_input_embeddings().num_embeddings == 300
