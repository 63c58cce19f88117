"""The commands of `python -m gan_core`, a file for each kind of work; they print the events."""
