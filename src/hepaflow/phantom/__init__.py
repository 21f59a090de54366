"""A liver CT perfusion study with known truth: for the demo, the self-check, the tests and the docs."""

from hepaflow.phantom.study import Phantom, PhantomCurves, PhantomSpec, build
from hepaflow.phantom.truth import LesionTruth

__all__ = ["LesionTruth", "Phantom", "PhantomCurves", "PhantomSpec", "build"]
