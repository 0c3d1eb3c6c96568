"""Runs one program of one family: ``python run.py FAMILY PROGRAM``."""

import importlib
import sys

family, program = sys.argv[1:]
getattr(importlib.import_module(family), program)()
