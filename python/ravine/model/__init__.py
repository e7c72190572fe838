"""The public interface of a model: `Sequential` holds a state and calls functions on it."""

from .sequential import Sequential

__all__ = ["Sequential"]
