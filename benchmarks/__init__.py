"""Repeatable measurements."""

import realtime  # noqa: F401 - before NumPy, as in the program itself
