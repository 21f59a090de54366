"""Properties on other examples than the usual ones: ``--hypothesis-profile=other``. How long one takes is the machine's, not the property's."""

from hypothesis import settings

settings.register_profile("other", deadline=None)
