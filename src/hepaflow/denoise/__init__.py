"""Denoising of a motion-corrected dynamic series across space by the likeness of whole time profiles; off unless asked for."""
