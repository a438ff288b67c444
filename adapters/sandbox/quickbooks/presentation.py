"""The last touch to an answer: what depends on how it was asked for, and on the address it was asked at."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.sandbox.quickbooks import recurring
from adapters.sandbox.quickbooks.attachments import CONTENT
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.customfields import shown
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.rules import Object

FILES_PATH: Final = "/files/{realm}/{id}"
"""Where a file is fetched without a token, as long as its link is good."""
_LINK_LIVES: Final = timedelta(minutes=15)
INVOICE_LINK: Final = "invoicelink"
"""The word of `include` that asks for the address at which a customer sees an invoice."""


@dataclass(frozen=True, slots=True)
class Presenter:
    """Presents the answers to one call."""

    company: Company
    options: frozenset[str] = frozenset()
    """The words of `include`."""
    origin: str = ""
    """Scheme, host and port the call came in at."""

    def present(self, payload: Object) -> Object:
        """Return a payload whose objects, one or a list under the name of their kind, are as the caller sees them."""
        for kind in payload.keys() & KINDS.keys():
            held = payload[kind]
            payload[kind] = [self._one(kind, one) for one in held] if isinstance(held, list) else self._one(kind, held)
        return payload

    def _one(self, kind: str, held: Object) -> Object:
        if held.get("status") == "Deleted":
            return held
        if self.company.switches.new_answer_fields:
            held["AnnouncedByNobody"] = {"value": "1"}
        match kind:
            case "Attachable":
                return held | self._file_links(held)
            case "ExchangeRate":
                return {key: value for key, value in held.items() if key != "Id"}
            case recurring.KIND:
                return recurring.wrapped(held)
            case "Invoice" if INVOICE_LINK in self.options and _can_be_paid_online(held):
                held["InvoiceLink"] = f"{self.origin.replace('http:', 'https:')}/portal/invoice/{held['Id']}"
        return shown(held, self.options)

    def _file_links(self, held: Object) -> Object:
        stored = self.company.books.find("Attachable", held["Id"]) or {}
        if CONTENT not in stored:
            return {}
        access = f"/v3/company/{self.company.realm_id}/download/{held['Id']}"
        return {"FileAccessUri": access, "TempDownloadUri": self.file_link(held["Id"])}

    def file_link(self, identity: str) -> str:
        """Return an address at which a file can be fetched for fifteen minutes."""
        until = int((self.company.clock() + _LINK_LIVES).timestamp())
        path = FILES_PATH.format(realm=self.company.realm_id, id=identity)
        return f"{self.origin}{path}?until={until}&sign={_signature(self.company, identity, until)}"


def _can_be_paid_online(invoice: Object) -> bool:
    online = invoice.get("AllowOnlineCreditCardPayment") or invoice.get("AllowOnlineACHPayment")
    return bool(online and invoice.get("BillEmail"))


def is_good_link(company: Company, identity: str, link: dict[str, str]) -> bool:
    """Say whether a file's link was made here and has not run out."""
    until, signature = link.get("until", ""), link.get("sign", "")
    if not until.isdecimal() or int(until) < company.clock().timestamp():
        return False
    return hmac.compare_digest(_signature(company, identity, int(until)), signature)


def _signature(company: Company, identity: str, until: int) -> str:
    return hmac.new(company.realm_id.encode(), f"{identity} {until}".encode(), "sha256").hexdigest()
