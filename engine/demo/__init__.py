"""The demo: a month of freight through both sandboxes and the real daemon, and the books compared at the end.

Three processes, as in life: the sandbox plays both vendors, the daemon is the one that ships, and this one plays the
accountant who pays, watches, and compares. A demo that was killed goes on where it stopped.
"""

from engine.demo.failure import DemoFailed
from engine.demo.story import Demo

__all__ = ["Demo", "DemoFailed"]
