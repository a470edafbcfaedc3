"""Whatever holds something that must be given back is used in a ``with`` block the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

_Self = TypeVar("_Self", bound="Closing")


class Closing(ABC):
    """Is closed at the end of its ``with`` block, whatever happened in it."""

    @abstractmethod
    def close(self) -> None:
        """Give everything back; may be called again."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
