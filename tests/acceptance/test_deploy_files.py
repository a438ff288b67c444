"""The unit, the container and the examples, exercised as far as one machine can."""

import http.server
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from adapters.sandbox.quickbooks import Company, QuickBooksSandbox, seed_company
from engine.config import Key, describe, load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNIT = (DEPLOY / "loadledger@.service").read_text(encoding="utf-8")
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
ENVIRONMENT = (DEPLOY / "environment.example").read_text(encoding="utf-8")
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
SECRETS = {key.variable: "secret" for key in describe() if key.secret}
KEYS = {key.variable: key for key in describe()}

ANALYZE = shutil.which("systemd-analyze") or ""
systemd = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed")


class TestUnit:
    @pytest.fixture
    def instance(self, tmp_path: Path) -> Path:
        """The unit as systemd would see it for one entity, on a machine where the program exists."""
        path = tmp_path / "loadledger@blue-mesa.service"
        path.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", UNIT, flags=re.MULTILINE))
        return path

    def analyze(self, *arguments: str) -> str:
        done = subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @systemd
    def test_systemd_accepts_it_without_a_word(self, instance: Path) -> None:
        assert self.analyze("verify", "--man=no", str(instance)) == ""

    @systemd
    def test_little_of_the_machine_is_exposed(self, instance: Path) -> None:
        said = self.analyze("security", "--offline=yes", "--threshold=15", "--no-pager", str(instance))
        assert "Overall exposure level" in said

    def test_it_runs_a_command_that_exists(self) -> None:
        program, command = settings("ExecStart")[0].split()
        assert Path(program).name in SCRIPTS
        assert command == "run"

    def test_each_credential_is_a_secret_of_the_configuration(self) -> None:
        handed_over = dict(each.split(":") for each in settings("LoadCredential"))
        assert handed_over == {key.credential: f"loadledger.%i.{key.credential}" for key in describe() if key.secret}

    def test_neither_wrong_configuration_nor_a_lost_store_is_tried_again(self) -> None:
        assert settings("Restart") == ["on-failure"]
        assert settings("RestartPreventExitStatus") == ["2 3"]

    def test_the_database_is_where_the_unit_may_write(self) -> None:
        database = next(key for key in describe() if key.name == "database")
        assert settings("StateDirectory") == ["loadledger"]
        assert database.default == "/var/lib/loadledger/<entity>.db"


def settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


class TestContainer:
    INSTRUCTIONS = tuple(
        (word, " ".join(rest.split()))
        for word, rest in re.findall(
            r"^([A-Z]+) (.+)$",
            re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE)),
            re.MULTILINE,
        )
    )

    def all(self, word: str) -> list[str]:
        return [rest for each, rest in self.INSTRUCTIONS if each == word]

    def test_every_line_is_an_instruction(self) -> None:
        known = {
            "FROM",
            "WORKDIR",
            "COPY",
            "RUN",
            "ENV",
            "USER",
            "VOLUME",
            "EXPOSE",
            "STOPSIGNAL",
            "HEALTHCHECK",
            "ENTRYPOINT",
            "CMD",
        }
        logical = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE)).splitlines()
        assert len([line for line in logical if line.strip()]) == len(self.INSTRUCTIONS)
        assert {word for word, _ in self.INSTRUCTIONS} <= known

    def test_each_file_copied_exists(self) -> None:
        copied = [words[:-1] for rest in self.all("COPY") if not (words := rest.split())[0].startswith("--from")]
        assert copied
        for source in (ROOT / name for names in copied for name in names):
            assert source.exists(), source

    def test_each_package_of_the_program_is_copied(self) -> None:
        wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
        assert {f"{package} {package}" for package in wheel["packages"]} <= set(self.all("COPY"))

    def test_images_are_named_without_a_host_and_for_the_python_we_support(self) -> None:
        assert {image.split()[0] for image in self.all("FROM")} == {"python:3.11-slim-bookworm"}

    def test_what_is_installed_from_elsewhere_is_locked(self) -> None:
        installs = [
            step for run in self.all("RUN") for step in run.split("&&") if "pip install" in step or "pip wheel" in step
        ]
        assert installs
        for step in installs:
            assert "--require-hashes" in step or "--no-index" in step or "--no-build-isolation --" in step, step
            assert "--require-hashes" in step or "--no-deps" in step, step

    def test_it_does_not_run_as_root_and_stops_on_the_signal_the_daemon_knows(self) -> None:
        (user,) = self.all("USER")
        assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
        assert f"--uid {user.partition(':')[0]} " in CONTAINERFILE
        assert self.all("STOPSIGNAL") == ["SIGTERM"]

    def test_it_runs_a_command_that_exists(self) -> None:
        (entry,), (command,) = self.all("ENTRYPOINT"), self.all("CMD")
        assert msgspec.json.decode(entry, type=list[str])[0] in SCRIPTS
        assert msgspec.json.decode(command) == ["run"]

    @pytest.mark.parametrize(
        ("status", "healthy"), [(HTTPStatus.OK, True), (HTTPStatus.SERVICE_UNAVAILABLE, False), (None, False)]
    )
    def test_its_health_is_that_of_the_daemon(self, status: HTTPStatus | None, *, healthy: bool) -> None:
        command = msgspec.json.decode(self.all("HEALTHCHECK")[0].partition(" CMD ")[2], type=list[str])
        assert command[:2] == ["python", "-c"]
        with listening(status) as (port, asked):
            code = command[2].replace("8321", str(port))
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=False)
        assert (done.returncode == 0) is healthy
        assert asked == ([] if status is None else ["/healthz"])


@contextmanager
def listening(status: HTTPStatus | None) -> Iterator[tuple[int, list[str]]]:
    """Answer every request on a loopback port with `status`; without one, leave the port closed."""
    asked: list[str] = []

    class Daemon(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status or HTTPStatus.OK)
            self.end_headers()

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Daemon)
    port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    if status is None:
        server.server_close()
    else:
        thread.start()
    try:
        yield port, asked
    finally:
        if status is not None:
            server.shutdown()
            thread.join()
            server.server_close()


class TestEnvironmentExample:
    LINES = tuple(re.findall(r"# (.+)\n(#?)(LOADLEDGER_\w+)=(.*)\n", ENVIRONMENT))

    def set_values(self, *, commented: bool) -> dict[str, str]:
        values = {
            name: shlex.split(value)[0] if value else "" for _, mark, name, value in self.LINES if commented or not mark
        }
        return {name: value or SECRETS.get(name, "") for name, value in values.items() if name != "LOADLEDGER_CONFIG"}

    def test_it_loads_once_the_secrets_are_filled_in(self) -> None:
        config = load(environ=self.set_values(commented=False))
        assert config.entity == "blue-mesa"

    def test_every_key_is_there_with_its_meaning_and_default(self) -> None:
        shown = {
            name: (meaning, mark, value) for meaning, mark, name, value in self.LINES if name != "LOADLEDGER_CONFIG"
        }
        assert list(shown) == list(KEYS)
        for name, (meaning, mark, value) in shown.items():
            key = KEYS[name]
            assert meaning == f"{key.meaning[0].upper()}{key.meaning[1:]}."
            assert bool(mark) is not key.required
            assert key.required or value == written(key)

    def test_no_secret_stands_in_it(self) -> None:
        assert {value for _, _, name, value in self.LINES if name in SECRETS} == {""}


def written(key: Key) -> str:
    return (key.default or "").replace("<entity>", "blue-mesa")


class TestExampleToml:
    TEXT = (DEPLOY / "example.toml").read_text(encoding="utf-8")
    UNCOMMENTED = re.sub(r"^# (?=\w+ = |\[\[)", "", TEXT, flags=re.MULTILINE)

    def test_it_loads_once_the_secrets_are_filled_in(self) -> None:
        config = load(DEPLOY / "example.toml", SECRETS)
        assert config.mapping.revenue["linehaul"] == "Linehaul"

    def test_it_still_loads_with_every_line_uncommented(self, tmp_path: Path) -> None:
        path = tmp_path / "all.toml"
        path.write_text(self.UNCOMMENTED, encoding="utf-8")
        config = load(path, SECRETS)
        assert config.http.tokens[0].name == "ana"
        assert config.model_copy(update={"http": None}) == load(DEPLOY / "example.toml", SECRETS).model_copy(
            update={"http": None}
        )

    def test_every_key_but_the_secrets_is_there(self) -> None:
        tables = tomllib.loads(self.UNCOMMENTED)
        shown = {
            key if not isinstance(value, dict) else f"{key}.{inner}"
            for key, value in tables.items()
            for inner in (value if isinstance(value, dict) else [""])
        }
        assert shown == {key.name for key in describe() if not key.secret}

    def test_its_mapping_fits_a_brokers_chart_of_accounts(self) -> None:
        company: Company = QuickBooksSandbox().company
        seed_company(company)
        mapping = load(DEPLOY / "example.toml", SECRETS).mapping
        accounts = {account["Name"] for account in company.all("Account")}
        assert set(mapping.revenue.values()) <= {item["Name"] for item in company.all("Item")}
        assert {*mapping.expense.values(), mapping.payable_account} <= accounts


class TestPresets:
    """The settings that the TMS's vendor recommends to carriers and to brokers, each as a file to begin with."""

    RULES = (
        ("carrier", {"single_driver_bill", "company_fuel", "company_toll", "customer_payments"}),
        ("broker", {"separate_carrier_invoice"}),
    )

    @pytest.mark.parametrize(("name", "chosen"), RULES)
    def test_it_loads_and_chooses_what_is_recommended(self, name: str, chosen: set[str]) -> None:
        config, plain = load(DEPLOY / f"{name}.toml", SECRETS), load(DEPLOY / "example.toml", SECRETS)
        assert (config.export.revenue, config.export.expense) == (True, True)
        differing = {key for key, value in config.export if value != dict(plain.export)[key]}
        assert differing == chosen

    @pytest.mark.parametrize("name", ["carrier", "broker"])
    def test_its_mapping_fits_the_chart_of_accounts(self, name: str) -> None:
        company: Company = QuickBooksSandbox().company
        seed_company(company)
        mapping = load(DEPLOY / f"{name}.toml", SECRETS).mapping
        accounts = {account["Name"] for account in company.all("Account")}
        items = {item["Name"] for item in company.all("Item")}
        assert set(mapping.revenue.values()) <= items | accounts
        booked = {*mapping.expense.values(), *mapping.liability.values(), mapping.payable_account}
        assert booked | {mapping.deposit_account} - {None} <= accounts
