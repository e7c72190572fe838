"""Readers of your own data: folders of photographs become arrays to train on.

Data sets that come with the package, and readers of IDX files, are in `ravine.datasets`.
"""

from .folders import Images, images_from_directory

__all__ = ["Images", "images_from_directory"]
