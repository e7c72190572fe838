"""A model's state, and functions on it.

`state.py` has the parts of a model, each declared once. The other files are functions on them: `plan.py` and
`building.py` make the engine's network from the layers, `data.py` makes the engine's rows from user data, and
`inference.py`, `evaluation.py` and `gradients.py` compute results.
"""
