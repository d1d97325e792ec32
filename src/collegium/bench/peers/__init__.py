"""Other task queues, installed apart and measured by the same loads."""
