"""Takes the pictures of the reading room that the documentation shows, in English and French.

python docs/room_pictures.py [en|fr]      needs Chromium, and `npm ci` and `npm run build` in frontend/; some minutes a language
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from nibabel.nifti1 import Nifti1Image
from PIL import Image

from hepaflow.phantom import PhantomSpec
from hepaflow.workflow import phantom_study

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).parent / "pictures" / "room"
#: The states that pages show, of those that frontend/e2e/pictures.mjs takes.
SHOWN = (
    "protocol",
    "viewer",
    "regions",
    "correction",
    "map",
    "four-maps",
    "curves",
    "models",
    "two-visits",
    "signed",
    "studies",
    "cohort",
)
#: Lesions that the reader of the pictures outlines by a click.
CLICKED = ("lesion-1", "lesion-2", "lesion-3")
#: As many colours as the size allows; the rare ones are kept, which are those of bars and regions.
COLOURS, LARGEST_BYTES = (256, 192, 128, 96, 64), 120_000
#: Each colour is moved to the mean of what it stands for, this often, so that the grey of images stays grey.
ROUNDS = 2


def middles(folder: Path) -> str:
    """Where to click, in LPS mm: the middle of each lesion as the phantom's own regions have it."""
    image = Nifti1Image.from_filename(folder / "rois.nii.gz")
    table = np.asarray(image.dataobj)
    labels = {name: int(label) for label, name in json.loads((folder / "rois.json").read_text())["labels"].items()}
    found = [image.affine @ [*np.argwhere(table == labels[name]).mean(axis=0), 1.0] for name in CLICKED]
    return " ".join(f"{-x:.1f},{-y:.1f},{z:.1f}" for x, y, z, _ in found)


@contextlib.contextmanager
def serving(data: Path) -> Iterator[str]:
    """A server on an empty folder; gives the address to open."""
    command = [sys.executable, "-m", "hepaflow", "serve", "--data", str(data), "--port", "0", "--no-browser"]
    with subprocess.Popen([*command, "--reader", "Dr A. Martin"], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield str(server.stdout.readline()).strip() if server.stdout else ""
        finally:
            server.send_signal(signal.SIGINT)


def take(folder: Path, language: str) -> None:
    """Walks through both visits in one language, and keeps its pictures."""
    made = folder / language
    with serving(folder / f"data-{language}") as url:
        command = ["npm", "run", "--silent", "pictures", "--", "--url", url, "--language", language, "--to", str(made)]
        visits = ["--study", str(folder / "after"), "--earlier", str(folder / "before")]
        subprocess.run([*command, *visits, f"--at={middles(folder / 'after')}"], cwd=ROOT / "frontend", check=True)
    keep(made, language)
    print("numbers that the page showed:", (made / "figures.json").read_text(), sep="\n")


def keep(made: Path, language: str) -> None:
    """The pictures that pages show, with fewer colours, in the place of those before."""
    kept = PICTURES / language
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for name in SHOWN:
        path = kept / f"{name}.png"
        picture = Image.open(made / f"{name}.png").convert("RGB")
        for colours in COLOURS:
            picture.quantize(colours, Image.Quantize.MAXCOVERAGE, ROUNDS).save(path, optimize=True)
            if path.stat().st_size <= LARGEST_BYTES:
                break
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB, {colours} colours")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for visit in ("after", "before"):
            phantom_study.write(PhantomSpec(size="small", seed=1, visit=visit), Path(scratch) / visit)
        for each in sys.argv[1:] or ("en", "fr"):
            take(Path(scratch), each)
