-- The first schema. Instants are microseconds since 1970 UTC, money is minor units, JSON is text.

CREATE TABLE legal_entity (
    id       INTEGER PRIMARY KEY CHECK (id = 1),   -- one store, one legal entity, one company
    name     TEXT NOT NULL,
    company  TEXT NOT NULL,
    auto     INTEGER NOT NULL DEFAULT 1,           -- 0: what accounting does not hold yet waits for its release
    attaches TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(attaches))  -- kinds whose documents get files of the TMS
) STRICT;

CREATE TABLE runs (
    epoch       INTEGER PRIMARY KEY,               -- counts the owners of this store, one after the other
    started_at  INTEGER NOT NULL,
    stopped_at  INTEGER                            -- absent: it still runs, or it did not stop cleanly
) STRICT;

CREATE TABLE transactions (
    id                INTEGER PRIMARY KEY,
    kind              TEXT    NOT NULL CHECK (kind IN (
                          'customer_invoice', 'summary_invoice', 'intercompany_invoice', 'carrier_bill',
                          'carrier_credit', 'carrier_statement', 'carrier_statement_credit', 'subsidiary_bill',
                          'intercompany_bill', 'driver_bill', 'driver_statement', 'driver_statement_credit',
                          'driver_addition', 'driver_deduction', 'fuel_bill', 'fuel_credit',
                          'toll_bill', 'toll_credit', 'customer_payment')),
    document_type     TEXT    NOT NULL CHECK (document_type IN ('invoice', 'bill', 'vendor_credit', 'payment')),  -- follows from kind
    source_id         TEXT    NOT NULL,
    label             TEXT    NOT NULL,
    state             TEXT    NOT NULL CHECK (state IN ('pending', 'exported', 'error', 'reverted', 'paid')),
    version           INTEGER NOT NULL CHECK (version >= 1),
    generation        INTEGER NOT NULL CHECK (generation >= 1),
    revision          INTEGER NOT NULL CHECK (revision >= 1),
    content           TEXT    CHECK (content IS NULL OR json_valid(content)),
    digest            TEXT    NOT NULL,
    issued_on         TEXT    CHECK (issued_on IS date(issued_on)),     -- as the TMS dates the document
    party             TEXT    NOT NULL DEFAULT '',
    number            TEXT    NOT NULL DEFAULT '',
    currency          TEXT,
    total             INTEGER,
    paid              INTEGER,
    document_id       TEXT,
    document_number   TEXT,
    document_version  TEXT,
    problem           TEXT    CHECK (problem IS NULL OR json_valid(problem)),
    problem_code      TEXT,
    held              TEXT    CHECK (held IS NULL OR json_valid(held)),  -- what the TMS says now, while the state allows no change
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    UNIQUE (kind, source_id),
    CHECK ((total IS NULL) = (currency IS NULL)),
    CHECK ((document_id IS NULL) = (document_version IS NULL)),
    CHECK (state <> 'error' OR problem IS NOT NULL)
) STRICT;

CREATE INDEX transactions_by_state ON transactions (state, kind, id);
CREATE INDEX transactions_by_day ON transactions (kind, issued_on) WHERE kind NOT IN ('customer_invoice', 'carrier_bill');
CREATE INDEX payments_by_invoice ON transactions (content ->> '$.settles.source_id') WHERE kind = 'customer_payment';
CREATE UNIQUE INDEX transactions_by_document ON transactions (document_type, document_id) WHERE document_id IS NOT NULL;

-- Transactions as they are read, in the order of their fields: with whether a request has left and its outcome is not known.
-- What lists are searched by comes last.
CREATE VIEW ledger AS
SELECT id, kind, source_id, label, state, version, generation, revision, content, digest, currency, total, paid,
       document_id, document_number, document_version, problem, held, created_at, updated_at,
       EXISTS (SELECT 1 FROM messages m
               WHERE m.transaction_id = t.id AND m.lane = 'accounting' AND m.phase IN ('sent', 'in_doubt')) AS in_flight,
       document_type, issued_on, party, number, problem_code
FROM transactions t;

-- How many transactions stand alike, kept with every move: counting a million rows would hold up the writer.
CREATE TABLE tallies (
    kind          TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    problem_code  TEXT    NOT NULL,                 -- empty: none
    currency      TEXT    NOT NULL,                 -- empty: none
    transactions  INTEGER NOT NULL,
    total         INTEGER NOT NULL,
    paid          INTEGER NOT NULL,
    partly_paid   INTEGER NOT NULL,
    PRIMARY KEY (kind, state, problem_code, currency)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tallied_in AFTER INSERT ON transactions
BEGIN
    INSERT INTO tallies
    VALUES (NEW.kind, NEW.state, coalesce(NEW.problem_code, ''), coalesce(NEW.currency, ''),
            1, coalesce(NEW.total, 0), coalesce(NEW.paid, 0), coalesce(NEW.state = 'exported' AND NEW.paid > 0, 0))
    ON CONFLICT DO UPDATE SET
        transactions = transactions + 1, total = total + excluded.total,
        paid = paid + excluded.paid, partly_paid = partly_paid + excluded.partly_paid;
END;

CREATE TRIGGER tallied_anew AFTER UPDATE OF state, problem_code, currency, total, paid ON transactions
BEGIN
    UPDATE tallies SET
        transactions = transactions - 1, total = total - coalesce(OLD.total, 0), paid = paid - coalesce(OLD.paid, 0),
        partly_paid = partly_paid - coalesce(OLD.state = 'exported' AND OLD.paid > 0, 0)
    WHERE kind = OLD.kind AND state = OLD.state
      AND problem_code = coalesce(OLD.problem_code, '') AND currency = coalesce(OLD.currency, '');
    INSERT INTO tallies
    VALUES (NEW.kind, NEW.state, coalesce(NEW.problem_code, ''), coalesce(NEW.currency, ''),
            1, coalesce(NEW.total, 0), coalesce(NEW.paid, 0), coalesce(NEW.state = 'exported' AND NEW.paid > 0, 0))
    ON CONFLICT DO UPDATE SET
        transactions = transactions + 1, total = total + excluded.total,
        paid = paid + excluded.paid, partly_paid = partly_paid + excluded.partly_paid;
END;

-- What is not done yet. A message that was delivered leaves: history and attempts tell of it.
CREATE TABLE messages (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: attempts, and whoever claimed it, remember it
    transaction_id  INTEGER NOT NULL REFERENCES transactions (id),
    effect          TEXT    NOT NULL CHECK (effect IN ('export', 'void', 'report_payment', 'attach')),
    phase           TEXT    NOT NULL CHECK (phase IN ('held', 'waiting', 'sent', 'in_doubt', 'dead')),
    lane            TEXT    NOT NULL GENERATED ALWAYS AS
                        (CASE effect WHEN 'report_payment' THEN 'tms' WHEN 'attach' THEN 'attachments' ELSE 'accounting' END) STORED,
    generation      INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    delays          INTEGER NOT NULL DEFAULT 0,
    reads           INTEGER NOT NULL DEFAULT 0,
    tries           INTEGER NOT NULL DEFAULT 0,
    due_at          INTEGER NOT NULL,
    sent_at         INTEGER,
    request_id      TEXT,
    body            BLOB,
    report          TEXT    CHECK (report IS NULL OR json_valid(report)),
    preview         TEXT,                              -- what a person saw of the document, and let go
    note            TEXT    NOT NULL DEFAULT '',
    created_at      INTEGER NOT NULL,
    CHECK (phase NOT IN ('sent', 'in_doubt') OR (request_id IS NOT NULL AND body IS NOT NULL AND sent_at IS NOT NULL))
) STRICT;

-- One message in flight and one waiting document per transaction, whatever the code above does.
CREATE UNIQUE INDEX one_in_flight ON messages (transaction_id, lane) WHERE phase IN ('sent', 'in_doubt');
CREATE UNIQUE INDEX one_waiting ON messages (transaction_id) WHERE phase IN ('held', 'waiting') AND lane = 'accounting';
CREATE UNIQUE INDEX one_attaching ON messages (transaction_id) WHERE phase = 'waiting' AND lane = 'attachments';
CREATE INDEX messages_held ON messages (transaction_id) WHERE phase = 'held';
CREATE INDEX messages_due ON messages (effect, due_at) WHERE phase IN ('waiting', 'in_doubt');
CREATE INDEX messages_by_transaction ON messages (transaction_id, lane, id);

CREATE TABLE attempts (
    id              INTEGER PRIMARY KEY,
    transaction_id  INTEGER NOT NULL REFERENCES transactions (id),
    message_id      INTEGER NOT NULL,
    effect          TEXT    NOT NULL,
    number          INTEGER NOT NULL,
    epoch           INTEGER NOT NULL REFERENCES runs (epoch),
    request_id      TEXT    NOT NULL,
    body_digest     TEXT    NOT NULL,
    started_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    outcome         TEXT    CHECK (outcome IN ('delivered', 'refused', 'postponed', 'in_doubt')),
    detail          TEXT    NOT NULL DEFAULT '',
    trace           TEXT    NOT NULL DEFAULT '',
    UNIQUE (transaction_id, message_id, number)
) STRICT;

CREATE TABLE history (
    id              INTEGER PRIMARY KEY,
    transaction_id  INTEGER NOT NULL REFERENCES transactions (id),
    at              INTEGER NOT NULL,
    trigger         TEXT    NOT NULL,
    from_state      TEXT,
    to_state        TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    actor           TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    UNIQUE (transaction_id, version)
) STRICT;

CREATE TRIGGER history_is_not_rewritten BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER history_is_not_erased BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;

CREATE TABLE settlements (
    transaction_id  INTEGER NOT NULL REFERENCES transactions (id),
    payment_id      TEXT    NOT NULL,
    amount          INTEGER NOT NULL,               -- applied to the document now
    told            INTEGER NOT NULL,               -- to be told to the TMS by now; it can't be taken back there
    PRIMARY KEY (transaction_id, payment_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tellings (
    transaction_id  INTEGER PRIMARY KEY REFERENCES transactions (id),
    count           INTEGER NOT NULL,               -- payments from us that the TMS is known to hold
    total           INTEGER NOT NULL                -- what they add up to
) STRICT;

CREATE TABLE observations (
    document_type  TEXT    NOT NULL,
    document_id    TEXT    NOT NULL,
    kind           TEXT,                            -- the TMS record its marker names, by kind and id
    source_id      TEXT,
    body           TEXT    NOT NULL CHECK (body IS NULL OR json_valid(body)),
    seen_at        INTEGER NOT NULL,
    PRIMARY KEY (document_type, document_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX observations_by_source ON observations (kind, source_id) WHERE source_id IS NOT NULL;

CREATE TABLE backfills (
    id        INTEGER PRIMARY KEY,
    first     TEXT    NOT NULL CHECK (first IS date(first)),
    last      TEXT    NOT NULL CHECK (last IS date(last) AND last >= first),
    actor     TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    began_at  INTEGER NOT NULL,
    ended_at  INTEGER                               -- absent: it is still being read
) STRICT;

CREATE TABLE pauses (
    id            INTEGER PRIMARY KEY,
    effect        TEXT    NOT NULL,
    began_at      INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    ended_at      INTEGER,                          -- absent: nothing of this effect leaves
    ended_by      TEXT,
    ended_reason  TEXT
) STRICT;

CREATE UNIQUE INDEX one_pause ON pauses (effect) WHERE ended_at IS NULL;

CREATE TABLE cursors (
    name   TEXT PRIMARY KEY,
    value  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    target  TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE creations (
    kind        TEXT    NOT NULL,
    name        TEXT    NOT NULL,                   -- as names are compared: one creation each, whoever needs it
    phase       TEXT    NOT NULL CHECK (phase IN ('waiting', 'sent', 'in_doubt', 'dead')),
    request_id  TEXT    NOT NULL,
    body        BLOB    NOT NULL,
    due_at      INTEGER NOT NULL,
    round       INTEGER NOT NULL,
    reads       INTEGER NOT NULL,
    tries       INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    name      TEXT PRIMARY KEY,
    value     TEXT NOT NULL,
    previous  TEXT,
    kept_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE reads (
    hour     INTEGER NOT NULL,                      -- since 1970 UTC
    purpose  TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (hour, purpose)
) STRICT, WITHOUT ROWID;
