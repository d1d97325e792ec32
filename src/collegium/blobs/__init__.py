"""Big immutable payloads by the hash of their bytes."""
