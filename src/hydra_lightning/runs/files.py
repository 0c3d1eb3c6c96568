"""The names of the files in a run folder."""

from __future__ import annotations

SCHEMA = 1
RUN_FILE = "run.json"
CONFIG_FILE = "config.yaml"
METRICS_FILE = "metrics.csv"
REQUIREMENTS_FILE = "requirements.txt"
PATCH_FILE = "git.diff"
ANNOTATIONS_FILE = "annotations.json"
