"""Keeps Python's garbage collector away from what stays for as long as the process.

Now and then it looks at every object that there is. With all libraries loaded that takes 50 to
150 ms, in which no thread runs any Python, Qt's among them: a picture is late, a key is.
"""

from __future__ import annotations

import gc


def leave_alone(*, tidy: bool = False) -> None:
    """Never look again at what is there now; ``tidy`` first throws away what nobody holds.

    What is made later is looked after as ever. Without ``tidy`` it takes no time, and what nobody
    held at that moment stays: call it once, not over and over.
    """
    if tidy:
        gc.collect()
    gc.freeze()
