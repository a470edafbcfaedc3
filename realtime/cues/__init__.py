"""Witnesses beside the classifier, one file each: blink, head, dynamics, pulse, sound, change.

A cue is a small state for each track over pure functions on time; it yields `realtime.types.Cue`.
`track` shows a track to its witnesses, `fusion` says what they weigh beside the classifier.
"""
