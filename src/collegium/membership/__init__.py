"""What it takes to be a member of a fleet: announce oneself, and serve tasks."""
