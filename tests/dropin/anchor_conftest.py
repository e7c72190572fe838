"""Run scikit-learn's own test_mlp.py, unchanged, against a drop-in.

site=$(python -c "import sklearn, pathlib; print(pathlib.Path(sklearn.__file__).parent)")
cp "$site/neural_network/tests/test_mlp.py" "$DIR/test_anchor_mlp.py"     # beside a copy of this file; never committed
DROPIN=ravine.sklearn python -m pytest -q "$DIR/test_anchor_mlp.py"
"""

import importlib
import os

import pytest
import sklearn.neural_network as target

dropin = importlib.import_module(os.environ["DROPIN"])
for name in ("MLPClassifier", "MLPRegressor"):
    estimator = getattr(dropin, name)
    assert not estimator.__module__.startswith("sklearn."), f"{name} is scikit-learn's own class"
    setattr(target, name, estimator)


@pytest.fixture
def global_random_seed():
    return 42
