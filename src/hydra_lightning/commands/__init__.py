"""What the command line's groups of commands parse and print."""
