"""What loads bring in: invoices over one load, over many and on top of another, payments, what a sister is asked."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from tests.month.choices import SINCE, TERMS, Choices
from tests.month.drafts import Charge, Draft, Part, prefixed, telling
from tests.month.expense import load_type, shared
from tests.month.figures import ZERO, Json, Key, dollars
from tests.month.tenant import Tenant, gone, invoiced, local_day

# fmt: off
_ROUTES: Final = {
    "LoadInvoice":    "customer_invoice",
    "OrderInvoice":   "customer_invoice",
    "SummaryInvoice": "summary_invoice",
}
_SORTS: Final = {
    ("Load", "Linehaul"):       "linehaul",
    ("Load", "Fuel Surcharge"): "fuel_surcharge",
}
# fmt: on


def revenue(tenant: Tenant, choices: Choices) -> Iterator[Draft]:
    """Yield what we ask of customers, of the other company, and what customers paid."""
    if not choices["revenue"]:
        return
    for invoice in _standing(tenant):
        if _ours(invoice, choices) and _day(invoice) >= SINCE and _out(invoice):
            draft = _invoice(invoice, tenant, choices)
            yield draft
            if choices["customer_payments"] and (draft.total or not choices["ignore_zero"]):
                yield from (_payment(each, draft) for each in invoice["Payments"] if not _reported(each))
    if choices["shared_billing"]:
        yield from _asked(tenant, choices)


def known_by(invoice: Json) -> str:
    """Return what an invoice is known by: a load's own by the load, a supplement by both, any other by itself."""
    loads = _loads(invoice)
    if invoice["Type"] != "LoadInvoice" or len(loads) != 1:
        return str(invoice["Id"])
    if invoice["SupplementalInvoiceType"]:
        return f"{loads[0]['Id']}/{invoice['Id']}"
    own = invoice["Number"].endswith(loads[0]["LoadNumber"])
    return str(loads[0]["Id"] if own else invoice["Id"])


def part_of_load(load: Json, tenant: Tenant) -> Part:
    """Return which part of the business a load belongs to: brokerage, if any of its trips is."""
    types = {load_type(trip) for trip in tenant.hauls_of(load)}
    kind = "brokerage" if "brokerage" in types else "asset" if "asset" in types else ""
    return Part(load["InvoiceAs"], _fleet(load), kind)


def _standing(tenant: Tenant) -> Iterable[Json]:
    """Return the invoices that stand: of each identity the last one made, none of loads that are all gone."""
    found = {}
    for invoice in sorted(tenant.invoices, key=lambda each: (each["CreatedDate"], each["InvoicedDate"] or "9")):
        if invoice["Type"] in _ROUTES and not all(gone(tenant.loads[each["Id"]]) for each in invoice["Loads"]):
            found[known_by(invoice)] = invoice
    return found.values()


def _loads(invoice: Json) -> list[Json]:
    return sorted(invoice["Loads"], key=lambda load: (load["LoadNumber"], load["Id"]))


def _ours(invoice: Json, choices: Choices) -> bool:
    return bool(_loads(invoice)[0]["SubsidiaryName"] == choices.company)


def _out(invoice: Json) -> bool:
    dated = invoice["Type"] != "SummaryInvoice" or invoice["InvoicedDate"] is not None
    return invoice["Status"] != "Draft" and dated


def _day(invoice: Json) -> date:
    day = local_day(invoice["InvoicedDate"] or invoice["CreatedDate"])
    assert day is not None
    return day


def _invoice(invoice: Json, tenant: Tenant, choices: Choices) -> Draft:
    loads = _loads(invoice)
    parts = {each["LoadNumber"]: _part(each, tenant) for each in loads}
    day = _day(invoice)
    terms = tenant.customers[invoice["Customer"]["Id"]]["InvoicingInformation"]["PaymentTermsInDays"]
    due = local_day(invoice["DueDate"]) or (None if terms is None else day + timedelta(days=terms))
    return Draft(
        key=Key(_ROUTES[invoice["Type"]], known_by(invoice)),
        party=invoice["Customer"]["Name"],
        number=_number(invoice, tenant, choices),
        day=day,
        due=due,
        charges=telling([_charge(item, parts, loads[0]["LoadNumber"]) for item in invoice["LineItems"]]),
        total=dollars(invoice["Total"]),
        part=_common(list(parts.values())),
        fields=tuple(
            (name, texts.pop())
            for name, field in (("order_number", "OrderNumber"), ("po_number", "PONumber"))
            if len(texts := {(each[field] or "").strip() for each in loads}) == 1 and texts != {""}
        ),
        says=tuple(
            text for each in loads for text in (each["LoadNumber"], each["OrderNumber"], each["PONumber"]) if text
        ),
    )


def _part(listed: Json, tenant: Tenant) -> Part:
    found = part_of_load(tenant.loads[listed["Id"]], tenant)
    return Part(listed["SubsidiaryName"], found.fleet, found.load_type)


def _charge(item: Json, parts: dict[str, Part], first: str) -> Charge:
    other = "accessorial" if item["Category"] == "Accessorial" else "other"
    category = _SORTS.get((item["Category"], item["Name"]), other)
    return Charge(category, item["Name"], dollars(item["Amount"]), parts[item["LoadNumber"] or first])


def _common(parts: list[Part]) -> Part:
    """Return what all parts say alike."""
    said = ({each.subsidiary for each in parts}, {each.fleet for each in parts}, {each.load_type for each in parts})
    return Part(*(values.pop() if len(values) == 1 else "" for values in said))


def _number(invoice: Json, tenant: Tenant, choices: Choices) -> str:
    number, loads = str(invoice["Number"]), _loads(invoice)
    if invoice["Type"] == "SummaryInvoice":
        return number
    if invoice["SupplementalInvoiceType"] and number == loads[0]["LoadNumber"]:
        number = f"{number}-S{_place(invoice, tenant)}"
    fleet = (tenant.loads[loads[0]["Id"]]["Fleet"] or {}).get("InvoiceNumberPrefix")
    if not fleet:
        return prefixed("ALD", number, choices)
    return number if number.startswith(fleet) or not choices["number_prefix"] else f"{fleet}{number}"


def _place(supplement: Json, tenant: Tenant) -> int:
    """Return the place of a supplement among those of its load, by when they were made."""
    of = supplement["Loads"][0]["Id"]
    beside = [each for each in tenant.invoices if each["SupplementalInvoiceType"] and each["Loads"][0]["Id"] == of]
    made = sorted((each["CreatedDate"], each["Id"]) for each in beside)
    return made.index((supplement["CreatedDate"], supplement["Id"])) + 1


def _reported(payment: Json) -> bool:
    """Whether it was us who told the TMS of a payment."""
    return str(payment["PaymentReference"] or "").startswith("loadledger-")


def _payment(payment: Json, invoice: Draft) -> Draft:
    day = local_day(payment["PaymentDate"])
    assert day is not None
    amount = dollars(payment["Amount"])
    return Draft(
        key=Key("customer_payment", f"{invoice.key.identity}/{payment['Id']}"),
        party=invoice.party,
        number=payment["CheckNumber"] or payment["PaymentReference"] or payment["Id"],
        day=day,
        due=None,
        charges=(Charge("other", "Payment", amount),),
        total=amount,
        says=(invoice.number,),
        pays=invoice.key,
    )


def _asked(tenant: Tenant, choices: Choices) -> Iterator[Draft]:
    """Yield what we ask the other company for the loads it invoices and we haul: the value of our trips."""
    for load in tenant.loads.values():
        trips = [trip for trip in tenant.hauls_of(load) if shared(trip, load) and trip["TenderAs"] == choices.company]
        day = local_day(load["InvoicedAt"])
        if gone(load) or not trips or not invoiced(load) or day is None or day < SINCE:
            continue
        parts = [Part(trip["TenderAs"], _fleet(load), load_type(trip)) for trip in trips]
        charges = [
            Charge("intercompany", "Intercompany", dollars(trip["TripValue"]), part)
            for trip, part in zip(trips, parts, strict=True)
        ]
        yield Draft(
            key=Key("intercompany_invoice", load["Id"]),
            party=load["InvoiceAs"],
            number=prefixed("ALD", load["LoadNumber"], choices),
            day=day,
            due=day + TERMS,
            charges=telling(charges),
            total=sum((each.amount for each in charges), ZERO),
            part=parts[0],
            says=(load["LoadNumber"], *(trip["TripNumber"] for trip in trips)),
        )


def _fleet(load: Json) -> str:
    return str((load["Fleet"] or {}).get("Name", ""))
