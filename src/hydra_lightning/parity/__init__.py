"""Are two trainings the same? A recorder of training runs, and the comparison of what it recorded."""
