"""Figures against peers; `python -m benchmarks.NAME`."""
