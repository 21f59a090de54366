"""What a named criterion says of a lesion."""
