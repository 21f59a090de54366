"""The archive (PACS) and the scanner on the network: DIMSE and DICOMweb. What is received is handed on as bytes; nothing is written here."""
