"""A report on analysed sources for people: one HTML page or one PDF that needs nothing beside it.

`sink` gathers while a run goes on (`gather`), `model` is what was gathered, `plots` the shapes of
its timelines, and `page` and `pdf` show the same facts. Nothing in here starts a thread.
"""
