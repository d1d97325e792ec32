"""Kinds of work: what a job is split into, how one task runs, how results merge."""
