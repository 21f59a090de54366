"""Breathing removed: a dynamic series in, its displacement fields and the corrected series out."""
