"""What people said about faces and times, kept on this machine with their consent.

`records` is what is kept, `store` the SQLite file that it is kept in, `place` where that lies,
`export` what training can read, and `command` the verb ``fakewatch feedback``. Nothing in here
starts a thread, and nothing leaves the machine by itself.
"""
