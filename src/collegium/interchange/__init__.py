"""Whole sessions in and out, in the formats that others read and write."""
