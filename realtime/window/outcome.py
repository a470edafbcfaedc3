"""What comes of work that is done off Qt's thread, so that it can be told there."""

from __future__ import annotations

import logging
from collections.abc import Callable

from realtime.errors import FakewatchError
from realtime.logs import unexpected

log = logging.getLogger(__name__)


def outcome(work: Callable[[], object]) -> object:
    """What ``work`` gives, or the `FakewatchError` it raises; anything else is logged and one."""
    try:
        return work()
    except FakewatchError as exc:
        return exc
    except Exception as exc:
        log.exception("unexpected error in the background")
        return unexpected(exc)
