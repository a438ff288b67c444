"""One company in the server: its books, its connection to the app, and what the gateway remembers of its calls."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from adapters.sandbox.quickbooks.books import Books
from adapters.sandbox.quickbooks.clock import Clock
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.disruption import Disruptions
from adapters.sandbox.quickbooks.journal import Journal
from adapters.sandbox.quickbooks.repeats import Repeats
from adapters.sandbox.quickbooks.service import EntityService
from adapters.sandbox.quickbooks.switches import Limits, Switches
from adapters.sandbox.quickbooks.tokens import Tokens
from adapters.sandbox.quickbooks.traffic import Log, Meter, Throttle


@dataclass(frozen=True)
class Workspace:
    """What all companies of one developer share: the clock, the limits, the meter, the log, the armed faults."""

    limits: Limits
    clock: Clock
    seed: int
    random: Random
    disruptions: Disruptions
    log: Log
    meter: Meter


class Realm:
    """A company as the server keeps it.

    With a `file`, books, tokens and request ids outlive the process; `resumed` says that some were found there.
    """

    def __init__(
        self, realm_id: str, workspace: Workspace, *, refresh_token: str, switches: Switches, file: Path | None
    ) -> None:
        clock, limits = workspace.clock, workspace.limits
        journal = Journal(file) if file is not None else None
        books = Books(journal)
        self.tokens = Tokens(
            refresh_token, limits=limits, clock=clock, seed=workspace.seed, owner=realm_id, journal=journal
        )
        self.repeats = Repeats(clock, journal)
        self.resumed = _replay(journal, books, self.tokens, self.repeats) if journal is not None else False
        self.company = Company(realm_id, switches=switches, clock=clock, books=books)
        self.throttle = Throttle(limits)
        self.service = EntityService(
            self.company,
            limits=limits,
            repeats=self.repeats,
            meter=workspace.meter,
            log=workspace.log,
            disruptions=workspace.disruptions,
            random=workspace.random,
        )

    def connect(self) -> str:
        """Give the app a new consent, as an administrator does in the browser, and return its refresh token."""
        return self.tokens.connect()

    def disconnect(self) -> None:
        """Disconnect the app, as an administrator does under Apps: every token is revoked."""
        self.tokens.revoke()

    def expire_access_tokens(self) -> None:
        """Let the access tokens end now; the refresh token stays good."""
        self.tokens.expire_access()

    def reset_company(self) -> None:
        """Wipe the company's books; every later call gets fault 10200."""
        self.company.reset()


def _replay(journal: Journal, books: Books, tokens: Tokens, repeats: Repeats) -> bool:
    """Take over what an earlier process wrote, and say whether there was anything."""
    sinks = {"books": books.replay, "tokens": tokens.replay, "request": repeats.replay}
    found = False
    for record in journal.replay():
        found = True
        for subject, content in record.items():
            sinks[subject](content)
    return found
