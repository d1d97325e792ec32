"""What a session offers: offerings, classes, constraints over them, their teachers."""
