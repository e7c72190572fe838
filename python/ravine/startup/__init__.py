"""The import of ravine: the compiled module is loaded, and everything else on first use."""
