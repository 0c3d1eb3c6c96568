"""A training script into a project: what it does is recorded and read, written anew, and proved to be the same."""
