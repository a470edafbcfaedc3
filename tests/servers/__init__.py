"""Servers on loopback that behave, or misbehave, as cameras do."""
