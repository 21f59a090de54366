"""A reader's whole way in a real browser, from the DICOM files to the signed report; its numbers against the command line's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hepaflow.phantom import PhantomSpec, build, save

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "frontend"
CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
NODE = shutil.which("node")
LANGUAGES = os.environ.get("HEPAFLOW_BROWSER_LANGUAGES", "en").split(",")
#: Longest a whole way may take on a busy machine.
PATIENCE_S = 600
