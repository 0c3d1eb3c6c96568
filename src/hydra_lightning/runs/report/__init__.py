"""One HTML file about many runs: ``write_report``."""

from hydra_lightning.runs.report.page import write_report

__all__ = ["write_report"]
