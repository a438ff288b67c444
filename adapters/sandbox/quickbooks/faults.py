from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

VALIDATION: Final = "ValidationFault"


class Code(NamedTuple):
    """One row of the vendor's error-code page: its title, the fault type and the HTTP status it comes with."""

    message: str
    type: str = VALIDATION
    status: int = 400


CODES: Final[dict[str, Code]] = {
    "120": Code("Authorization Failure", "AuthorizationFault", 401),
    "400": Code("Batch Request is Empty"),
    "500": Code("Unsupported Operation"),
    "600": Code("Duplicate Request ID"),
    "610": Code("Object Not Found"),
    "620": Code("Txn ID Cannot Be Linked"),
    "1040": Code("Batch size exceeds allowed limit"),
    "2000": Code("Invalid or unsupported object name"),
    "2010": Code("Request has invalid or unsupported property"),
    "2020": Code("Required param missing, need to supply the required value for the API"),
    "2030": Code("Invalid ID"),
    "2040": Code("Invalid String"),
    "2050": Code("Invalid String Length"),
    "2070": Code("Invalid Date"),
    "2080": Code("Invalid Number"),
    "2130": Code("Invalid Request Id Format"),
    "2140": Code("Invalid Amount"),
    "2150": Code("Invalid Percent"),
    "2170": Code("Invalid Enumeration"),
    "2190": Code("Invalid Date Range"),
    "2220": Code("Invalid Currency Type"),
    "2210": Code("Invalid email address"),
    "2260": Code("Missing Posting Type"),
    "2290": Code("Negative Amount"),
    "2300": Code("Debits and credits differ"),
    "2500": Code("Invalid Reference Id"),
    "3000": Code("Invalid Custom Field"),
    "3001": Code("ThrottleExceeded", "SERVICE", 429),
    "4000": Code("Error parsing query"),
    "4001": Code("Invalid query"),
    "5010": Code("Stale Object Error"),
    "5020": Code("Permission Denied Error"),
    "5030": Code("Feature Not Supported"),
    "6000": Code("A business validation error has occurred while processing your request"),
    "6010": Code("AccountType or AccountSubType needed"),
    "6030": Code("Upload size exceeds the allowed limit"),
    "6040": Code("Not an Attachable"),
    "6041": Code("Invalid file"),
    "6050": Code("Invalid entity reference"),
    "6070": Code("Amount calculation incorrect in the request"),
    "6080": Code("No Name Provided"),
    "6100": Code("Invalid Line TaxCode"),
    "6140": Code("Duplicate Document Number Error"),
    "6180": Code("Sub Level Limit"),
    "6190": Code("Invalid Company Status"),
    "6200": Code("Account Period Closed Error"),
    "6210": Code("Account Period Closed, Cannot Update Through Services API"),
    "6240": Code("Duplicate Name Exists Error"),
    "6420": Code("Email address is required"),
    "6430": Code("Invalid account type used"),
    "6440": Code("Transaction detail required"),
    "6520": Code("Quantity on hand is needed"),
    "6540": Code("Deposited Transaction cannot be changed"),
    "10000": Code("An application error has occurred while processing your request", "SystemFault", 500),
    "10200": Code("Company Reset"),
}

_MADE_INACTIVE: Final = (
    "Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)


class Fault(Exception):  # noqa: N818 - the vendor's own word for it
    """A refusal by the entity service: `code` and `detail` as on the vendor's error-code page.

    `element` names the field at fault, when there is one. `status` is the HTTP status a single call answers with.
    """

    def __init__(self, code: str, detail: str = "", *, element: str = "") -> None:
        row = CODES[code]
        super().__init__(f"{code}: {detail or row.message}")
        self.code = code
        self.message = row.message
        self.detail = detail or row.message
        self.element = element
        self.type = row.type
        self.status = row.status

    def as_json(self) -> dict[str, Any]:
        """Return the entity service's body, as a batch item or a whole answer carries it."""
        error = {"Message": self.message, "Detail": self.detail, "code": self.code, "element": self.element}
        return {"Error": [error], "type": self.type}


def stale() -> Fault:
    """Return fault 5010, for a SyncToken that is no longer the current one."""
    return Fault(
        "5010",
        "Stale Object Error : You and another user were working on this at the same time. "
        "another user finished before you did, so your work was not saved.",
    )


def not_found() -> Fault:
    """Return fault 610, for an id that does not exist or no longer does."""
    return Fault("610", f"Object Not Found : {_MADE_INACTIVE}")


def invalid_reference(element: str) -> Fault:
    """Return fault 2500, for a reference to something unknown or inactive."""
    return Fault("2500", f"Invalid Reference Id : {_MADE_INACTIVE}", element=element)


def missing(element: str) -> Fault:
    """Return fault 2020, for a required property that was not sent."""
    return Fault("2020", f"Required parameter {element} is missing in the request", element=element)


def unsupported_property(element: str) -> Fault:
    """Return fault 2010, for a property the entity does not have or whose value has the wrong shape."""
    return Fault("2010", f"Property Name:{element} specified is unsupported or invalid", element=element)


def too_long(element: str, limit: int, length: int) -> Fault:
    """Return fault 2050; its numbers carry thousands commas."""
    return Fault(
        "2050",
        "String length specified does not match the supported length. "
        f"Min:0 Max:{limit:,} supported. Supplied length:{length:,}",
        element=element,
    )


def duplicate_number(number: str, kind: str, holder: str) -> Fault:
    """Return fault 6140, whose detail names the document that holds the number."""
    return Fault(
        "6140",
        "Duplicate Document Number Error : You must specify a different number. This number has already been used. "
        f"DocNumber={number} is assigned to TxnType={kind} with TxnId={holder}",
    )


def duplicate_name(owners: str) -> Fault:
    """Return fault 6240; `owners` says who may hold the name, such as `customer, vendor or employee`."""
    return Fault(
        "6240",
        f"The name supplied already exists. : Another {owners} is already using this \nname. "
        "Please use a different name.",
    )


def period_closed(*, password: bool) -> Fault:
    """Return fault 6200, or 6210 when the closing date is protected by a password."""
    if password:
        return Fault(
            "6210",
            "The account period has closed and the account books cannot be updated through through the QBO Services "
            "API. Please use the QBO website to make these changes.",
        )
    return Fault("6200", "Account Period Closed Error : The account period has closed.", element="TxnDate")


def deposited() -> Fault:
    """Return fault 6540, for a payment that a deposit has taken to the bank."""
    return Fault(
        "6540",
        "Deposited Transaction cannot be changed : This transaction has been deposited. If you want to change or "
        "delete it, you must first edit the deposit it appears on and remove it.",
    )


def suspended(plan: str) -> Fault:
    """Return fault 6190, for a company whose subscription has lapsed."""
    return Fault(
        "6190",
        "Subscription period has ended or canceled or there was a billing problem : "
        f"You can't add data to QuickBooks Online {plan} because your trial or subscription period ended, "
        "you canceled your subscription, or there was a billing problem.",
    )


def business(text: str) -> Fault:
    """Return fault 6000 with a sentence of its own."""
    return Fault("6000", f"Business Validation Error: {text}")


class Refusal(NamedTuple):
    """A refusal that comes from in front of the entity service."""

    message: str
    code: str
    status: int
    type: str
    detail: str

    @property
    def text(self) -> str:
        """The message as the gateway spells it."""
        return f"message={self.message}; errorCode={self.code.zfill(6)}; statusCode={self.status}"


THROTTLED: Final = Refusal(
    "ThrottleExceeded", "3001", 429, "SERVICE", "The request limit was reached.  Try again later"
)
UNAUTHENTICATED: Final = Refusal(
    "AuthenticationFailed", "3200", 401, "AUTHENTICATION", "Malformed bearer token: too short or too long"
)
TOKEN_EXPIRED: Final = Refusal("AuthenticationFailed", "3200", 401, "AUTHENTICATION", "Token expired")
TOKEN_REVOKED: Final = Refusal("AuthenticationFailed", "3200", 401, "AUTHENTICATION", "Token revoked")
WRONG_COMPANY: Final = Refusal(
    "ApplicationAuthorizationFailed", "3100", 403, "SERVICE", "The token does not belong to this company"
)
OUT_OF_SCOPE: Final = Refusal(
    "AuthorizationFailed", "3100", 403, "SERVICE", "The access token does not have sufficient scope"
)
BLOCKED: Final = {
    "429": THROTTLED,
    "403": Refusal("ApplicationAuthorizationFailed", "3100", 403, "SERVICE", "The app's monthly calls are used up"),
}
"""What a metered call gets once the month's calls are used up, by the position of the switch."""
INTERNAL_ERROR: Final = Refusal("InternalServerError", "3100", 500, "SERVICE", "Internal Server Error")


def gateway_json(refusal: Refusal, milliseconds: int) -> dict[str, Any]:
    """Return the gateway's own body: lower-case keys, time in milliseconds, seen on 401, 403, 429 and 500."""
    error = {"message": refusal.text, "detail": refusal.detail, "code": refusal.code, "element": None}
    return {
        "warnings": None,
        "intuitObject": None,
        "fault": {"error": [error], "type": refusal.type},
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": milliseconds,
        "status": None,
        "cdcresponse": [],
    }


def gateway_xml(refusal: Refusal, time: str) -> str:
    """Return the gateway's XML body, which comes even to callers that asked for JSON."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<IntuitResponse xmlns="http://schema.intuit.com/finance/v3" time={quoteattr(time)}>'
        f"<Fault type={quoteattr(refusal.type)}><Error code={quoteattr(refusal.code)}>"
        f"<Message>{escape(refusal.text)}</Message><Detail>{escape(refusal.detail)}</Detail>"
        "</Error></Fault></IntuitResponse>"
    )
