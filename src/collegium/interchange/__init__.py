"""Catalogues and whole sessions in and out, in the formats of others."""
