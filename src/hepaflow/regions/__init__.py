"""Where to measure: vessels, liver, healthy reference, lesions and their shells; given by the reader or proposed from the enhancement."""
