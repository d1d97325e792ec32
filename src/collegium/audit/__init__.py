"""The record of who has changed what, to be read."""
