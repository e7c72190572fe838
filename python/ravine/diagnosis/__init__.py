"""Diagnosis of training problems, by name, with the layer, a figure and a remedy."""

from __future__ import annotations

from .examination import diagnose
from .findings import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "diagnose"]
