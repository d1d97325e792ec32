"""OneRoster 1.2: a zip archive of CSV files, as 1EdTech defines it."""
