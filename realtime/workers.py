"""A few threads that serve many sources in turn: a busy one cannot crowd out a quiet one."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Protocol

log = logging.getLogger(__name__)


class Job(Protocol):
    """Something that has one piece of work to do now and then."""

    def work(self) -> None:
        """Do one piece; must not raise. Never called by two threads at once."""
        ...


class WorkerPool:
    """Threads ``fw-work-0`` and so on that do one piece of each job that is offered, in turn.

    A job that is offered while it is being worked on goes to the end of the line afterwards.
    """

    def __init__(self, threads: int) -> None:
        self._line: deque[Job] = deque()
        self._waiting: set[int] = set()
        self._busy: set[int] = set()
        self._again: set[int] = set()
        self._stopped = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, name=f"fw-work-{i}", daemon=True)
            for i in range(max(1, threads))
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def offer(self, job: Job) -> None:
        """There is a piece of work to do; ignored while the job is in the line already."""
        with self._changed:
            if self._stopped or id(job) in self._waiting:
                return
            if id(job) in self._busy:
                self._again.add(id(job))
                return
            self._append(job)

    def stop(self, timeout_s: float) -> bool:
        """End the threads after what they are at; False if one did not end in time."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._stopped = True
            self._line.clear()
            self._waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        stuck = [thread.name for thread in self._threads if thread.is_alive()]
        if stuck:
            log.error("threads that did not stop in time are left behind: %s", ", ".join(stuck))
        return not stuck

    def _append(self, job: Job) -> None:
        self._line.append(job)
        self._waiting.add(id(job))
        self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._line or self._stopped)
                if self._stopped:
                    return
                job = self._line.popleft()
                self._waiting.discard(id(job))
                self._busy.add(id(job))
            try:
                job.work()
            except Exception:
                # A job tells its own errors; this one is a bug of the job's handling of them.
                log.exception("unexpected error")
            with self._changed:
                self._busy.discard(id(job))
                if id(job) in self._again:
                    self._again.discard(id(job))
                    if not self._stopped:
                        self._append(job)
