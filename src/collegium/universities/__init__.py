"""Universities: the tenants of the catalogue."""
