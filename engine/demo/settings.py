"""What the demo's daemon is told: an ordinary configuration with short intervals."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

# How the demo's charges are booked; accessorials have no default, so one that is not named is refused.
_MAPPING = """
[mapping.revenue]
linehaul = "Linehaul"
fuel_surcharge = "Fuel Surcharge"
Detention = "Detention"
Lumper = "Lumper"
Layover = "Layover"
TONU = "TONU"
"Stop-Off" = "Stop-Off"
Tarp = "Tarp"

[mapping.expense]
linehaul = "Purchased Transportation"
fuel_surcharge = "Fuel Surcharge Paid"
accessorial = "Accessorials Paid"
echeck = "Carrier Advances"
"""


def configuration(place: Path, vendors: dict[str, Any], digest: str) -> str:
    """Return the demo's configuration: an ordinary one, with short intervals."""
    tms, accounting = vendors["alvys"], vendors["quickbooks"]
    values = {
        "": {
            "entity": "demo",
            "database": str(place / "loadledger.db"),
            "first_date": (month() - timedelta(days=40)).isoformat(),
        },
        "http": {"listen": "127.0.0.1:0"},
        "alvys": {
            "api_url": tms["api_url"],
            "token_url": tms["token_url"],
            "client_id": tms["client_id"],
            "subsidiary": vendors["subsidiary"],
            "subsidiary_id": vendors["subsidiary_id"],
            "requests_per_minute": 240,
            "poll_interval": 5,
        },
        "quickbooks": {
            "api_url": accounting["api_url"],
            "token_url": accounting["token_url"],
            "client_id": accounting["client_id"],
            "realm_id": accounting["realm_id"],
            "poll_interval": 2,
            "overlap": 60,
        },
        "export": {"carrier_bill_on": "release"},
        "relay": {"interval": 1, "gather": 0.5, "quiet_period": 3, "read_pause": 1},
    }
    sections = [
        "\n".join(([f"[{name}]"] if name else []) + [f"{key} = {_toml(value)}" for key, value in section.items()])
        for name, section in values.items()
    ]
    token = f'[[http.tokens]]\nname = "demo"\nrole = "operator"\nhash = "{digest}"'
    return "\n\n".join([*sections, token, _MAPPING.strip()]) + "\n"


def _toml(value: object) -> str:
    """Return a value as TOML; JSON strings and numbers are TOML too."""
    return msgspec.json.encode(value).decode()


def month() -> date:
    """Return the first day of the last whole month, in the reader's calendar."""
    return (datetime.now().astimezone().date().replace(day=1) - timedelta(days=1)).replace(day=1)
