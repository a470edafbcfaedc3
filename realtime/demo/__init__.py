"""The embedded demo clip: a portrait brought to life, with a blended face swap in its second half.

`motion` says how the head moves at a time, `portrait` holds the picture and its swapped twin,
`fields` how pixels move, `render` paints frames. `realtime.sources.synthetic` encodes them.
"""
