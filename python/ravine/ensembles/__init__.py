"""Many models: ensembles, which predict with their mean, and many starts, of which the best is kept."""
