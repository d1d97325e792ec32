"""The uniform interface: what every resource of a coordinator or worker shares."""
