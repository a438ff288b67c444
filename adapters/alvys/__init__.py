"""Alvys, the TMS: what it bills is read, what was paid is told. No Alvys word leaves this folder."""

from adapters.alvys.adapter import Alvys
from adapters.alvys.client import ENDPOINTS, SCARCE
from adapters.alvys.files import FILED
from adapters.alvys.rules import Rules
from adapters.alvys.selection.common import Skip
from adapters.alvys.settings import Settings

__all__ = ["ENDPOINTS", "FILED", "SCARCE", "Alvys", "Rules", "Settings", "Skip"]
