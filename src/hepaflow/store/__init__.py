"""The case folder: steps kept by the digest of their inputs, atomic writing, the contract's files."""
