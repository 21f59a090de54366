"""Local therapy: what was done, what a lesion offers for ablation, the margin that was left, the liver that remains."""
