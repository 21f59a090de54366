from __future__ import annotations

import pytest

from hepaflow.phantom import Phantom, PhantomSpec, build


@pytest.fixture(scope="session")
def noisy() -> Phantom:
    return build(PhantomSpec(seed=0))


@pytest.fixture(scope="session")
def clean() -> Phantom:
    """The same patient without noise."""
    return build(PhantomSpec(seed=0, noise_hu=0.0))


@pytest.fixture(scope="session")
def still() -> Phantom:
    """The same patient without noise, holding the breath in the reference's state."""
    return build(PhantomSpec(seed=0, noise_hu=0.0, breathing_mm=0.0))
