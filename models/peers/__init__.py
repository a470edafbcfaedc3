"""Published detectors, each rebuilt so that its checkpoint loads strictly and runs as published.

One file a family. `registry.find` gives a `base.Peer` by name; docs/peers.md lists them all.
"""
