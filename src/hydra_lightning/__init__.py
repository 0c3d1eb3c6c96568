"""From a PyTorch script to tracked, configurable, reproducible experiments."""

__version__ = "0.1.0"
