"""How good the detector is on clips of which it is known what they are."""
