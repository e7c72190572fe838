"""How a model is trained: configuration, progress and drivers of a fit.

A `Fit` (fit.py) holds a frozen configuration, the progress that a checkpoint saves, and the account of what the engine
did. The loop (loop.py) runs it by one of three drivers: chunks of epochs, single epochs, single batches. Optimizers
that search along the loss take their steps in search.py and populations.py; parallel.py trains many models at once.
"""

from ..network.history import History

__all__ = ["History"]
