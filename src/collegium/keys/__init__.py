"""Keys of the interface: who may do what, for how long."""
