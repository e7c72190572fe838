"""One image file as an array of a wanted size, with the rules for each kind of file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOR_MODES", "INTERPOLATIONS", "PictureError", "Reader"]

#: The colour modes, as Pillow names them.
COLOR_MODES = {"rgb": "RGB", "grayscale": "L", "rgba": "RGBA"}
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box")
# PPM means PBM, PGM and PPM. Some other formats start programs (EPS) or have no pixels of their own.
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM")
_CHANNELS = {"RGB": 3, "L": 1, "RGBA": 4}
_WHITE_16 = 65535.0


class PictureError(Exception):
    """A file that cannot be used; the message gives the reason, but not the file's name."""


def _pillow() -> Any:
    try:
        from PIL import Image, ImageOps  # noqa: F401
    except ImportError as error:
        raise ImportError('reading images needs Pillow: pip install "ravine[images]"') from error
    import PIL

    return PIL


@dataclass(frozen=True)
class Reader:
    """Reads files as arrays; the fields are the arguments of `images_from_directory`."""

    size: tuple[int, int]
    color_mode: str
    dtype: np.dtype[Any]
    interpolation: str
    crop: bool
    first_frame: bool
    max_pixels: int

    def __post_init__(self) -> None:
        _pillow()  # before the directory is searched

    @property
    def mode(self) -> str:
        """Pillow's name of the colour mode."""
        return COLOR_MODES[self.color_mode]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the arrays from `read`."""
        return (*self.size, _CHANNELS[self.mode])

    def read(self, file: Path) -> NDArray[Any]:
        """Return the image as an array of `shape` and `dtype`."""
        Image = _pillow().Image
        if file.stat().st_size == 0:
            raise PictureError("is empty")
        Image.init()
        try:
            picture = Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])
        except _pillow().UnidentifiedImageError as error:
            raise PictureError("is no image of a format that is read") from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise PictureError(f"announces too many pixels ({error})") from error
        except (PermissionError, FileNotFoundError) as error:
            raise PictureError(f"cannot be opened ({error.strerror})") from error
        except Exception as error:  # a decoder may raise any error if a header is broken
            raise PictureError(f"is a broken image ({error})") from error
        with picture:
            self._check(picture)
            try:
                return self._array(picture)
            except (PictureError, MemoryError):
                raise
            except Exception as error:
                raise PictureError(f"is a broken image ({error})") from error

    def _check(self, picture: Any) -> None:
        """Refuse a file by its header: for too many pixels or several frames."""
        width, height = picture.size
        if width * height > self.max_pixels:
            raise PictureError(f"has {height} x {width} pixels, more than max_pixels={self.max_pixels}")
        try:
            # MPO is what Pillow calls a camera's JPEG with a preview behind it
            frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
        except Exception as error:  # counting reads the file
            raise PictureError(f"is a broken image ({error})") from error
        if frames > 1 and not self.first_frame:
            raise PictureError(f"has {frames} frames; animated='first' takes the first one")

    def _array(self, picture: Any) -> NDArray[Any]:
        upright = _pillow().ImageOps.exif_transpose(picture)
        deep = upright.mode.startswith("I;16") or (upright.mode == "I" and picture.format in ("PNG", "PPM"))
        if not deep:
            levels = np.asarray(self._resized(self._colored(upright)))
            values = levels if self.dtype == np.uint8 else np.divide(levels, np.float32(255), dtype=np.float32)
            return values.reshape(self.shape)
        if "transparency" in upright.info:
            raise PictureError("has 16-bit grey levels with a transparent one, which is not supported")
        return self._deep(upright)

    def _colored(self, picture: Any) -> Any:
        """Return the picture in the wanted mode; without an alpha channel, transparent pixels are placed on white."""
        if picture.mode in ("I", "F"):
            raise PictureError(f"holds 32-bit numbers (mode {picture.mode}), of which none is known to be white")
        if not picture.has_transparency_data or self.mode == "RGBA":
            return picture if picture.mode == self.mode else picture.convert(self.mode)
        Image = _pillow().Image
        clear = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert(self.mode)

    def _deep(self, picture: Any) -> NDArray[Any]:
        """Return 16-bit grey levels, in floating point until the last rounding."""
        Image = _pillow().Image
        grey = Image.fromarray(np.asarray(picture).astype(np.float32))
        share = np.clip(np.asarray(self._resized(grey)) / np.float32(_WHITE_16), 0, 1)[..., np.newaxis]
        values = np.rint(share * 255).astype(np.uint8) if self.dtype == np.uint8 else share
        filled = np.empty(self.shape, self.dtype)
        filled[...] = values
        if self.mode == "RGBA":
            filled[..., 3] = 255 if self.dtype == np.uint8 else 1
        return filled

    def _resized(self, picture: Any) -> Any:
        height, width = self.size
        box = _window(picture.size, width, height) if self.crop else None
        if box is None and picture.size == (width, height):
            return picture
        return picture.resize((width, height), _pillow().Image.Resampling[self.interpolation.upper()], box=box)


def _window(size: tuple[int, int], width: int, height: int) -> tuple[float, float, float, float] | None:
    """Return the largest central window with the shape of width x height: left, top, right, bottom."""
    scale = min(size[0] / width, size[1] / height)
    left, top = (size[0] - scale * width) / 2, (size[1] - scale * height) / 2
    if left == top == 0:
        return None
    return max(left, 0.0), max(top, 0.0), min(size[0] - left, size[0]), min(size[1] - top, size[1])
