"""Witnesses beside the classifier, one file each: blink, motion, pulse, sound, timing. None yet.

A cue is a small state for each track over pure functions on time; it yields `realtime.types.Cue`,
which `realtime.analysis` puts into every result and `realtime.verdict` will add to the log-odds.
"""
