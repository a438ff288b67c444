import re
from datetime import UTC, date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.config import Config, ConfigError, describe, load

REQUIRED = {
    "LOADLEDGER_ENTITY": "blue-mesa",
    "LOADLEDGER_FIRST_DATE": "2026-10-01",
    "LOADLEDGER_ALVYS_CLIENT_ID": "alvys-id",
    "LOADLEDGER_ALVYS_CLIENT_SECRET": "alvys-secret",
    "LOADLEDGER_QUICKBOOKS_CLIENT_ID": "quickbooks-id",
    "LOADLEDGER_QUICKBOOKS_CLIENT_SECRET": "quickbooks-secret",
    "LOADLEDGER_QUICKBOOKS_REALM_ID": "9130350000000000",
}
HASH = "sha256:" + "0123456789abcdef" * 4
TOKEN = f'[{{"name": "ana", "role": "operator", "hash": "{HASH}"}}]'


def configured(**settings: str) -> Config:
    return load(environ=REQUIRED | variables(settings))


def variables(settings: dict[str, str]) -> dict[str, str]:
    return {f"LOADLEDGER_{name.upper()}": value for name, value in settings.items()}


def refused(environ: dict[str, str], path: Path | None = None) -> dict[str, str]:
    """Return what is wrong, and the fix, by what it is about."""
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    return {problem.key: f"{problem.what} | {problem.fix}" for problem in caught.value.problems}


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "entity.toml"
    path.write_text(text, encoding="utf-8")
    return path


class TestDefaults:
    def test_the_required_keys_are_enough(self) -> None:
        config = load(environ=REQUIRED)
        assert config.entity == "blue-mesa"
        assert config.first_date == date(2026, 10, 1)
        assert config.database == Path("/var/lib/loadledger/blue-mesa.db")
        assert config.http.host == "127.0.0.1"
        assert config.http.port == 8321
        assert config.alvys.timezone is UTC
        assert config.quickbooks.refresh_token is None
        assert config.mapping.revenue == {}

    def test_each_default_is_a_value_its_key_takes(self) -> None:
        written = {key.variable: key.default.replace("<entity>", "blue-mesa") for key in describe() if key.default}
        assert load(environ=REQUIRED | written) == load(environ=REQUIRED)

    def test_each_missing_required_key_is_its_own_problem(self) -> None:
        problems = refused({})
        assert [key.split(" / ")[1] for key in problems] == list(REQUIRED)
        assert all(problem.startswith("is not set | ") for problem in problems.values())

    def test_each_key_says_what_it_means_in_one_line(self) -> None:
        for key in describe():
            assert re.fullmatch(r"[a-z].*[^.\s]", key.meaning), key.name
        assert {key.variable for key in describe() if key.required} == set(REQUIRED)

    def test_configuration_does_not_change_once_it_is_read(self) -> None:
        config = load(environ=REQUIRED)
        with pytest.raises(ValueError, match="frozen"):
            config.relay.read_pause = 1.0


class TestSources:
    def test_environment_beats_file_beats_credential_beats_toml(self, tmp_path: Path) -> None:
        path = toml(
            tmp_path,
            '[quickbooks]\nclient_id = "toml"\nclient_secret = "toml"\nrealm_id = "1"\n[alvys]\nclient_id = "toml"',
        )
        (tmp_path / "quickbooks_client_id").write_text("credential\n")
        (tmp_path / "quickbooks_client_secret").write_text("credential\n")
        (tmp_path / "quickbooks_realm_id").write_text("2\n")
        (tmp_path / "named").write_text("  named\n")
        environ = REQUIRED | {
            "CREDENTIALS_DIRECTORY": str(tmp_path),
            "LOADLEDGER_CONFIG": str(path),
            "LOADLEDGER_QUICKBOOKS_CLIENT_SECRET_FILE": str(tmp_path / "named"),
            "LOADLEDGER_QUICKBOOKS_CLIENT_ID": "environment",
        }
        del environ["LOADLEDGER_QUICKBOOKS_CLIENT_SECRET"]
        del environ["LOADLEDGER_QUICKBOOKS_REALM_ID"]
        del environ["LOADLEDGER_ALVYS_CLIENT_ID"]
        config = load(environ=environ)
        assert config.quickbooks.client_id == "environment"
        assert config.quickbooks.client_secret.get_secret_value() == "named"
        assert config.quickbooks.realm_id == "2"
        assert config.alvys.client_id == "toml"

    def test_given_path_beats_the_path_in_the_environment(self, tmp_path: Path) -> None:
        path = toml(tmp_path, 'home_currency = "CAD"')
        assert load(path, REQUIRED | {"LOADLEDGER_CONFIG": "/nonexistent"}).home_currency == "CAD"

    def test_tables_and_lists_come_from_the_environment_as_json(self) -> None:
        config = configured(mapping_revenue='{"Detention": "Accessorial"}', http_tokens=TOKEN, http_listen="0.0.0.0:80")
        assert config.mapping.revenue == {"Detention": "Accessorial"}
        assert config.http.tokens[0].role == "operator"

    def test_table_from_the_environment_replaces_the_one_from_toml(self, tmp_path: Path) -> None:
        path = toml(tmp_path, '[mapping.revenue]\nLumper = "Lumper"')
        environ = REQUIRED | {"LOADLEDGER_MAPPING_REVENUE": '{"Detention": "Accessorial"}'}
        assert load(path, environ).mapping.revenue == {"Detention": "Accessorial"}

    def test_empty_variable_is_an_unset_one(self, tmp_path: Path) -> None:
        path = toml(tmp_path, "[relay]\nread_pause = 7")
        assert load(path, REQUIRED | {"LOADLEDGER_RELAY_READ_PAUSE": ""}).relay.read_pause == 7

    def test_empty_variable_names_no_file(self) -> None:
        empty = variables({"config": "", "relay_read_pause_file": ""}) | {"CREDENTIALS_DIRECTORY": ""}
        assert load(environ=REQUIRED | empty) == load(environ=REQUIRED)

    def test_empty_credential_is_an_unset_one(self, tmp_path: Path) -> None:
        (tmp_path / "quickbooks_refresh_token").touch()
        assert load(environ=REQUIRED | {"CREDENTIALS_DIRECTORY": str(tmp_path)}).quickbooks.refresh_token is None

    def test_variables_of_the_command_line_are_not_taken_for_mistakes(self) -> None:
        load(environ=REQUIRED | {"LOADLEDGER_URL": "http://127.0.0.1:8321", "LOADLEDGER_TOKEN": "ll_x"})


class TestProblems:
    def test_every_problem_of_every_source_is_told_at_once(self, tmp_path: Path) -> None:
        path = toml(tmp_path, '[relay]\nread_pause = "soon"\nrounds = 1.5\n[http]\nlisten = "nowhere"')
        problems = refused(variables({"entity": "Blue Mesa", "relay_interval": "0", "nonsense": "1"}), path)
        assert {key.rpartition(" / ")[2] for key in problems} == {
            *REQUIRED,
            "LOADLEDGER_RELAY_READ_PAUSE",
            "LOADLEDGER_RELAY_ROUNDS",
            "LOADLEDGER_HTTP_LISTEN",
            "LOADLEDGER_RELAY_INTERVAL",
            "LOADLEDGER_NONSENSE",
        }

    def test_problem_names_the_key_both_ways_and_the_place_of_the_value(self, tmp_path: Path) -> None:
        path = toml(tmp_path, "[quickbooks]\nrealm_id = 9130350000000000")
        environ = {name: value for name, value in REQUIRED.items() if "REALM" not in name}
        told = refused(environ, path)["quickbooks.realm_id / LOADLEDGER_QUICKBOOKS_REALM_ID"]
        assert told == f"is not text in quotes (in {path}) | Give the company's id: digits, in quotes."

    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            ("relay_read_pause", "soon", "is not a duration"),
            ("relay_read_pause", "-5", "is not a duration"),
            ("relay_read_pause", "0s", "is not above 0"),
            ("relay_read_pause", "9" * 400, "is above"),
            ("first_date", "31.01.2026", "is not a date"),
            ("first_date", "86400", "is not a date"),
            ("alvys_timezone", "Mars/Olympus", "is not a time zone"),
            ("alvys_timezone", "America", "is not a time zone"),
            ("alvys_timezone", "/etc/passwd", "is not a time zone"),
            ("alvys_page_size", "201", "is above 200"),
            ("alvys_invoice_chunk", "51", "is above 50"),
            ("export_ignore_zero", "perhaps", "is neither true nor false"),
            ("relay_concurrency", "8.5", "is not a whole number"),
            ("relay_retry_cap", "1s", "is below relay.retry_base"),
            ("quickbooks_realm_id", "91-30", "is not written as it should be"),
            ("entity", "a" * 33, "is not written as it should be"),
            ("home_currency", "dollars", "is not written as it should be"),
            ("log_level", "loud", "is not 'debug', 'info', 'warning' or 'error'"),
            ("mapping_revenue", "{", "is not JSON"),
            ("mapping_revenue", '["Detention"]', "is not a table"),
            ("mapping_revenue", '{"Detention": "A", "DETENTION": "B"}', "names 'Detention' and 'DETENTION'"),
            ("mapping_expense", '{"Detention": " "}', "has a blank name"),
            ("http_tokens", "{}", "is not a list"),
            ("http_tokens", TOKEN[:-1] + "," + TOKEN[1:], "names someone twice"),
            ("relay_read_pause_file", "/nonexistent", "can't be read from /nonexistent"),
        ],
    )
    def test_value_that_cannot_be_is_told(self, name: str, value: str, told: str) -> None:
        problems = refused(REQUIRED | variables({name: value}))
        assert len(problems) == 1
        assert next(iter(problems.values())).startswith(told)

    @pytest.mark.parametrize(
        ("text", "about", "told"),
        [
            ("frist_date = 2026-01-01", "frist_date", "Did you mean first_date?"),
            ('realm_id = "1"', "realm_id", "Did you mean quickbooks.realm_id?"),
            ('[relay]\nrealm_id = "1"', "relay.realm_id", "Did you mean quickbooks.realm_id?"),
            ("[web]\nx = 1", "web", "Remove it."),
            ('_env_file = "/etc/passwd"', "_env_file", "is not a key"),
            ("http = 80", "http", "Write [http] on a line of its own"),
            ("[relay]\nread_pause = true", "relay.read_pause / LOADLEDGER_RELAY_READ_PAUSE", "is not a duration"),
            ("[relay]\nrounds = true", "relay.rounds / LOADLEDGER_RELAY_ROUNDS", "is not a whole number"),
            (f"[relay]\nread_pause = {10**400}", "relay.read_pause / LOADLEDGER_RELAY_READ_PAUSE", ""),
            ("first_date = 2026-01-01T00:00:00Z", "first_date / LOADLEDGER_FIRST_DATE", "is not a date"),
        ],
    )
    def test_toml_that_means_nothing_is_told(self, tmp_path: Path, text: str, about: str, told: str) -> None:
        environ = {name: value for name, value in REQUIRED.items() if "FIRST_DATE" not in name or "first_" not in text}
        problems = refused(environ, toml(tmp_path, text))
        assert list(problems) == [about]
        assert told in problems[about]

    def test_unknown_variable_is_told_with_the_nearest_name(self) -> None:
        problems = refused(REQUIRED | variables({"quickbooks_realm": "1", "realm_id": "1"}))
        assert problems == {
            "LOADLEDGER_QUICKBOOKS_REALM": "is not a setting | Did you mean LOADLEDGER_QUICKBOOKS_REALM_ID?",
            "LOADLEDGER_REALM_ID": "is not a setting | Did you mean LOADLEDGER_QUICKBOOKS_REALM_ID?",
        }

    def test_value_given_directly_and_by_file_is_a_problem(self, tmp_path: Path) -> None:
        (tmp_path / "read_pause").write_text("60")
        problems = refused(
            REQUIRED | variables({"relay_read_pause": "60", "relay_read_pause_file": str(tmp_path / "read_pause")})
        )
        assert problems["relay.read_pause / LOADLEDGER_RELAY_READ_PAUSE"].startswith("is set twice in the environment")

    def test_empty_file_is_told_once_and_not_as_missing_too(self, tmp_path: Path) -> None:
        (tmp_path / "empty").write_text("\n")
        environ = {name: value for name, value in REQUIRED.items() if "REALM" not in name}
        problems = refused(environ | variables({"quickbooks_realm_id_file": str(tmp_path / "empty")}))
        assert [told.partition(",")[0] for told in problems.values()] == ["comes from an empty file"]

    def test_file_that_is_not_text_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
        problems = refused(REQUIRED | variables({"relay_read_pause_file": str(tmp_path / "binary")}))
        assert "is not UTF-8 text" in problems["relay.read_pause / LOADLEDGER_RELAY_READ_PAUSE"]

    def test_absent_toml_file_is_told_without_asking_for_what_may_be_in_it(self, tmp_path: Path) -> None:
        problems = refused({"LOADLEDGER_CONFIG": str(tmp_path / "absent.toml"), "LOADLEDGER_RELAY_READ_PAUSE": "soon"})
        assert list(problems) == [str(tmp_path / "absent.toml"), "relay.read_pause / LOADLEDGER_RELAY_READ_PAUSE"]
        assert "No such file" in problems[str(tmp_path / "absent.toml")]

    @pytest.mark.parametrize(
        ("content", "told"),
        [(b"entity = 'x'\nread_pause = soon", "line 2"), (b"entity = '\xff'", "is not UTF-8 text")],
    )
    def test_toml_that_cannot_be_read_is_told_with_its_line(self, tmp_path: Path, content: bytes, told: str) -> None:
        path = tmp_path / "entity.toml"
        path.write_bytes(content)
        problems = refused({}, path)
        assert list(problems) == [str(path)]
        assert told in problems[str(path)]


class TestValues:
    @pytest.mark.parametrize(
        ("written", "seconds"),
        [("90", 90), ("0.5", 0.5), ("250ms", 0.25), ("180s", 180), ("5m", 300), ("1h", 3600), ("2d", 172800)],
    )
    def test_duration_is_seconds_or_carries_its_unit(self, written: str, seconds: float) -> None:
        assert configured(relay_read_pause=written).relay.read_pause == seconds

    def test_quiet_period_may_be_nothing(self) -> None:
        assert configured(relay_quiet_period="0").relay.quiet_period == 0

    @pytest.mark.parametrize(
        ("listen", "host", "port"),
        [
            ("127.0.0.1:0", "127.0.0.1", 0),
            ("[::1]:8321", "::1", 8321),
            ("localhost:80", "localhost", 80),
            ("127.9.9.9:1", "127.9.9.9", 1),
        ],
    )
    def test_loopback_needs_no_token(self, listen: str, host: str, port: int) -> None:
        http = configured(http_listen=listen).http
        assert (http.host, http.port) == (host, port)

    @pytest.mark.parametrize(
        "listen", ["0.0.0.0:8321", "[::]:8321", "10.0.0.5:8321", "ledger.example:8321", "128.0.0.1:1"]
    )
    def test_address_others_can_reach_needs_a_token(self, listen: str) -> None:
        problems = refused(REQUIRED | variables({"http_listen": listen}))
        assert "loadledger token NAME --role operator" in problems["http.tokens / LOADLEDGER_HTTP_TOKENS"]
        assert configured(http_listen=listen, http_tokens=TOKEN).http.port

    @pytest.mark.parametrize(
        "listen", [":8321", "127.0.0.1", "::1:8321", "127.0.0.1:99999", "a/b:1", "a b:1", "x@127.0.0.1:1"]
    )
    def test_listen_address_has_host_and_port(self, listen: str) -> None:
        problems = refused(REQUIRED | variables({"http_listen": listen}))
        assert problems["http.listen / LOADLEDGER_HTTP_LISTEN"].startswith("is not host:port")

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:8080", "http://[::1]:1/x", "http://localhost", "https://api.example/v3"]
    )
    def test_secrets_travel_encrypted_or_stay_on_this_machine(self, url: str) -> None:
        assert configured(quickbooks_api_url=url).quickbooks.api_url == url

    @pytest.mark.parametrize("url", ["http://api.example", "http://127.0.0.1.example", "http://10.0.0.1:80"])
    def test_unencrypted_address_elsewhere_is_refused(self, url: str) -> None:
        problems = refused(REQUIRED | variables({"alvys_token_url": url}))
        assert problems["alvys.token_url / LOADLEDGER_ALVYS_TOKEN_URL"].startswith("would send secrets unencrypted")

    @pytest.mark.parametrize(
        "url",
        [
            "api.example",
            "ftp://a.example",
            "https://",
            "https://a:b@c.example",
            "https://a.example?b",
            "https://a.example:0",
        ],
    )
    def test_what_is_no_web_address_is_refused(self, url: str) -> None:
        problems = refused(REQUIRED | variables({"alvys_api_url": url}))
        assert problems["alvys.api_url / LOADLEDGER_ALVYS_API_URL"].startswith("is not a web address")

    def test_time_zone_is_one_this_machine_knows(self) -> None:
        assert configured(alvys_timezone="America/Chicago").alvys.timezone == ZoneInfo("America/Chicago")


class TestSecrets:
    SECRETS = ("alvys-secret", "quickbooks-secret", "refresh-secret")

    def test_secrets_are_all_there_for_the_mask(self) -> None:
        assert configured(quickbooks_refresh_token="refresh-secret").secrets() == set(self.SECRETS)
        assert load(environ=REQUIRED).secrets() == set(self.SECRETS[:2])

    def test_secrets_show_nowhere_else(self) -> None:
        config = configured(quickbooks_refresh_token="refresh-secret")
        shown = f"{config!r} {config} {config.model_dump()} {config.model_dump_json()}"
        assert not any(secret in shown for secret in self.SECRETS)

    def test_secrets_are_marked_in_the_description(self) -> None:
        assert {key.name for key in describe() if key.secret} == {
            "alvys.client_secret",
            "quickbooks.client_secret",
            "quickbooks.refresh_token",
        }

    @pytest.mark.parametrize(
        "written",
        [
            "[quickbooks]\nclient_secret = ['hunter2']",
            "[quickbooks]\nclient_secret = hunter2",
            "[quickbooks]\nclient_secrte = 'hunter2'",
            "[http]\ntokens = [{name = 'a', role = 'viewer', hash = 'hunter2'}]",
            "[http]\ntokens = [{name = 'a', role = 'viewer', token = 'hunter2'}]",
            "[http]\ntokens = 'hunter2'",
            "quickbooks = 'hunter2'",
        ],
    )
    def test_secret_in_the_wrong_place_stays_out_of_the_error(self, tmp_path: Path, written: str) -> None:
        environ = {name: value for name, value in REQUIRED.items() if "QUICKBOOKS_CLIENT_SECRET" not in name}
        with pytest.raises(ConfigError) as caught:
            load(toml(tmp_path, written), environ)
        assert "hunter2" not in everything_raised(caught.value)


def everything_raised(error: BaseException | None) -> str:
    """Return all that a traceback, however careless, could show of an error and of those behind it."""
    shown: list[Any] = []
    while error is not None:
        shown += [str(error), repr(error), error.args]
        error = error.__cause__ or error.__context__
    return str(shown)


class TestSegmentsAndFields:
    def test_one_dimension_each(self) -> None:
        both = configured(segments_subsidiaries="location", segments_fleets="class")
        assert (both.segments.subsidiaries, both.segments.fleets, both.segments.class_on) == (
            "location",
            "class",
            "line",
        )

    @pytest.mark.parametrize("dimension", ["class", "location"])
    def test_both_at_once_to_one_dimension_are_refused(self, dimension: str) -> None:
        given = {"segments_subsidiaries": dimension, "segments_fleets": dimension}
        [told] = refused(REQUIRED | variables(given)).items()
        assert told[0] == "segments.fleets / LOADLEDGER_SEGMENTS_FLEETS"
        assert told[1].startswith(f"is '{dimension}', which segments.subsidiaries is too")

    @pytest.mark.parametrize(("names", "of"), [("subsidiary_names", "subsidiaries"), ("fleet_names", "fleets")])
    def test_names_of_what_becomes_nothing_are_refused(self, names: str, of: str) -> None:
        told = refused(REQUIRED | variables({f"segments_{names}": '{"A": "B"}'}))
        assert told[f"segments.{names} / LOADLEDGER_SEGMENTS_{names.upper()}"].startswith(
            f"is of no use without segments.{of}"
        )
        chosen = configured(**{f"segments_{names}": '{"A": "B"}', f"segments_{of}": "class"}).segments
        assert getattr(chosen, names) == {"A": "B"}

    def test_label_fits_a_custom_field_and_stands_for_one_thing(self) -> None:
        told = refused(REQUIRED | variables({"fields_order_number": "x" * 31}))
        assert "is longer than 30 characters" in told["fields.order_number / LOADLEDGER_FIELDS_ORDER_NUMBER"]
        told = refused(REQUIRED | variables({"fields_order_number": "#", "fields_po_number": "#"}))
        assert [*told] == ["fields.po_number / LOADLEDGER_FIELDS_PO_NUMBER"]


class TestExportRules:
    CLASHES = (
        ("pay_subsidiary_carrier", "ignore_driver_bills"),
        ("single_driver_bill", "ignore_driver_bills"),
        ("single_driver_bill", "pay_subsidiary_carrier"),
        ("by_tax_category", "ignore_driver_bills"),
        ("by_tax_category", "pay_subsidiary_carrier"),
        ("tax_company_vendor", "ignore_driver_bills"),
        ("tax_company_vendor", "pay_subsidiary_carrier"),
    )
    NEEDS = (("by_tax_category", "single_driver_bill"), ("tax_company_vendor", "single_driver_bill"))

    @pytest.mark.parametrize(("one", "other"), CLASHES)
    def test_settings_that_exclude_each_other_are_refused(self, one: str, other: str) -> None:
        told = refused(REQUIRED | variables({f"export_{one}": "true", f"export_{other}": "true"}))
        assert f"does not go with export.{other}" in told[f"export.{one} / LOADLEDGER_EXPORT_{one.upper()}"]

    @pytest.mark.parametrize(("one", "other"), NEEDS)
    def test_settings_that_need_another_are_refused_alone(self, one: str, other: str) -> None:
        told = refused(REQUIRED | variables({f"export_{one}": "true"}))
        assert f"without export.{other}" in told[f"export.{one} / LOADLEDGER_EXPORT_{one.upper()}"]

    def test_all_that_does_not_go_together_is_told_at_once(self) -> None:
        wrong = ("ignore_driver_bills", "pay_subsidiary_carrier", "single_driver_bill", "tax_company_vendor")
        told = refused(REQUIRED | variables({f"export_{each}": "true" for each in wrong}))
        assert len(told) == len(wrong) - 1

    def test_payments_are_of_no_use_without_invoices(self) -> None:
        told = refused(REQUIRED | variables({"export_customer_payments": "true", "export_revenue": "false"}))
        assert [*told] == ["export.customer_payments / LOADLEDGER_EXPORT_CUSTOMER_PAYMENTS"]

    def test_payments_need_the_account_they_go_to(self) -> None:
        told = refused(REQUIRED | variables({"export_customer_payments": "true"}))
        [problem] = told.values()
        assert [*told] == ["mapping.deposit_account / LOADLEDGER_MAPPING_DEPOSIT_ACCOUNT"]
        assert problem.startswith("is not set, and export.customer_payments is on | Name the bank account")
        given = configured(export_customer_payments="true", mapping_deposit_account="Checking")
        assert given.mapping.deposit_account == "Checking"

    @pytest.mark.parametrize("alone", ["single_driver_bill", "carrier_statements", "company_fuel", "shared_billing"])
    def test_settings_reach_the_rules_by_their_names(self, alone: str) -> None:
        chosen = configured(**{f"export_{alone}": "true"}).export.rules()
        assert chosen == load(environ=REQUIRED).export.rules() | {alone: True}

    def test_carriers_are_billed_with_the_invoice_unless_the_release_is_chosen(self) -> None:
        assert load(environ=REQUIRED).export.carrier_bill_on == "invoice"
        assert configured(export_carrier_bill_on="release").export.rules()["carrier_bill_on"] == "release"
