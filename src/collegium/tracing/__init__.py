"""Traces: who has asked whom for what, across processes, in OpenTelemetry's terms."""
