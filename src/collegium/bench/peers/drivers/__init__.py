"""Programs that run inside a peer's own environment.

They may import the standard library, the peer and each other, nothing else: neither
Collegium's dependencies nor the rest of Collegium exist where they run.
"""
