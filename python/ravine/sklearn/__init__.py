"""scikit-learn's multi-layer perceptrons, trained by ravine: the same interface, with further options.

Replace `from sklearn.neural_network import MLPClassifier` by `from ravine.sklearn import MLPClassifier`. Needs
scikit-learn 1.9 and with it Python 3.11: `pip install "ravine[sklearn]"`. `docs/sklearn.md` describes how each
parameter is mapped, and where results differ on purpose.
"""

try:
    import sklearn as _sklearn
except ImportError as error:
    raise ImportError('ravine.sklearn needs scikit-learn: pip install "ravine[sklearn]"') from error

from .classifier import MLPClassifier
from .cnn import CNNClassifier
from .net import NetClassifier, NetRegressor
from .rates import AdamRate, ScaledRate
from .regressor import MLPRegressor

__all__ = ["AdamRate", "CNNClassifier", "MLPClassifier", "MLPRegressor", "NetClassifier", "NetRegressor", "ScaledRate"]

del _sklearn
