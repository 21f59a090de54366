"""From a lesion table to the statistics of a study: describe, compare, discriminate, agree, survive. No files, no plots."""
