"""Write python/ravine/datasets/digits.npz from scikit-learn's copy of the UCI handwritten digits.

Run once, in an environment with scikit-learn: ``python tools/make_digits.py``. The 1,797 images are the test part of
"Optical Recognition of Handwritten Digits" (doi 10.24432/C50P49). The file keeps the grey levels 0..16 as they are and
fixes the split: 1,437 training and 360 test images, shuffled, with each digit's share the same in both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

TEST_ROWS = 360
SEED = 0
TARGET = Path(__file__).resolve().parent.parent / "python" / "ravine" / "datasets" / "digits.npz"


def main() -> None:
    """Split the images and write the archive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="?", type=Path, default=TARGET, help="file to write (default: %(default)s)")
    target = parser.parse_args().target

    digits = load_digits()
    images, labels = digits.data.astype(np.uint8), digits.target.astype(np.uint8)
    X_train, X_test, y_train, y_test = train_test_split(
        images, labels, test_size=TEST_ROWS, stratify=labels, shuffle=True, random_state=SEED
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, X_train=X_train, y_train=y_train, X_test=X_test, y_test=y_test)
    print(f"{target}: {len(X_train)} + {len(X_test)} images, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
