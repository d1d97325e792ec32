"""Buildings and rooms, and how far they are apart."""
