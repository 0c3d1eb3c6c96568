import torch

import dataset
import engine
from config import TrainConfig
from model import TabularNet


def run():
    cfg = TrainConfig()
    torch.manual_seed(cfg.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_loader, valid_loader = dataset.get_loaders(cfg.batch_size, cfg.seed)

    model = TabularNet(30, cfg.model.hidden, cfg.model.dropout, cfg.model.activation)
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)

    best_accuracy = 0
    for epoch in range(cfg.epochs):
        train_loss = engine.train_fn(train_loader, model, optimizer, device)
        valid_loss, accuracy = engine.eval_fn(valid_loader, model, device)
        print(f"Epoch {epoch}: train {train_loss:.4f} valid {valid_loss:.4f} accuracy {accuracy:.4f}")
        if accuracy > best_accuracy:
            best_accuracy = accuracy
            if cfg.ckpt is not None:
                torch.save(model.state_dict(), cfg.ckpt)


if __name__ == "__main__":
    run()
