"""The report a radiologist reads: one content model, written as self-contained HTML and as PDF, in English or French."""
