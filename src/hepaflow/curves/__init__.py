"""Curves in time: regional enhancement, baseline, input functions and the protocol check that reads them."""
