"""The 2019 thesis of Nancy on liver CT perfusion after chemotherapy, as a study that anyone can run: its printed data, recomputed, and a synthetic cohort of its shape.

Nothing here is a patient's record: every number was printed in the thesis's tables and text.
"""
