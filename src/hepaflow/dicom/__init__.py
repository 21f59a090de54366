"""Bytes of a scanner to a dynamic series, and results back to DICOM."""
