import argparse

import numpy as np
import torch

import model.loss as module_loss
import model.metric as module_metric
import model.model as module_arch
from data_loader.data_loaders import DigitsDataLoader
from trainer import Trainer
from utils import read_yaml


def main(config):
    # fix random seeds for reproducibility
    torch.manual_seed(config['seed'])
    np.random.seed(config['seed'])

    data_loader = DigitsDataLoader(**config['data_loader'])
    valid_data_loader = data_loader.split_validation()

    # build model architecture, then print to console
    model = getattr(module_arch, config['arch']['type'])(**config['arch']['args'])
    print(model)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    model = model.to(device)

    # get function handles of loss and metrics
    criterion = getattr(module_loss, config['loss'])
    metrics = [getattr(module_metric, met) for met in config['metrics']]

    # build optimizer, learning rate scheduler
    trainable_params = filter(lambda p: p.requires_grad, model.parameters())
    optimizer = getattr(torch.optim, config['optimizer']['type'])(trainable_params, **config['optimizer']['args'])
    lr_scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, **config['lr_scheduler'])

    trainer = Trainer(model, criterion, metrics, optimizer,
                      config=config,
                      device=device,
                      data_loader=data_loader,
                      valid_data_loader=valid_data_loader,
                      lr_scheduler=lr_scheduler)
    trainer.train()


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description='digits with a template')
    parser.add_argument('-c', '--config', default='config.yaml', type=str,
                        help='config file path (default: config.yaml)')
    main(read_yaml(parser.parse_args().config))
