"""Timings of ravine, alone (`digits.py`) and beside its peers (`python -m benchmarks.compare`)."""
