from .supervised import Trainer

__all__ = ['Trainer']
