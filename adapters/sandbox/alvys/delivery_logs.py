"""The delivery logs of webhooks: listed, exported, and added up."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.routing import Asked, Reply, Route
from adapters.sandbox.alvys.wire import Json, Problem, read_instant, write_instant

DEFAULT_PAGE, LARGEST_PAGE = 50, 100
PERIODS = (1, 7, 30)

DETAIL = (
    "Id",
    "EventId",
    "EventType",
    "Status",
    "HttpStatusCode",
    "HttpMethod",
    "DurationMs",
    "AttemptNumber",
    "Timestamp",
    "EventTimestamp",
    "ConsumerUrl",
    "ResponseBody",
    "ErrorMessage",
    "EntityType",
    "EntityId",
)
LISTED = tuple(
    name for name in DETAIL if name not in {"HttpMethod", "EventTimestamp", "ResponseBody", "EntityType", "EntityId"}
)

HEALTH: Mapping[str, str] = {
    "Success": "SuccessCount",
    "Failed": "FailureCount",
    "Timeout": "TimeoutCount",
    "Skipped": "SkippedCount",
}
"""The status of an attempt, and what counts it."""


class DeliveryLogs:
    """The endpoints of the delivery logs."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def routes(self) -> list[Route]:
        """List the endpoints."""
        logs = "webhooks/{webhookId}/delivery-logs"
        return [
            Route("GET", f"{logs}/export", self.export_logs),
            Route("GET", logs, self.list_logs),
            Route("GET", f"{logs}/{{logId}}", self.read_log),
            Route("GET", "webhooks/{webhookId}/health", self.health),
        ]

    def list_logs(self, asked: Asked) -> Reply:
        """List attempts, the newest first. Raises a 400 or 404 `Problem`."""
        return Reply(page_of(asked, [{name: each[name] for name in LISTED} for each in self._logs(asked)]))

    def read_log(self, asked: Asked) -> Reply:
        """Show all about one attempt. Raises a 404 `Problem`."""
        found = [each for each in self._logs(asked) if each["Id"] == asked.match["logId"]]
        if not found:
            raise Problem(404, "no such delivery log")
        return Reply({name: found[0][name] for name in DETAIL})

    def export_logs(self, asked: Asked) -> Reply:
        """Answer with the attempts up to a page's last, as JSON or CSV. Raises a 400 or 404 `Problem`."""
        page, size = _paging(asked)
        rows = [{name: each[name] for name in LISTED} for each in self._logs(asked)][: (page + 1) * size]
        if asked.query.get("Format", "json").lower() != "csv":
            return Reply(rows)
        cells = [LISTED, *([row[name] for name in LISTED] for row in rows)]
        return Reply("".join(",".join(_cell(value) for value in row) + "\r\n" for row in cells), media="text/csv")

    def health(self, asked: Asked) -> Reply:
        """Add up the attempts of the last 1, 7 or 30 days. Raises a 400 or 404 `Problem`."""
        webhook = self.books.known("webhooks", asked.match["webhookId"])
        days = asked.query.get("Days", "7")
        if days not in {f"{period}" for period in PERIODS}:
            raise Problem.of({"Days": [f"Days must be one of: {', '.join(map(str, PERIODS))}."]})
        now = self.books.clock()
        start = now - timedelta(days=int(days))
        logs = [each for each in self._logs(asked) if read_instant(each["Timestamp"]) >= start]
        count = {name: sum(each["Status"] == name for each in logs) for name in HEALTH}
        durations = [each["DurationMs"] for each in logs if each["Status"] != "Skipped"] or [0]
        last = {name: logs[0][name] for name in ("Timestamp", "Status", "EventType")} if logs else None
        metrics = {
            "TotalAttempts": len(logs),
            **{field: count[name] for name, field in HEALTH.items()},
            "SuccessRate": round(100 * count["Success"] / len(logs), 2) if logs else 0,
            "AvgDurationMs": round(sum(durations) / len(durations), 2),
            "MaxDurationMs": max(durations),
        }
        return Reply(
            {
                "WebhookId": webhook["Id"],
                "WebhookName": webhook["Name"],
                "Period": {"Days": int(days), "StartDate": write_instant(start), "EndDate": write_instant(now)},
                "Metrics": metrics,
                **({"LastDelivery": last} if last else {}),
                "ConsecutiveFailures": webhook["ConsecutiveFailures"],
                "Status": webhook["Status"],
            }
        )

    def _logs(self, asked: Asked) -> Sequence[Json]:
        """Return the attempts that fit the query, the newest first."""
        webhook, query = self.books.known("webhooks", asked.match["webhookId"]), asked.query
        wanted = {name: set(query.getall(name, [])) for name in ("Status", "EventType")}
        try:
            start, end = (read_instant(query[name]) if name in query else None for name in ("StartDate", "EndDate"))
        except ValueError as wrong:
            raise Problem.of({"StartDate": [str(wrong)]}) from wrong
        return [
            each
            for each in reversed(self.books.owned("deliveries", webhook["Id"]))
            if all(not values or each[name] in values for name, values in wanted.items())
            and (start is None or start <= read_instant(each["Timestamp"]))
            and (end is None or read_instant(each["Timestamp"]) <= end)
        ]


def _paging(asked: Asked) -> tuple[int, int]:
    try:
        page, size = int(asked.query.get("Page", "0")), int(asked.query.get("PageSize", f"{DEFAULT_PAGE}"))
    except ValueError as wrong:
        raise Problem.of({"Page": [str(wrong)]}) from wrong
    if page < 0 or not 0 < size <= LARGEST_PAGE:
        raise Problem.of({"PageSize": [f"Page must be 0 or more, PageSize between 1 and {LARGEST_PAGE}."]})
    return page, size


def page_of(asked: Asked, things: Sequence[Json]) -> Json:
    """Return the page a query asks for, in the vendor's envelope. Raises a 400 `Problem`."""
    page, size = _paging(asked)
    items = list(things[page * size : (page + 1) * size])
    return {"Page": page, "PageSize": size, "Total": len(things), "Items": items}


def _cell(value: object) -> str:
    text = "" if value is None else f"{value}"
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text
