"""The README's pictures are what the code draws today."""

import importlib.util
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "images"


def test_the_readmes_pictures_are_those_that_the_script_makes():
    spec = importlib.util.spec_from_file_location("make_images", FOLDER / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    drawn = make.drawn()
    assert {path.name for path in FOLDER.iterdir() if path.suffix in (".svg", ".png")} == {*drawn, "replay.png"}
    for name, svg in drawn.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == svg, f"{name}: run python docs/images/make.py"
