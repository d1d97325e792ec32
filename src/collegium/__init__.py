"""Collegium: a registrar's back end for universities."""

__version__ = "0.1.0"
