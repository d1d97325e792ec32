"""Durable jobs: taken in, handed out in tasks, checked, stored, told about."""
