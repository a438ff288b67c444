"""What a document says beside its charges: classes, a location, custom fields.

Wished is what the configuration makes of the TMS's words, by names. Sent is what of that the company's preferences
allow: the rest is left out, which `remarks` then tells.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.ports import Finding, Rejected, Standing, VendorError
from adapters.quickbooks.forms import Form, Raw
from adapters.quickbooks.lines import value
from adapters.quickbooks.pointers import Pointer
from adapters.quickbooks.references import References
from adapters.quickbooks.rolls import fold
from adapters.quickbooks.settings import CLASS, LOCATION, Settings
from adapters.quickbooks.shapes import Preferences
from state.outbox import Remark
from state.transaction import Content

PASS, WARN, FAIL = Standing

ASPECTS: Final = ("ClassRef", "DepartmentRef", "CustomField")
"""The fields that tags are written in."""
REMARKS: Final = ("number_replaced", "class_left_out", "location_left_out", "field_left_out")
"""The codes of what can be remarked on a document that stands."""

_DIGITS: Final = 6
_LONGEST: Final = 31  # characters of a field of the old sort; unconfirmed, and a longer text may be refused or cut
_CATEGORIES: Final = "Settings > Account and settings > Advanced > Categories"
_FIELDS: Final = "Settings > Custom fields"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a document should say, by names: the class of the whole, or of each charge; its location; its fields."""

    whole: str
    lines: tuple[str, ...]
    location: str
    fields: Mapping[str, str]  # by label

    @classmethod
    def of(cls, settings: Settings, content: Content, form: Form) -> "Wish":
        """Return what the configuration makes of a content. A bill has no class of its own, so its lines bear it."""
        if not form.head:
            return cls("", (), "", {})
        segments = settings.segments
        lines = [
            segments.called(CLASS, line.segment) or segments.called(CLASS, content.segment) for line in content.lines
        ]
        whole = segments.called(CLASS, content.segment) or _one(lines)
        places = (segments.called(LOCATION, line.segment) for line in content.lines)
        if segments.class_on != "line":
            lines = [whole for _ in lines]
        headed = segments.class_on != "line" and "ClassRef" in form.head
        labels = settings.fields if "CustomField" in form.head else {}
        return cls(
            whole=whole if headed else "",
            lines=() if headed else tuple(lines),
            location=segments.called(LOCATION, content.segment) or _one(places),
            fields={labels[name]: text.strip() for name, text in content.fields if name in labels and text.strip()},
        )


@dataclass(frozen=True, slots=True)
class Tags:
    """`header` goes to the document, each of `lines` to the detail of one charge, in the order of the charges."""

    header: Raw = field(default_factory=dict)
    lines: tuple[Raw, ...] = ()

    def of_line(self, position: int) -> Raw:
        """Return what goes to the detail of one charge."""
        return self.lines[position] if self.lines else {}


class Tagging:
    """Finds what documents are tagged with."""

    def __init__(self, settings: Settings, references: References) -> None:
        self._settings = settings
        self._references = references

    async def tags(self, content: Content, form: Form) -> Tags:
        """Return the tags of a document that the preferences allow; raise Rejected for a class that there is not."""
        wish = Wish.of(self._settings, content, form)
        preferences = await self._references.preferences()
        header: Raw = {}
        lines: tuple[Raw, ...] = ()
        if wish.whole and preferences.classed:
            header["ClassRef"] = await self._ref("Class", wish.whole)
        if any(wish.lines) and preferences.classed_by_line:
            lines = tuple([{"ClassRef": await self._ref("Class", name)} if name else {} for name in wish.lines])
        if wish.location and preferences.located:
            header["DepartmentRef"] = await self._ref("Department", wish.location)
        if fields := list(_fields(wish, preferences)):
            header["CustomField"] = fields
        return Tags(header, lines)

    async def refused(self, document: Raw, form: Form) -> bool:
        """Whether a document that was refused bears what the preferences, looked at again, no longer allow."""
        preferences = await self._references.preferences(fresh=True)
        return (
            ("ClassRef" in document and not preferences.classed)
            or (bool(form.lines.classes(document)) and not preferences.classed_by_line)
            or ("DepartmentRef" in document and not preferences.located)
        )

    async def findings(self, preferences: Preferences) -> list[Finding]:
        """Say whether what the configuration asks for is switched on in the company, and there."""
        segments = self._settings.segments
        by_line = segments.class_on == "line"
        classed = preferences.classed_by_line if by_line else preferences.classed
        mode = "each row in a transaction" if by_line else "the entire transaction"
        # fmt: off
        switches = (
            (CLASS,    "Class",      classed,             f"Track classes, one to {mode}"),
            (LOCATION, "Department", preferences.located, "Track locations"),
        )
        # fmt: on
        found: list[Finding] = []
        for dimension, entity, on, switch in switches:
            if not segments.uses(dimension):
                continue
            if not on:
                fix = f"Turn on {switch} under {_CATEGORIES}; Plus and Advanced have it."
                found.append(Finding(f"{dimension} on documents", WARN, "off: documents go without", fix))
                continue
            found.append(Finding(f"{dimension} on documents", PASS, "on"))
            found += [await self._finding(dimension, entity, name) for name in segments.named(dimension)]
        return [*found, *(_field_finding(label, preferences) for label in self._settings.fields.values())]

    async def _ref(self, entity: str, name: str) -> Raw:
        return {"value": Pointer(name, (await self._references.segment(entity, name)).id)}

    async def _finding(self, dimension: str, entity: str, name: str) -> Finding:
        """Return whether a class or location that the configuration names is there."""
        subject = f'{dimension} "{name}"'
        try:
            found = await self._references.segment(entity, name)
        except Rejected as refusal:
            problem = refusal.problem
            return Finding(subject, FAIL, f"{problem.cause} ({problem.detail})", problem.fix)
        except VendorError as error:
            return Finding(subject, FAIL, str(error), "Check again when QuickBooks answers.")
        return Finding(subject, PASS, f"{found.fully_qualified_name or found.name} (id {found.id})")


def remarks(settings: Settings, content: Content, form: Form, sent: Raw, held: Raw) -> tuple[Remark, ...]:
    """Return what of a content is not on its document as it stands, though the document does; `sent` made it so.

    An update leaves to a person what is not there, so it tells only of what was sent and not taken.
    """
    wish, creation = Wish.of(settings, content, form), "Id" not in sent
    number = str(held.get(form.number) or "")
    found: list[Remark] = []
    if number != content.number.strip():
        found.append(Remark("number_replaced", f"QuickBooks numbers it {number or 'not at all'}"))
    classes = (set(_classes(form, sent)), set(_classes(form, held)))
    places = tuple({value(document.get("DepartmentRef"))} - {""} for document in (sent, held))
    for dimension, names, (asked, there) in (
        (CLASS, {wish.whole, *wish.lines} - {""}, classes),
        (LOCATION, {wish.location} - {""}, places),
    ):
        if asked - there:
            found.append(Remark(f"{dimension}_left_out", f"QuickBooks did not take the {dimension}"))
        elif creation and names and not asked:
            found.append(Remark(f"{dimension}_left_out", f"{', '.join(sorted(names))}: such tracking is off"))
    values = {str(each.get("DefinitionId")): each.get("StringValue") for each in held.get("CustomField") or ()}
    asked_fields = {str(each["Name"]): str(each["DefinitionId"]) for each in sent.get("CustomField") or ()}
    for label, text in wish.fields.items():
        definition = next((each for name, each in asked_fields.items() if fold(name) == fold(label)), None)
        if definition is None and creation:
            why = f"longer than {_LONGEST} characters" if len(text) > _LONGEST else "there is no such field"
            found.append(Remark("field_left_out", f"{label}: {why}"))
        elif definition is not None and values.get(definition) != text:
            found.append(Remark("field_left_out", f"{label}: QuickBooks did not take {text}"))
    return tuple(found)


def aspects(document: Raw, form: Form) -> str:
    """Return a digest of each aspect of what we tag a document with, in the order of ASPECTS, blank for none."""
    said = (
        sorted(set(_classes(form, document))),
        sorted({value(document.get("DepartmentRef"))} - {""}),
        sorted(f"{each['DefinitionId']} {each.get('StringValue')}" for each in document.get("CustomField") or ()),
    )
    digests = [hashlib.sha256("\n".join(each).encode()).hexdigest()[:_DIGITS] if each else "" for each in said]
    return ".".join(digests) if any(digests) else ""


def unchanged(before: str, now: str) -> frozenset[str]:
    """Return the aspects that two digests of `aspects` have in common: there, what a person made of it stands."""
    pairs = zip(ASPECTS, before.split("."), now.split("."), strict=False)
    return frozenset(name for name, *digests in pairs if len(set(digests)) == 1)


def _classes(form: Form, document: Raw) -> Iterator[str]:
    """Yield the classes a document bears, as a whole and in our lines."""
    if whole := value(document.get("ClassRef")):
        yield whole
    yield from form.lines.classes(document)


def _fields(wish: Wish, preferences: Preferences) -> Iterator[Raw]:
    """Yield the custom fields that the company has, and that take their text."""
    for label, text in wish.fields.items():
        found = preferences.custom_fields.get(fold(label))
        if found is not None and len(text) <= _LONGEST:
            identity, name = found
            yield {"DefinitionId": identity, "Name": name, "Type": "StringType", "StringValue": text}


def _field_finding(label: str, preferences: Preferences) -> Finding:
    subject = f'custom field "{label}"'
    if fold(label) in preferences.custom_fields:
        return Finding(subject, PASS, "there, on sales forms")
    detail = "there is no such field on sales forms: invoices go without"
    return Finding(subject, WARN, detail, f"Add a text field of this name, shown on invoices, under {_FIELDS}.")


def _one(names: Iterable[str]) -> str:
    """Return the one name there is, or an empty text if there is none or several."""
    found = set(names)
    return found.pop() if len(found) == 1 else ""
