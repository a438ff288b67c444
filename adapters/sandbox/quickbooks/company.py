from datetime import date
from typing import Final

from adapters.sandbox.quickbooks import charter
from adapters.sandbox.quickbooks.attachments import CONTENT
from adapters.sandbox.quickbooks.books import Books, Change
from adapters.sandbox.quickbooks.clock import PACIFIC, Clock, stamp, utc_now
from adapters.sandbox.quickbooks.completion import COMPLETE, live_or_fault, relinked, voided
from adapters.sandbox.quickbooks.credits import apply_automatically
from adapters.sandbox.quickbooks.customfields import DEFINITIONS, complete_custom_fields, new_definition
from adapters.sandbox.quickbooks.faults import Fault, business, deposited, period_closed, suspended
from adapters.sandbox.quickbooks.isolation import Isolation
from adapters.sandbox.quickbooks.kinds import KINDS, PLANS, Kind
from adapters.sandbox.quickbooks.mailing import mailed
from adapters.sandbox.quickbooks.merging import MERGED, check_mergeable, repointed
from adapters.sandbox.quickbooks.numbers import assign_number
from adapters.sandbox.quickbooks.payments import deposit_of
from adapters.sandbox.quickbooks.recurring import kept_template
from adapters.sandbox.quickbooks.replica import Replica
from adapters.sandbox.quickbooks.rules import Object, keep, require
from adapters.sandbox.quickbooks.settings import settings_patch
from adapters.sandbox.quickbooks.settlement import payments_of, without_document
from adapters.sandbox.quickbooks.switches import Switches
from adapters.sandbox.quickbooks.versions import check_token, first_version, next_version, touched, without_empty
from adapters.sandbox.quickbooks.view import render

_LOCKED: Final = "_locked"
"""Kept with the preferences and shown to nobody: the closing date has a password."""
_NONE: Final[frozenset[str]] = frozenset()


class Company:
    """One realm's books and the rules that guard them; every method takes and returns the vendor's JSON objects.

    What a method returns is the caller's own copy. A refused operation raises Fault and changes nothing.
    """

    def __init__(
        self,
        realm_id: str = "9130350000000001",
        *,
        switches: Switches = Switches(),  # noqa: B008 - frozen
        clock: Clock = utc_now,
        books: Books | None = None,
    ) -> None:
        self.realm_id = realm_id
        self.switches = switches
        self.clock = clock
        self.books = books or Books()
        self.isolation = Isolation()
        self.replica = Replica(clock, lambda: self.switches.query_lag_seconds)
        self.books.watchers.append(self.replica.heard)
        if not self.books.count("Preferences"):
            self._found()

    # What is there

    def find(self, kind: str, identity: str) -> Object | None:
        """Return the live object as stored, or None; an item of a batch doesn't find what its neighbours made."""
        return None if self.isolation.hides(kind, identity) else self.books.find(kind, identity)

    def get(self, kind: str, identity: str) -> Object | None:
        """Return the live object as the vendor would answer it, or None."""
        stored = self.find(kind, identity)
        return None if stored is None else render(self.books, kind, stored)

    def all(self, kind: str) -> list[Object]:
        """Return every live object of a kind, active or not, in order of creation."""
        return [render(self.books, kind, stored) for stored in self.books.live(kind)]

    def preference(self, section: str, name: str) -> object:
        """Return one preference, or None when it is not set."""
        preferences = self.books.find("Preferences", "1") or {}
        return preferences.get(section, {}).get(name)

    def currencies(self) -> frozenset[str]:
        """Return the codes of the currencies in use, the home currency among them."""
        active = (held["Code"] for held in self.books.live("CompanyCurrency") if held["Active"])
        return frozenset({self.books.home, *active})

    @property
    def plan(self) -> str:
        """The company's plan, such as `Plus`."""
        return charter.plan_of(live_or_fault(self.find("CompanyInfo", "1")))

    def today(self) -> date:
        """Return the server's date."""
        return self.clock().astimezone(PACIFIC).date()

    # What changes it

    def create(self, kind: str, body: Object, *, options: frozenset[str] = _NONE) -> Object:
        """Create an object and return it; `options` are the words of `include`. Raises Fault."""
        _require_writable(kind, "create")
        return self.enter(kind, body, options=options)

    def enter(self, kind: str, body: Object, *, options: frozenset[str] = _NONE) -> Object:
        """Create an object as the vendor's own screens can, even of a kind that calls may only read. Raises Fault."""
        self._require_plan(kind)
        return self._write(kind, without_empty(self._kept(kind, body)), None, options)

    def update(
        self,
        kind: str,
        body: Object,
        sparse: bool = False,  # noqa: FBT001, FBT002 - reads as the vendor's own attribute
        *,
        options: frozenset[str] = _NONE,
    ) -> Object:
        """Update the object `body["Id"]` and return it: a full update drops what is not sent, a sparse one keeps it.

        Raises Fault, 5010 when `body["SyncToken"]` is not the current one.
        """
        _require_writable(kind, "update")
        self._require_plan(kind)
        require(("Id", "SyncToken"), body)
        old = live_or_fault(self.find(kind, "1" if KINDS[kind].role == "single" else str(body["Id"])))
        check_token(old, body["SyncToken"])
        if KINDS[kind].role == "single":
            self._patch_single(kind, settings_patch(kind, body, old, self.plan, self))
            return render(self.books, kind, live_or_fault(self.find(kind, "1")))
        if deposit_of(old):
            raise deposited()
        sent = self._kept(kind, body)
        if kind == "Vendor":
            honoured = self.switches.vendor_sparse == "honoured"
        else:
            honoured = KINDS[kind].sparse or self.switches.bill_sparse == "honoured"
        draft = without_empty({**old, **sent} if sparse and honoured else sent)
        return self._write(kind, draft, old, options)

    def attach(self, body: Object) -> Object:
        """Store an uploaded file, with the metadata and the content that an upload's body holds. Raises Fault."""
        self._require_plan("Attachable")
        of_the_file = {key: body[key] for key in ("Size", CONTENT)}
        kept = keep(KINDS["Attachable"].fields, {key: held for key, held in body.items() if key != CONTENT}, self)
        old = self.find("Attachable", str(body["Id"])) if body.get("Id") else None
        return self._write("Attachable", without_empty(kept) | of_the_file, old, _NONE)

    def send(self, kind: str, identity: str, send_to: str) -> Object:
        """Mail a document and return it; `send_to` becomes its address. Raises Fault."""
        self._require_plan(kind)
        sent = mailed(kind, live_or_fault(self.find(kind, identity)), send_to, self.clock())
        self.books.commit(touched([(kind, sent)], stamp(self.clock())))
        return render(self.books, kind, live_or_fault(self.find(kind, identity)))

    def delete(self, kind: str, identity: str, *, sync_token: str | None = None, unlink: bool = False) -> None:
        """Delete a transaction, leaving a tombstone; with `unlink`, payments of it become unapplied.

        Raises Fault, 6000 when payments are applied to it and neither `unlink` nor the switch allows that.
        """
        row = KINDS[kind]
        if not row.deletable:
            raise Fault("500", f"Operation delete on {kind} is not supported.")
        old = self._removable(kind, identity, sync_token)
        now = stamp(self.clock())
        others = self._unlinked(kind, old, None, unlink=unlink)
        self.books.commit(touched(others, now), [(kind, identity, now)])

    def void(self, kind: str, identity: str, *, sync_token: str | None = None, unlink: bool = False) -> Object:
        """Void a transaction and return what is left of it; `unlink` as in `delete`. Raises Fault."""
        row = KINDS[kind]
        if not row.void_by:
            raise Fault("500", f"Operation void on {kind} is not supported.")
        old = self._removable(kind, identity, sync_token)
        left = voided(row.role, old)
        now = stamp(self.clock())
        others = self._unlinked(kind, old, left, unlink=unlink)
        self.books.commit(touched([*others, (kind, left)], now))
        return render(self.books, kind, live_or_fault(self.find(kind, identity)))

    def merge(self, kind: str, kept: str, gone: str) -> Object:
        """Merge one entry of a list into another and return the one that stays. Raises Fault."""
        self._require_plan(kind)
        stays, goes = live_or_fault(self.find(kind, kept)), live_or_fault(self.find(kind, gone))
        check_mergeable(kind, stays, goes)
        now = stamp(self.clock())
        changes = list(repointed(kind, kept, gone, self.books))
        if self.switches.merge_bumps_documents:
            changes = touched(changes, now)
        self.books.commit([*changes, *touched([(kind, {**stays, MERGED: gone})], now)], [(kind, gone, now)])
        return render(self.books, kind, live_or_fault(self.find(kind, kept)))

    def define_custom_field(self, label: str, value_type: str, kinds: tuple[str, ...]) -> str:
        """Add one of the newer custom fields to some kinds and return its definition id. Raises Fault."""
        held = live_or_fault(self.find("Preferences", "1")).get(DEFINITIONS, [])
        defined = new_definition(held, self.plan, label, value_type, kinds)
        self.set_preferences({DEFINITIONS: [*held, defined]})
        return str(defined["DefinitionId"])

    def set_preferences(self, patch: Object) -> None:
        """Merge a patch into the preferences; None removes one, `NameValue` pairs merge by name."""
        self._patch_single("Preferences", patch)

    def close_books(self, last_day: str | None, *, password: bool = False) -> None:
        """Close the books up to and including a day, with or without a password; None opens them."""
        self.set_preferences(
            {"AccountingInfoPrefs": {"BookCloseDate": last_day}, _LOCKED: password or None},
        )

    def set_plan(self, name: str) -> None:
        """Move the company to another plan; features it lacks are turned off. Raises ValueError for an unknown one."""
        self._patch_single("CompanyInfo", charter.offering(name))
        self.set_preferences(charter.plan_preferences(name))

    def set_company_name(self, name: str) -> None:
        """Give the company another name."""
        self._patch_single("CompanyInfo", {"CompanyName": name, "LegalName": name})

    def set_subscription(self, status: str) -> None:
        """Set the subscription, such as `PAID`; while `SUSPENDED` every write gets fault 6190."""
        self._patch_single("CompanyInfo", charter.subscription(status))

    def reset(self) -> None:
        """Wipe the books, as the vendor does when someone starts the company over; every call then gets fault 10200."""
        self.books.wipe()
        self._found()

    def standard_account(self, account_type: str, subtype: str, currency: str = "") -> str:
        """Return the id of the company's first account of a type, opening it when there is none."""
        found = self.books.account(account_type, subtype, currency)
        if found is None:
            name = _STANDARD_NAMES.get(subtype, account_type) + (
                f" - {currency}" if currency not in {"", self.books.home} else ""
            )
            found = self._open_account(name, account_type, subtype, currency)
        return found

    def tax_payable(self, agency: str) -> str:
        """Open the account that holds what is owed to a tax agency, and return its id."""
        return self._open_account(f"{agency} Payable", "Other Current Liability", "SalesTaxPayable")

    def _open_account(self, name: str, account_type: str, subtype: str, currency: str = "") -> str:
        body = {"Name": name, "AccountType": account_type, "AccountSubType": subtype}
        identity = str(self.create("Account", body | ({"CurrencyRef": {"value": currency}} if currency else {}))["Id"])
        self.isolation.share("Account", identity)
        return identity

    # How

    def _found(self) -> None:
        now = stamp(self.clock())
        self.books.commit(
            [
                ("Preferences", first_version("1", now, charter.preferences())),
                ("CompanyInfo", first_version("1", now, charter.company_info())),
                *(("TaxCode", first_version(code["Name"], now, code)) for code in charter.TAX_CODES),
            ],
        )

    def _patch_single(self, kind: str, patch: Object) -> None:
        old = live_or_fault(self.find(kind, "1"))
        self.books.commit(touched([(kind, charter.merge(old, patch))], stamp(self.clock())))

    def check_readable(self, kind: str) -> None:
        """Raise the fault for a kind that the plan lacks, where that may not even be read."""
        if self.switches.missing_plan_reads == "refused":
            self._require_entitled(kind)

    def _require_plan(self, kind: str) -> None:
        if charter.subscription_of(live_or_fault(self.find("CompanyInfo", "1"))) == "SUSPENDED":
            raise suspended(self.plan)
        self._require_entitled(kind)

    def _require_entitled(self, kind: str) -> None:
        if PLANS.index(self.plan) < PLANS.index(KINDS[kind].plan):
            detail = "Permission Denied Error : You do not have the access rights to use this feature."
            raise Fault(self.switches.missing_plan_code, detail)

    def _kept(self, kind: str, body: Object) -> Object:
        if KINDS[kind].role == "template":
            return kept_template(body, self)
        return keep(KINDS[kind].fields, body, self)

    def _write(self, kind: str, draft: Object, old: Object | None, options: frozenset[str]) -> Object:
        row = KINDS[kind]
        complete = COMPLETE.get(row.role)
        if complete is None:
            raise Fault("500", f"Operation on {kind} is not supported.")
        require(row.required, draft)
        complete(kind, draft, old, self)
        if "CustomField" in row.fields and row.role in {"sale", "purchase"}:
            complete_custom_fields(kind, draft, old, self, options)
        self._check_open(row, draft, old)
        assign_number(kind, draft, old, self, options)
        identity = old["Id"] if old else self.books.next_id(kind)
        others = self._relinked(kind, identity, old, draft)
        now = stamp(self.clock())
        current = first_version(identity, now, draft) if old is None else next_version(old, now, draft)
        self.books.commit([*touched(others, now), (kind, current)])
        if old is None:
            self.isolation.add(kind, identity)
            if apply_automatically(kind, current, self):
                current = live_or_fault(self.books.find(kind, identity))
        return render(self.books, kind, current)

    def _relinked(self, kind: str, identity: str, old: Object | None, new: Object | None) -> list[Change]:
        changes = relinked(kind, identity, old, new, self)
        if self.switches.payment_on_closed_document == "refused" and KINDS[kind].settles:
            for other_kind, changed in changes:
                self._check_open(KINDS[other_kind], changed, None)
        return changes

    def _check_open(self, row: Kind, *dated: Object | None) -> None:
        closed = self.preference("AccountingInfoPrefs", "BookCloseDate")
        if not isinstance(closed, str) or row.role in _UNDATED:
            return
        if any(document is not None and document["TxnDate"] <= closed for document in dated):
            raise period_closed(password=_LOCKED in live_or_fault(self.find("Preferences", "1")))

    def _removable(self, kind: str, identity: str, sync_token: str | None) -> Object:
        self._require_plan(kind)
        old = live_or_fault(self.find(kind, identity))
        if sync_token is not None:
            check_token(old, sync_token)
        if deposit_of(old):
            raise deposited()
        self._check_open(KINDS[kind], old)
        return old

    def _unlinked(self, kind: str, old: Object, left: Object | None, *, unlink: bool) -> list[Change]:
        """Return what else changes when a transaction goes: what it paid opens again, what paid it is unapplied."""
        changes = self._relinked(kind, old["Id"], old, left)
        payments = list(payments_of(old, self.books))
        if payments and not unlink and self.switches.paid_document_removal == "refused":
            raise business("You can't remove this transaction because payments are linked to it. Unlink them first.")
        for payment_kind, payment in payments:
            loosened = without_document(payment_kind, payment, (kind, old["Id"]), self.books)
            changes.append((payment_kind, loosened))
        return changes


_STANDARD_NAMES: Final = {"UndepositedFunds": "Undeposited Funds", "ExchangeGainOrLoss": "Exchange Gain or Loss"}
_UNDATED: Final = frozenset({"name", "record", "attachment", "template", "single"})


def _require_writable(kind: str, operation: str) -> None:
    if not KINDS[kind].writable:
        raise Fault("500", f"Operation {operation} on {kind} is not supported.")
