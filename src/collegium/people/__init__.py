"""The people of a university, and what they are where."""
