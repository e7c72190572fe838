"""A model's state, and what is computed with it.

`state.py` has the parts of a model, each declared once; the other files are functions on it: `plan.py` and
`building.py` make the engine's network of the layers, `data.py` the engine's rows of what a user hands in,
`inference.py`, `evaluation.py` and `gradients.py` the results.
"""
