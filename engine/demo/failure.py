"""When the demo can't go on."""


class DemoFailed(Exception):  # noqa: N818 - named for what happened
    """The demo could not be run; the message says why."""
