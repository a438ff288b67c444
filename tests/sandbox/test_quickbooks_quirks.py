import re
from dataclasses import fields
from pathlib import Path

from adapters.sandbox import quickbooks
from adapters.sandbox.quickbooks import Switches

QUIRKS = (Path(quickbooks.__file__).parents[1] / "QUIRKS.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\|[^|]*\|[^|]*\| `(\w+)` \|.*\| `(test_\w+)` \|$", QUIRKS, re.MULTILINE))


def test_every_switch_is_listed_with_its_test() -> None:
    assert set(ROWS) == {field.name for field in fields(Switches)}
    written = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_quickbooks_*.py"))
    missing = {test for test in ROWS.values() if f"def {test}(" not in written}
    assert not missing


def test_defaults_are_listed_as_they_are() -> None:
    for field in fields(Switches):
        if isinstance(field.default, str):
            assert re.search(rf"\| `{field.name}` \| `{field.default}`", QUIRKS), field.name
