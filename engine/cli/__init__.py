"""The command line.

Exit codes: 0 done, 1 refused or failed, 2 the configuration or the command is wrong, 3 the store needs a person.
"""

import click

from engine.cli import backfill, daemon, leaving, preview, transactions


@click.group()
@click.version_option(package_name="loadledger")
def main() -> None:
    """Keep a trucking TMS and QuickBooks Online in agreement: invoices and bills out, payment status back."""


for module in (daemon, transactions, preview, leaving, backfill):
    for command in module.COMMANDS:
        main.add_command(command)
