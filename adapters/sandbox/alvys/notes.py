"""Notes on loads."""

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.routing import Asked, Reply
from adapters.sandbox.alvys.wire import Json, Problem

API_USER = "Public API"
TYPES = ("System", "General", "Assignment", "Safety")
LONGEST = {"Id": 100, "Description": 4000, "NoteType": 50}


def list_notes(books: Books, asked: Asked) -> Reply:
    """Answer with a load's notes. Raises a 404 `Problem`."""
    return Reply([_shown(note) for note in books.load(asked.match["loadNumber"])["Notes"]])


def create_note(books: Books, asked: Asked) -> Reply:
    """Add a note to a load; its id is the caller's, and one that is there already is answered for with 200.

    Raises a 400 or 404 `Problem`.
    """
    load, body = books.load(asked.match["loadNumber"]), asked.body
    errors = {
        name: [f"The {name} field is required, of at most {longest} characters."]
        for name, longest in LONGEST.items()
        if not isinstance(body.get(name), str) or not body[name].strip() or len(body[name]) > longest
    }
    if "NoteType" not in errors and body["NoteType"] not in TYPES:
        errors["NoteType"] = [f"NoteType must be one of: {', '.join(TYPES)}."]
    if errors:
        raise Problem.of(errors)
    held = next((note for note in load["Notes"] if note["id"] == body["Id"]), None)
    if held is not None:
        return Reply(_shown(held))
    note = {"id": body["Id"], "Description": body["Description"], "NoteType": body["NoteType"]}
    note |= {"Time": books.stamp(), "User": API_USER, "UserId": None}
    books.commit(("loads", books.touched(load, API_USER, Notes=[*load["Notes"], note])))
    return Reply(_shown(note), 201)


def delete_note(books: Books, asked: Asked) -> Reply:
    """Take a note off a load. Raises a 404 `Problem`."""
    load, key = books.load(asked.match["loadNumber"]), asked.match["noteId"]
    rest = [note for note in load["Notes"] if note["id"] != key]
    if len(rest) == len(load["Notes"]):
        raise Problem(404, f"no note {key} on the load")
    books.commit(("loads", books.touched(load, API_USER, Notes=rest)))
    return Reply(None, 204)


def _shown(note: Json) -> Json:
    return {
        "Id": note["id"],
        "Description": note["Description"],
        "NoteType": note["NoteType"],
        "CreatedAt": note["Time"],
        "CreatedBy": note["User"],
        "CreatedById": note["UserId"],
    }
