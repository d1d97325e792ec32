"""Measurements that anybody can repeat: of Collegium, and of its peers beside it."""
