"""From names of models to files on this machine."""
