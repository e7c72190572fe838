"""Training: configuration, progress and drivers of a fit.

A `Fit` (fit.py) holds a frozen configuration, the progress that a checkpoint saves, and the record of the engine's
runs. The loop (loop.py) runs it by one of three drivers: chunks of epochs, single epochs, single batches. Optimizers
that search along the loss take their steps in search.py and populations.py; parallel.py trains many models at once.
"""

from ..network.history import History

__all__ = ["History"]
