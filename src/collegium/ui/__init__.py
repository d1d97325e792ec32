"""The console's pages: static files, and a client of the public API like any other."""
