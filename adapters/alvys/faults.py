"""What Alvys says when it refuses: its problem details, put into our words."""

from collections.abc import Iterator, Mapping
from typing import Final

from adapters.http import Answer
from adapters.ports import VendorError
from state.problem import Problem

PAYMENT_REFUSED: Final = Problem(
    "payment_refused",
    "The TMS refused to record the payment.",
    "Make sure the load is invoiced, or the trip released, in the TMS; then retry, or enter the payment there by hand.",
)
READ_REFUSED: Final = Problem(
    "read_refused",
    "The TMS refused one of our searches.",
    "Check the API address in the configuration; if it is right, report the detail below.",
)

FILES_REFUSED: Final = Problem(
    "files_refused",
    "The TMS refused to list the files of the load or trip.",
    "Open the load in the TMS; if it is there under this number, report the detail below; then retry.",
)
FILES_AMBIGUOUS: Final = Problem(
    "files_ambiguous",
    "Several loads in the TMS bear this number, and their files are listed by it: nobody can tell whose they are.",
    "Attach the files to the document by hand, or give one of the loads another number in the TMS; then retry.",
)
FILE_UNREADABLE: Final = Problem(
    "file_unreadable",
    "The TMS lists a file that it does not hand out.",
    "Open the file in the TMS; upload it again if it can't be opened; then retry, or attach it by hand.",
)

_LONGEST = 500  # characters of a vendor's explanation worth keeping
_TOLD = ("title", "detail", "error", "error_description")


def told(answer: Answer) -> str:
    """Return the status and what the body explains, in one bounded line; the status alone for HTML and the like.

    Reads problem details with their field errors (either spelling of the member names) and OAuth errors.
    """
    try:
        body = answer.json()
    except VendorError:
        body = None
    said = " · ".join(dict.fromkeys(_explanations(body))) if isinstance(body, Mapping) else ""
    return f"HTTP {answer.status}" + (f": {said[:_LONGEST]}" if said else "")


def _explanations(body: Mapping[str, object]) -> Iterator[str]:
    members = {name.lower(): value for name, value in body.items()}
    for name in _TOLD:
        if isinstance(text := members.get(name), str) and text.strip():
            yield text.strip()
    errors = members.get("errors")
    for field, messages in errors.items() if isinstance(errors, Mapping) else ():
        for message in messages if isinstance(messages, list) else [messages]:
            yield f"{field}: {message}"
