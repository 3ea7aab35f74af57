"""Local servers that behave as the services do, faults included."""
