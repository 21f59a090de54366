"""Builds the page of the reading room before hepaflow is packed or installed, and asks for Node where the machine has none."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent


class CustomBuildHook(BuildHookInterface[Any]):
    """The page for wheel, source archive and editable install; nothing to do where it is built from these sources already."""

    def dependencies(self) -> list[str]:
        """Node as a Python package, where the page must be built and PATH has no npm."""
        builder = _builder()
        return [builder.NODE_PACKAGE] if builder is not None and builder.stale() and not builder.on_path() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before anything is collected."""
        builder = _builder()
        if builder is not None:
            try:
                if builder.stale():
                    self.app.display_waiting("building the page of the reading room")
                builder.build()
            except builder.NoNode as missing:
                raise RuntimeError(str(missing)) from None
        elif not (HERE / "src" / "hepaflow" / "web" / "page" / "index.html").exists():
            raise RuntimeError("neither the page of the reading room nor its sources (frontend/) are here: take the whole source")


def _builder() -> ModuleType | None:
    """frontend/build.py, where the sources are here."""
    place = HERE / "frontend" / "build.py"
    here = place.exists() and (place.parent / "package.json").exists()
    spec = importlib.util.spec_from_file_location("hepaflow_page_build", place) if here else None
    if spec is None or spec.loader is None:
        return None
    module = sys.modules.setdefault("hepaflow_page_build", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module
