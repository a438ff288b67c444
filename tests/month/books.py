"""What accounting holds: every document of a company file, read as a person reads it."""

import re
from datetime import date
from typing import Final
from urllib.parse import unquote

from adapters.sandbox.quickbooks import Company
from tests.month.booking import PAYABLE
from tests.month.figures import RECEIVABLE, ZERO, Document, Json, Key, Line, cents
from tests.month.parties import plain, words

FORMS: Final = ("Invoice", "Bill", "VendorCredit", "Payment")
_MARK: Final = re.compile(r"\[loadledger (\S+) (\w+) (\S+) g\d+ [0-9a-f]+(?: [0-9a-f.]+)?\]")


class Books:
    """The documents of a company file by record, and those that are nobody's. `double` are records with several."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._names: dict[str, dict[str, str]] = {
            kind: {each["Id"]: each["DisplayName" if "DisplayName" in each else "Name"] for each in company.all(kind)}
            for kind in ("Account", "Item", "Class", "Department", "Term", "Customer", "Vendor")
        }
        self._invoices = {each["Id"]: key for each in company.all("Invoice") if (key := key_of(each))}
        self.held: dict[Key, Document] = {}
        self.raw: dict[Key, Json] = {}
        self.strangers: list[Json] = []
        self.double: list[Key] = []
        self.ledger: dict[str, int] = {}
        for form in FORMS:
            for raw in company.all(form):
                self._shelve(form, raw)
        for (form, identity), postings in company.books.ledger.entries():
            if form in FORMS and key_of(company.get(form, identity) or {}):
                for each in postings:
                    name = self._names["Account"][each.account]
                    self.ledger[name] = self.ledger.get(name, 0) + cents(each.amount)
        self.ledger = {name: amount for name, amount in self.ledger.items() if amount}

    def party_of(self, key: Key) -> tuple[str, str]:
        """Return the kind and the id of the party that the document of a record names."""
        raw = self.raw[key]
        return (
            ("Customer", raw["CustomerRef"]["value"]) if "CustomerRef" in raw else ("Vendor", raw["VendorRef"]["value"])
        )

    def name_of(self, kind: str, identity: str) -> str:
        """Return the name of a customer or vendor."""
        return self._names[kind][identity]

    def rivals(self, kind: str, name: tuple[str, ...]) -> bool:
        """Whether a party of the other kind is called so."""
        other = "Vendor" if kind == "Customer" else "Customer"
        return any(words(plain(each)) == name for each in self._names[other].values())

    def _shelve(self, form: str, raw: Json) -> None:
        key = key_of(raw)
        if key is None:
            self.strangers.append(raw)
        elif not _void(raw):
            if key in self.held:
                self.double.append(key)
            self.held[key] = self.read(form, raw)
            self.raw[key] = raw

    def read(self, form: str, raw: Json) -> Document:
        """Read a document, held or about to be sent, with every reference by name."""
        sales = form in {"Invoice", "Payment"}
        party = raw["CustomerRef" if sales else "VendorRef"]["value"]
        due = raw.get("DueDate")
        return Document(
            form=form,
            party=self._names["Customer" if sales else "Vendor"][party],
            number=raw.get("PaymentRefNum" if form == "Payment" else "DocNumber") or "",
            day=date.fromisoformat(raw["TxnDate"]),
            due=date.fromisoformat(due) if due else None,
            term=self._name("Term", raw.get("SalesTermRef")),
            total=raw["TotalAmt"] if "TotalAmt" in raw else sum(each["Amount"] for each in raw["Line"]),
            account=self._against(form, raw),
            lines=tuple(
                self._line(form, each) for each in raw["Line"] if each.get("DetailType") != "SubTotalLineDetail"
            ),
            class_=self._name("Class", raw.get("ClassRef")),
            location=self._name("Department", raw.get("DepartmentRef")),
            fields=tuple(
                (each["Name"], each["StringValue"]) for each in raw.get("CustomField", []) if each.get("StringValue")
            ),
            note=raw["PrivateNote"],
        )

    def _against(self, form: str, raw: Json) -> str:
        if form == "Invoice":
            return RECEIVABLE
        if form == "Payment":
            return self._name("Account", raw["DepositToAccountRef"])
        return self._name("Account", raw["APAccountRef"]) if "APAccountRef" in raw else PAYABLE

    def _line(self, form: str, line: Json) -> Line:
        if form == "Payment":
            (link,) = line["LinkedTxn"]
            key = self._invoices[link["TxnId"]]
            return Line(line["Amount"], RECEIVABLE, pays=f"{key.route} {key.identity}")
        detail = line[line["DetailType"]]
        class_ = self._name("Class", detail.get("ClassRef"))
        if form != "Invoice":
            return Line(line["Amount"], self._name("Account", detail["AccountRef"]), class_=class_)
        item = detail["ItemRef"]["value"]
        found = self._company.get("Item", item) or {}
        account = self._name("Account", detail.get("ItemAccountRef") or found["IncomeAccountRef"])
        return Line(line["Amount"], account, self._names["Item"][item], class_)

    def _name(self, kind: str, reference: Json | None) -> str:
        return self._names[kind][reference["value"]] if reference else ""


def key_of(raw: Json) -> Key | None:
    """Return which record a document is of, as its note says, or None."""
    found = _MARK.search(raw.get("PrivateNote") or "")
    return Key(found[2], unquote(found[3])) if found else None


def _void(raw: Json) -> bool:
    """Whether a document was voided: that leaves it with nothing on it, and a word in its note."""
    return raw["TotalAmt"] == ZERO and str(raw["PrivateNote"]).startswith("Voided")
