"""Texts from outside in tool tips, which Qt reads as HTML wherever they look like it."""

from __future__ import annotations

from html import escape


def tip(text: str) -> str:
    """``text`` for a tool tip that shows it as it is, whatever it contains."""
    return f"<span>{escape(text)}</span>" if "<" in text or "&" in text else text
