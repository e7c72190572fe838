"""rv.data.images_from_directory: what each kind of file becomes, and that nothing is left out silently."""

import builtins
import os
import sys
import zlib

import numpy as np
import pytest

import ravine as rv

Image = pytest.importorskip("PIL.Image")

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


def read(root, size=(4, 6), **settings):
    return rv.data.images_from_directory(root, size, **settings)


def shades(height=4, width=6, levels=256):
    """Grey levels that all differ."""
    return (np.arange(height * width) * (levels // (height * width))).reshape(height, width)


def grey(values, mode="L"):
    kind = {"L": np.uint8, "I;16": np.uint16}[mode]
    return Image.fromarray(values.astype(kind))


@pytest.fixture
def root(tmp_path):
    """A directory with the classes cat and dog."""
    for name, color in (("dog", GREEN), ("cat", RED)):
        (tmp_path / name).mkdir()
        Image.new("RGB", (6, 4), color).save(tmp_path / name / "1.png")
    return tmp_path


@pytest.fixture
def lone(tmp_path):
    """A directory with one empty class folder, and a writer into it."""
    folder = tmp_path / "only"
    folder.mkdir()

    def put(picture, name, **settings):
        picture.save(folder / name, **settings)
        return tmp_path

    return put


def test_classes_labels_names_and_files_are_sorted(root):
    (root / "cat" / "kittens").mkdir()
    Image.new("RGB", (6, 4), WHITE).save(root / "cat" / "kittens" / "2.bmp")
    Image.new("RGB", (6, 4), RED).save(root / "cat" / "a.jpg", quality=95)
    got = read(root)
    assert got.class_names == ("cat", "dog")
    assert got.files == ("cat/1.png", "cat/a.jpg", "cat/kittens/2.bmp", "dog/1.png")
    assert got.y.tolist() == [0, 0, 0, 1] and got.y.dtype == np.int64 and got.skipped == ()
    assert got.X.shape == (4, 4, 6, 3) and got.X.dtype == np.float32 and got.X.flags.c_contiguous
    for row, color in ((0, RED), (2, WHITE), (3, GREEN)):
        np.testing.assert_array_equal(got.X[row], np.broadcast_to(np.float32(color) / 255, (4, 6, 3)))


def test_what_is_hidden_does_not_count(root):
    (root / ".cache").mkdir()
    (root / ".DS_Store").write_bytes(b"x")
    (root / "cat" / ".thumbs").mkdir()
    (root / "cat" / "._1.png").write_bytes(b"x")
    assert read(root).files == ("cat/1.png", "dog/1.png")


def test_class_names_give_the_labels(root):
    got = read(root, class_names=["dog", "mouse", "cat"])
    assert got.class_names == ("dog", "mouse", "cat")
    assert got.files == ("dog/1.png", "cat/1.png") and got.y.tolist() == [0, 2]


def test_a_fit_takes_what_comes(root):
    got = read(root)
    model = rv.Sequential([rv.layers.Flatten(), rv.layers.Dense(1, "sigmoid")], random_state=0)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(got.X, got.y, epochs=50, verbose=0)
    assert model.evaluate(got.X, got.y)["accuracy"] == 1.0


@pytest.mark.parametrize("dtype", ["float32", "uint8", np.uint8, np.dtype("float32")])
def test_levels_are_kept(lone, dtype):
    values = shades()
    got = read(lone(grey(values), "a.png"), color_mode="grayscale", dtype=dtype).X
    assert got.dtype == np.dtype(dtype) and got.shape == (1, 4, 6, 1)
    want = values if got.dtype == np.uint8 else values.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(got[0, ..., 0], want)


def palette():
    picture = Image.new("P", (6, 4), 1)
    picture.putpalette([*GREEN, *RED])
    return picture


def alpha(mode, levels):
    return Image.new(mode, (6, 4), levels)


# picture, file's name, how it is saved; its red, green, blue, alpha as four channels, and as three
KINDS = {
    "rgb": (alpha("RGB", (255, 0, 51)), "a.png", {}, (255, 0, 51, 255), (255, 0, 51)),
    "grey": (alpha("L", 51), "a.png", {}, (51, 51, 51, 255), (51, 51, 51)),
    "bilevel": (alpha("1", 1), "a.png", {}, (255, 255, 255, 255), WHITE),
    "palette": (palette(), "a.png", {}, (255, 0, 0, 255), RED),
    "palette-gif": (palette(), "a.gif", {}, (255, 0, 0, 255), RED),
    "palette-transparent": (palette(), "a.png", {"transparency": 1}, (255, 0, 0, 0), WHITE),
    "palette-half": (palette(), "a.png", {"transparency": b"\xff\x66"}, (255, 0, 0, 102), (255, 153, 153)),
    "alpha-none": (alpha("RGBA", (*RED, 0)), "a.png", {}, (255, 0, 0, 0), WHITE),
    "alpha-half": (alpha("RGBA", (*RED, 102)), "a.png", {}, (255, 0, 0, 102), (255, 153, 153)),
    "alpha-full": (alpha("RGBA", (*RED, 255)), "a.png", {}, (255, 0, 0, 255), RED),
    "grey-alpha": (alpha("LA", (0, 102)), "a.png", {}, (0, 0, 0, 102), (153, 153, 153)),
    "grey-one-transparent": (alpha("L", 7), "a.png", {"transparency": 7}, (7, 7, 7, 0), WHITE),
    "16-bit": (grey(np.full((4, 6), 257 * 77), "I;16"), "a.png", {}, (77, 77, 77, 255), (77, 77, 77)),
    "16-bit-tiff": (grey(np.full((4, 6), 257 * 77), "I;16"), "a.tiff", {}, (77, 77, 77, 255), (77, 77, 77)),
    "cmyk": (alpha("CMYK", (0, 255, 255, 0)), "a.tiff", {}, (255, 0, 0, 255), RED),
    "cmyk-black": (alpha("CMYK", (0, 0, 0, 255)), "a.tiff", {}, (0, 0, 0, 255), (0, 0, 0)),
    "bmp": (alpha("RGB", (1, 2, 3)), "a.bmp", {}, (1, 2, 3, 255), (1, 2, 3)),
    "ppm": (alpha("RGB", (1, 2, 3)), "a.ppm", {}, (1, 2, 3, 255), (1, 2, 3)),
    "webp": (alpha("RGB", (1, 2, 3)), "a.webp", {"lossless": True}, (1, 2, 3, 255), (1, 2, 3)),
    "wrong-name": (alpha("RGB", (1, 2, 3)), "a.jpg", {"format": "PNG"}, (1, 2, 3, 255), (1, 2, 3)),
    "no-name": (alpha("RGB", (1, 2, 3)), "a", {"format": "PNG"}, (1, 2, 3, 255), (1, 2, 3)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(4, 6), (2, 3), (5, 7)])
def test_kinds_of_files(lone, kind, size):
    picture, name, settings, four, three = KINDS[kind]
    root = lone(picture, name, **settings)
    for mode, want in (("rgba", four), ("rgb", three)):
        got = read(root, size, color_mode=mode, dtype="uint8").X
        assert got.shape == (1, *size, len(want))
        visible = len(want) if want[-1] or mode == "rgb" else 0  # the colour of what cannot be seen is free
        np.testing.assert_array_equal(got[..., :visible], np.broadcast_to(want[:visible], got[..., :visible].shape))
        assert mode == "rgb" or (got[..., 3] == want[3]).all()
        scaled = read(root, size, color_mode=mode).X
        np.testing.assert_array_equal(scaled[..., :visible], got[..., :visible] / np.float32(255))
    luma = np.dot((0.299, 0.587, 0.114), three)
    assert np.abs(read(root, size, color_mode="grayscale", dtype="uint8").X - luma).max() <= 0.51


def test_16_bits_keep_their_precision(lone):
    values = 256 * shades()[::-1] + 3
    root = lone(grey(values, "I;16"), "a.png")
    got = read(root, color_mode="grayscale").X[0, ..., 0]
    np.testing.assert_array_equal(got, values.astype(np.float32) / np.float32(65535))
    half = read(root, (2, 3), color_mode="grayscale", interpolation="box").X[0, ..., 0]
    np.testing.assert_allclose(half, values.reshape(2, 2, 3, 2).mean(axis=(1, 3)) / 65535, rtol=1e-6)
    for interpolation in ("bicubic", "lanczos"):
        sharp = read(lone(grey(65535 * (shades() > 100), "I;16"), "a.png"), (9, 11), interpolation=interpolation).X
        assert sharp.min() == 0.0 and sharp.max() == 1.0


# EXIF's orientation: how stored pixels are turned to stand upright
TURNS = {
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.T,
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("mode", ["L", "I;16"])
def test_orientation_is_applied(lone, orientation, mode):
    values = shades(levels=2**16 if mode == "I;16" else 256)
    exif = Image.Exif()
    exif[0x0112] = orientation
    want = TURNS[orientation](values)
    got = read(lone(grey(values, mode), "a.png", exif=exif), want.shape, color_mode="grayscale").X[0, ..., 0]
    np.testing.assert_array_equal(
        got, want.astype(np.float32) / np.float32(values.dtype.type(2**16 - 1 if mode != "L" else 255))
    )


def frames(count):
    return [Image.new("RGB", (6, 4), color) for color in (RED, GREEN, WHITE)[:count]]


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tiff"])
def test_animation_and_pages(lone, name):
    lossless = {"lossless": True} if name.endswith("webp") else {}
    root = lone(frames(3)[0], name, save_all=True, append_images=frames(3)[1:], **lossless)
    with pytest.raises(ValueError, match=rf"only.{name}: has 3 frames; animated='first' takes the first one"):
        read(root)
    got = read(root, animated="first", dtype="uint8")
    np.testing.assert_array_equal(got.X[0], np.broadcast_to(RED, (4, 6, 3)))
    assert read(lone(frames(1)[0], name, save_all=True, **lossless)).X.shape == (1, 4, 6, 3)


def test_a_camera_s_preview_is_no_second_frame(lone):
    root = lone(frames(2)[0], "a.jpg", format="MPO", save_all=True, append_images=frames(2)[1:], quality=95)
    assert np.abs(read(root, dtype="uint8").X[0].astype(int) - RED).max() <= 4


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box"])
def test_interpolation_is_pillows(lone, interpolation):
    values = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    root = lone(Image.fromarray(values), "a.png")
    want = Image.fromarray(values).resize((7, 20), Image.Resampling[interpolation.upper()])
    got = read(root, (20, 7), interpolation=interpolation, dtype="uint8").X[0]
    np.testing.assert_array_equal(got, np.asarray(want))


@pytest.mark.parametrize(
    ("stored", "size", "rows", "cols"),
    [
        ((8, 4), (4, 4), slice(2, 6), slice(None)),
        ((4, 8), (4, 4), slice(None), slice(2, 6)),
        ((4, 8), (2, 2), slice(None), slice(2, 6)),
        ((8, 4), 4, slice(2, 6), slice(None)),
        ((4, 8), (2, 4), slice(None), slice(None)),
        ((6, 6), (2, 3), slice(1, 5), slice(None)),
    ],
)
def test_crop_keeps_the_shape(lone, stored, size, rows, cols):
    values = shades(*stored)
    root = lone(grey(values), "a.png")
    cut = values[rows, cols]
    want = grey(cut).resize(size[::-1] if isinstance(size, tuple) else (size, size), Image.Resampling.BOX)
    got = read(root, size, crop_to_aspect_ratio=True, color_mode="grayscale", interpolation="box", dtype="uint8").X
    np.testing.assert_array_equal(got[0, ..., 0], np.asarray(want))


def test_crop_of_odd_shapes_stays_inside(lone):
    for stored in ((1, 1), (1, 97), (97, 1), (31, 17)):
        root = lone(Image.new("RGB", stored, GREEN), "a.png")
        for size in ((3, 5), (5, 3), (1, 1), (17, 31), (64, 1)):
            got = read(root, size, crop_to_aspect_ratio=True, dtype="uint8").X
            np.testing.assert_array_equal(got, np.broadcast_to(GREEN, (1, *size, 3)))


def chunk(kind, body):
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def bomb(height, width):
    """A PNG of a few bytes that announces many pixels."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def truncated(name, **settings):
    def make(file):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(file, name, **settings)
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])

    return make


def damaged_png(file):
    Image.fromarray(shades().astype(np.uint8)).save(file, "PNG")
    content = bytearray(file.read_bytes())
    at = content.index(b"IDAT") + 8
    content[at] ^= 0xFF
    file.write_bytes(content)


def clear_16_bits(file):
    grey(shades(levels=2**16), "I;16").save(file, "PNG", transparency=0)


BAD = {
    "empty": (lambda file: file.write_bytes(b""), "is empty"),
    "text": (lambda file: file.write_text("no picture"), "is no image of a format that is read"),
    "svg": (lambda file: file.write_text("<svg/>"), "is no image of a format that is read"),
    "eps": (lambda file: frames(1)[0].save(file, "EPS"), "is no image of a format that is read"),
    "icon": (lambda file: Image.new("RGB", (16, 16)).save(file, "ICO"), "is no image of a format that is read"),
    "png-cut": (truncated("PNG"), "is a broken image"),
    "jpeg-cut": (truncated("JPEG"), "is a broken image"),
    "tiff-cut": (truncated("TIFF"), "is a broken image|is no image"),
    "bmp-cut": (truncated("BMP"), "is a broken image"),
    "gif-cut": (truncated("GIF"), "is a broken image"),
    "webp-cut": (truncated("WEBP", lossless=True), "is a broken image|is no image"),
    "png-damaged": (damaged_png, "is a broken image"),
    "png-signature": (lambda file: file.write_bytes(b"\x89PNG\r\n\x1a\n"), "is a broken image|is no image"),
    "bomb": (lambda file: file.write_bytes(bomb(40_000, 50_000)), "announces too many pixels"),
    "large": (
        lambda file: file.write_bytes(bomb(9_000, 9_000)),
        "has 9000 x 9000 pixels, more than max_pixels=1000000",
    ),
    "frames": (
        lambda file: frames(2)[0].save(file, "GIF", save_all=True, append_images=frames(2)[1:]),
        "has 2 frames; animated='first' takes the first one",
    ),
    "32-bit": (lambda file: Image.new("I", (6, 4), 9).save(file, "TIFF"), r"holds 32-bit numbers \(mode I\)"),
    "float": (lambda file: Image.new("F", (6, 4), 0.5).save(file, "TIFF"), r"holds 32-bit numbers \(mode F\)"),
    "clear-16-bit": (clear_16_bits, "16-bit grey levels with a transparent one"),
    "dangling": (lambda file: file.symlink_to("nowhere"), r"cannot be opened \(No such file or directory\)"),
    "pipe": (os.mkfifo, "is neither a file nor a folder"),
    "linked-folder": (lambda file: file.symlink_to("../dog"), "is a link to a folder; follow_links=True enters it"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_named_or_skipped(root, kind):
    make, message = BAD[kind]
    make(root / "cat" / "bad")
    with pytest.raises(ValueError, match=rf"cat.bad: .*({message}).*; on_error='skip' leaves such files out"):
        read(root, max_pixels=1_000_000)
    with pytest.warns(UserWarning, match=f"1 file was left out: cat/bad: .*({message})"):
        got = read(root, max_pixels=1_000_000, on_error="skip")
    ((name, reason),) = got.skipped
    assert name == "cat/bad" and reason
    assert got.files == ("cat/1.png", "dog/1.png") and got.y.tolist() == [0, 1]
    np.testing.assert_array_equal(got.X, read_without(root, "bad"))


def read_without(root, name):
    (root / "cat" / name).unlink()
    return read(root).X


def test_pillow_s_warning_of_a_bomb_is_the_error_too(root):
    (root / "cat" / "bad.png").write_bytes(bomb(10_000, 10_000))
    with pytest.raises(ValueError, match="announces too many pixels"):
        read(root)


def test_the_directory_s_own_trouble(root):
    (root / "notes.txt").write_text("x")
    (root / "empty").mkdir()
    for name, message in (("notes.txt", "is a file beside the class folders"), ("empty", "is a class folder without")):
        with pytest.raises(ValueError, match=f"{name}: {message}"):
            read(root)
        if name == "notes.txt":
            with pytest.warns(UserWarning, match=r"2 files were left out: notes.txt: .*; empty: "):
                got = read(root, on_error="skip")
            assert got.class_names == ("cat", "dog", "empty") and len(got.skipped) == 2
            (root / name).unlink()


def test_many_bad_files_are_counted(root):
    for i in range(8):
        (root / "dog" / f"bad{i}").write_text("x")
    with pytest.warns(UserWarning, match="8 files were left out: dog/bad0: .*; and 3 more, see .skipped"):
        assert len(read(root, on_error="skip").skipped) == 8


def test_links_are_followed_when_asked(root):
    (root / "cat" / "more").symlink_to(root / "dog", target_is_directory=True)
    (root / "cat" / "link.png").symlink_to(root / "dog" / "1.png")
    assert read(root, follow_links=True).files == ("cat/1.png", "cat/link.png", "cat/more/1.png", "dog/1.png")
    (root / "cat" / "more").unlink()
    (root / "dog" / "round").symlink_to(root, target_is_directory=True)
    with pytest.raises(ValueError, match=r"dog.round: is a link to a folder that contains it"):
        read(root, follow_links=True)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda root: root / "nowhere", FileNotFoundError, "nowhere: no such directory"),
        (lambda root: root / "cat" / "1.png", NotADirectoryError, "not a directory; path must hold one folder"),
        (lambda root: root / "cat", ValueError, "is a file beside the class folders"),
        (lambda root: os.fsencode(root), TypeError, "path must be a str or a path"),
        (lambda root: 3, TypeError, "path must be a str or a path, got 3"),
    ],
)
def test_bad_paths(root, make, error, message):
    with pytest.raises(error, match=message):
        read(make(root))


def test_no_image_at_all(tmp_path):
    with pytest.raises(ValueError, match="no folder in it; images must be in one folder for each class"):
        read(tmp_path)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no image in it that can be read; cat/1\.png: is empty"):
        read(tmp_path, on_error="skip")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"size": 0}, ValueError, "image_size must be an int in .1, 65535., got 0"),
        ({"size": (4, 0)}, ValueError, "image_size must be an int in .1, 65535., got 0"),
        ({"size": (4, 5, 3)}, ValueError, r"image_size must be \(height, width\) or one int for both, got \(4, 5, 3\)"),
        ({"size": True}, ValueError, "image_size must be an int .*, got True"),
        ({"size": 4.0}, ValueError, "image_size must be an int .*, got 4.0"),
        ({"class_names": "cat"}, ValueError, "class_names must be a list of str, got 'cat'"),
        ({"class_names": []}, ValueError, "class_names must be names that differ, at least one"),
        ({"class_names": ["cat", "cat"]}, ValueError, "class_names must be names that differ"),
        ({"class_names": ["cat", 1]}, ValueError, "class_names must be a list of str"),
        ({"class_names": ["cat"]}, ValueError, r"dog: 'dog' is not in class_names \['cat'\]"),
        ({"color_mode": "gray"}, ValueError, "unknown color_mode 'gray'; choose from 'grayscale', 'rgb', 'rgba'"),
        ({"dtype": "float64"}, ValueError, "dtype must be 'float32' or 'uint8', got 'float64'"),
        ({"dtype": None}, ValueError, "dtype must be 'float32' or 'uint8', got None"),
        ({"dtype": "f,"}, ValueError, "dtype must be 'float32' or 'uint8', got 'f,'"),
        ({"interpolation": "area"}, ValueError, "unknown interpolation 'area'; choose from 'bicubic', 'bilinear'"),
        ({"crop_to_aspect_ratio": 1}, TypeError, "crop_to_aspect_ratio must be True or False, got 1"),
        ({"follow_links": "no"}, TypeError, "follow_links must be True or False, got 'no'"),
        ({"animated": "all"}, ValueError, "unknown animated 'all'; choose from 'error', 'first'"),
        ({"max_pixels": 0}, ValueError, "max_pixels must be an int >= 1, got 0"),
        ({"on_error": "ignore"}, ValueError, "unknown on_error 'ignore'; choose from 'raise', 'skip'"),
    ],
)
def test_bad_arguments(root, settings, error, message):
    with pytest.raises(error, match=message):
        read(root, **settings)


def test_without_pillow_the_extra_is_named(root, monkeypatch):
    real = builtins.__import__

    def importing(name, *arguments, **settings):
        if name.partition(".")[0] == "PIL":
            raise ModuleNotFoundError("No module named 'PIL'")
        return real(name, *arguments, **settings)

    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(ImportError, match=r'needs Pillow: pip install "ravine\[images\]"'):
        read(root)
