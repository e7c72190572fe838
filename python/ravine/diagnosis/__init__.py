"""Diagnosis: what goes wrong in training, by name, with the layer, a figure and what to do."""

from __future__ import annotations

from .examination import diagnose
from .findings import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "diagnose"]
