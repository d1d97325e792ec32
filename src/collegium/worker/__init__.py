"""The worker: a stateless process that runs tasks for any coordinator."""
