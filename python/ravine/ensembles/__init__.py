"""Many models: ensembles whose mean predicts, and many starts of which the best is kept."""
