-- Every statement the store runs. A line `-- name: why` starts one; parameters are named. A condition on a phase is written
-- as a partial index has it, were it twice: only then is the index used.

-- choose: whether new documents leave by themselves, and documents of which kinds get files of the TMS
UPDATE legal_entity SET auto = :auto, attaches = :attaches

-- attaches: whether documents of a kind get files of the TMS
SELECT 1 FROM legal_entity, json_each(attaches) WHERE value = :kind

-- claim_entity: the first owner writes whose books these are
INSERT INTO legal_entity (id, name, company) VALUES (1, :name, :company) ON CONFLICT DO NOTHING

-- entity: a later owner must be the same
SELECT name, company FROM legal_entity

-- begin_run: a new owner, a new epoch
INSERT INTO runs (started_at) VALUES (:now) RETURNING epoch

-- newest_run: whose store it is
SELECT max(epoch) AS epoch FROM runs

-- unclean_run: the last owner never said it stopped
SELECT count(*) AS unclean FROM runs WHERE stopped_at IS NULL AND epoch = (SELECT max(epoch) FROM runs WHERE epoch < :epoch)

-- end_run: a clean stop, so that the next owner need not wait out what was under way
UPDATE runs SET stopped_at = :now WHERE epoch = :epoch

-- doubt_all_sent: what was under way when the process ended may have arrived; quiet counts from the later of sent and boot
UPDATE messages
SET phase = 'in_doubt', reads = 0, tries = tries + 1, due_at = max(sent_at, :boot) + :quiet, note = 'the process ended while it was under way'
WHERE phase IN ('sent', 'in_doubt') AND phase = 'sent'

-- end_open_attempts: their outcome will never be known from an answer
UPDATE attempts SET ended_at = :now, outcome = 'in_doubt', detail = 'the process ended while it was under way'
WHERE ended_at IS NULL AND (transaction_id, message_id) IN (SELECT transaction_id, id FROM messages WHERE phase IN ('sent', 'in_doubt'))

-- find: one transaction, with whether something of it is in flight
SELECT * FROM ledger WHERE id = :id

-- unmoved: whether one is as it was seen
SELECT 1 FROM transactions WHERE id = :id AND version = :version AND held IS :held

-- find_by_source: what the TMS calls it
SELECT * FROM ledger WHERE kind = :kind AND source_id = :source_id

-- find_by_document: what accounting calls it
SELECT * FROM ledger WHERE document_type = :document_type AND document_id = :document_id

-- list: a page for people, newest first
SELECT * FROM ledger
WHERE (:state IS NULL OR state = :state)
  AND (:kind IS NULL OR kind = :kind)
  AND (:problem IS NULL OR problem_code = :problem)
  AND (NOT :unreleased OR EXISTS (SELECT 1 FROM messages m WHERE m.transaction_id = ledger.id AND m.phase = 'held'))
  AND (NOT :unbooked OR state IN ('pending', 'error'))
  AND (:unbooked_until IS NULL OR state IN ('pending', 'error') AND issued_on <= :unbooked_until)
  AND (:search IS NULL OR instr(lower(label || ' ' || number || ' ' || party), lower(:search)) > 0)
  AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit

-- refused: what waits for one problem to be solved, by its date
SELECT t.id, t.issued_on FROM transactions t WHERE t.state = 'error' AND t.problem_code = :code AND t.issued_on > :after
UNION
SELECT t.id, t.issued_on FROM messages m JOIN transactions t ON t.id = m.transaction_id
WHERE m.phase = 'dead' AND m.note = :code AND t.issued_on > :after
ORDER BY 2, 1

-- unlisted: what we know of some kinds and days that the TMS does not list; loads and trips tell of themselves when they go
SELECT t.kind, t.source_id, t.label FROM transactions t
WHERE t.kind NOT IN ('customer_invoice', 'carrier_bill') AND t.kind IN (SELECT value FROM json_each(:kinds))
  AND t.issued_on BETWEEN :first AND :last AND t.state <> 'reverted'
  AND t.source_id NOT IN (SELECT value FROM json_each(:listed))

-- belonging: what we know of some kinds under one record: its id, a slash and more; 0 is the character behind the slash
SELECT t.kind, t.source_id, t.label FROM transactions t
WHERE t.kind IN (SELECT value FROM json_each(:kinds)) AND t.source_id > :record || '/' AND t.source_id < :record || '0'
  AND t.state <> 'reverted' AND t.source_id NOT IN (SELECT value FROM json_each(:besides))

-- insert: a transaction is born pending, at version 1
INSERT INTO transactions (kind, document_type, source_id, label, state, version, generation, revision, content, digest, issued_on, party, number, currency, total, paid,
                          document_id, document_number, document_version, problem, problem_code, held, created_at, updated_at)
VALUES (:kind, :document_type, :source_id, :label, :state, :version, :generation, :revision, :content, :digest, :issued_on, :party, :number, :currency, :total, :paid,
        :document_id, :document_number, :document_version, :problem, :problem_code, :held, :created_at, :updated_at)
RETURNING id

-- move: the one statement that changes a state; no row means somebody else was faster
UPDATE transactions
SET state = :state, version = :version, generation = :generation, paid = :paid,
    document_id = :document_id, document_number = :document_number, document_version = :document_version,
    problem = :problem, problem_code = :problem_code, held = :held, updated_at = :updated_at
WHERE id = :id AND state = :expected_state AND version = :expected_version

-- revise: with a move, what the TMS says now
UPDATE transactions
SET label = :label, revision = :revision, content = :content, digest = :digest, issued_on = :issued_on,
    party = :party, number = :number, currency = :currency, total = :total
WHERE id = :id

-- hold: the newest the TMS says, kept until the state allows the change
UPDATE transactions SET held = :held WHERE id = :id

-- record_change: every move leaves one line
INSERT INTO history (transaction_id, at, trigger, from_state, to_state, version, actor, reason)
VALUES (:transaction_id, :at, :trigger, :from_state, :to_state, :version, :actor, :reason)

-- history: what happened to one transaction, oldest first
SELECT * FROM history WHERE transaction_id = :transaction_id ORDER BY id

-- last_withdrawal: who took it away, the TMS or a person
SELECT trigger FROM history
WHERE transaction_id = :transaction_id AND trigger IN ('source_withdrawn', 'revert_requested', 'forced') ORDER BY id DESC LIMIT 1

-- attempts: what was sent for one transaction, oldest first
SELECT * FROM attempts WHERE transaction_id = :transaction_id ORDER BY id

-- wish: an effect becomes a message; a new document may have to wait for its release
INSERT INTO messages (transaction_id, effect, phase, generation, revision, due_at, report, preview, created_at)
VALUES (:transaction_id, :effect, iif(:new AND NOT (SELECT auto FROM legal_entity), 'held', 'waiting'), :generation, :revision, :now, :report, :preview, :now)

-- previewed: what a person saw of the document that is still to go; it is what may go until a person says otherwise
SELECT preview FROM messages
WHERE transaction_id = :transaction_id AND effect = 'export' AND phase IN ('held', 'waiting', 'dead') AND preview IS NOT NULL

-- expect: what a person saw of the document that waits to go, or that they did not look
UPDATE messages SET preview = :preview WHERE transaction_id = :transaction_id AND effect = 'export' AND phase = 'waiting'

-- withdraw_wishes: a newer wish, or the end of all wishes, replaces what has not left and what was refused, files too
DELETE FROM messages WHERE transaction_id = :transaction_id
  AND (lane = 'accounting' AND phase IN ('held', 'waiting', 'dead') OR lane = 'attachments' AND phase = 'dead')

-- withdraw_files: a newer look at all the files replaces one that has not begun, and one that was refused
DELETE FROM messages WHERE transaction_id = :transaction_id AND lane = 'attachments' AND phase IN ('waiting', 'dead')

-- drop_message: it is done, or was overtaken, so nobody needs it any more
DELETE FROM messages WHERE id = :id AND phase = :expected AND attempts = :attempts

-- revive_messages: a person wants refused wishes tried again
UPDATE messages SET phase = 'waiting', due_at = :now, request_id = NULL, body = NULL, sent_at = NULL, note = ''
WHERE transaction_id = :transaction_id AND phase = 'dead'

-- release: a person lets a new document go
UPDATE messages SET phase = 'waiting', due_at = :now WHERE transaction_id = :transaction_id AND phase = 'held'

-- unreleased: what waits for a person to let it go, by its date
SELECT t.id FROM messages m JOIN transactions t ON t.id = m.transaction_id
WHERE m.phase = 'held' AND (:kind IS NULL OR t.kind = :kind) AND (:dated_until IS NULL OR t.issued_on <= :dated_until)
ORDER BY t.issued_on, t.id

-- messages: what of a transaction has not left, is under way or was refused
SELECT * FROM messages WHERE transaction_id = :transaction_id ORDER BY id

-- newest_wish: what accounting is wanted to do last of all that is not done
SELECT effect FROM messages WHERE transaction_id = :transaction_id AND lane = 'accounting' ORDER BY id DESC LIMIT 1

-- waits_behind: what will be asked for in the same lane once this message has ended
SELECT id FROM messages
WHERE transaction_id = :transaction_id AND lane = (SELECT lane FROM messages WHERE id = :id) AND phase IN ('held', 'waiting') AND id <> :id

-- claim: what is due, what is in flight before the oldest that waits, with its transaction
SELECT m.id, m.effect, m.phase, m.revision, m.generation,
       (SELECT count(*) FROM attempts a WHERE a.transaction_id = m.transaction_id AND a.outcome <> 'in_doubt') AS round,
       m.attempts, m.reads, m.tries, m.due_at, m.request_id, m.body, m.report, m.delays, m.preview,
       l.*
FROM messages m JOIN ledger l ON l.id = m.transaction_id
WHERE m.phase IN ('waiting', 'in_doubt') AND m.effect = :effect AND m.due_at <= :now
  AND m.lane IN (SELECT value FROM json_each(:lanes)) AND m.id NOT IN (SELECT value FROM json_each(:besides))
  AND (m.phase = 'in_doubt'
       OR NOT EXISTS (SELECT 1 FROM messages e
                      WHERE e.transaction_id = m.transaction_id AND e.lane = m.lane AND e.phase <> 'dead'
                        AND (e.phase <> 'waiting' OR e.id < m.id)))
ORDER BY m.due_at, m.id LIMIT :limit

-- foreseen: what is to leave last for one transaction, or would if somebody asked for it now; a refused void is not in the way
SELECT coalesce(m.id, -l.id) AS id, coalesce(m.effect, 'export') AS effect, coalesce(m.phase, 'waiting') AS phase,
       coalesce(m.revision, l.revision) AS revision, coalesce(m.generation, l.generation) AS generation, 0 AS round,
       coalesce(m.attempts, 0) AS attempts, coalesce(m.reads, 0) AS reads, coalesce(m.tries, 0) AS tries,
       coalesce(m.due_at, l.updated_at) AS due_at, m.request_id, m.body, m.report, coalesce(m.delays, 0) AS delays, m.preview,
       l.*
FROM ledger l
LEFT JOIN messages m ON m.transaction_id = l.id AND m.lane = 'accounting' AND (m.effect = 'export' OR m.phase <> 'dead')
WHERE l.id = :id
ORDER BY m.id DESC LIMIT 1

-- wake_payments: what a payment was waiting for is there now
UPDATE messages SET due_at = :now
WHERE phase = 'waiting' AND effect = 'export' AND due_at > :now
  AND transaction_id IN (SELECT t.id FROM transactions t
                         WHERE t.kind = 'customer_payment' AND t.content ->> '$.settles.source_id' = :source_id
                           AND t.content ->> '$.settles.kind' = :kind)

-- unpaying: whether payments of what is to be voided are under way out of accounting
SELECT m.id FROM transactions t JOIN messages m ON m.transaction_id = t.id
WHERE t.kind = 'customer_payment' AND t.content ->> '$.settles.source_id' = :source_id AND t.content ->> '$.settles.kind' = :kind
  AND m.lane = 'accounting' AND m.effect = 'void' AND m.phase IN ('waiting', 'sent', 'in_doubt') LIMIT 1

-- announce: intent before effect; no row means the message was replaced, or its effect paused, since it was claimed
UPDATE messages SET phase = 'sent', attempts = attempts + 1, reads = 0, request_id = :request_id, body = :body, sent_at = :now, note = ''
WHERE id = :id AND phase = :phase AND attempts = :attempts AND revision = :revision
  AND (SELECT max(epoch) FROM runs) = :epoch
  AND NOT EXISTS (SELECT 1 FROM pauses p WHERE p.effect = messages.effect AND p.ended_at IS NULL)

-- begin_attempt: who sent what, when
INSERT INTO attempts (message_id, transaction_id, effect, number, epoch, request_id, body_digest, started_at)
VALUES (:message_id, :transaction_id, :effect, :number, :epoch, :request_id, :body_digest, :now)

-- end_attempt: how it ended; nothing to end if nothing was sent this time
UPDATE attempts SET ended_at = :now, outcome = :outcome, detail = :detail, trace = :trace
WHERE transaction_id = :transaction_id AND message_id = :message_id AND ended_at IS NULL

-- bury_message: it was refused, and stays until a person wants it tried again
UPDATE messages SET phase = 'dead', note = :note, due_at = :now WHERE id = :id AND phase = :expected AND attempts = :attempts

-- postpone_message: it goes again later, and is frozen anew
UPDATE messages SET phase = 'waiting', due_at = :due_at, note = :note, delays = delays + 1, request_id = NULL, body = NULL, sent_at = NULL, reads = 0
WHERE id = :id AND phase = :expected AND attempts = :attempts

-- postpone_doubt: it can't be looked up now; what left stays frozen
UPDATE messages SET due_at = :due_at, note = :note, delays = delays + 1 WHERE id = :id AND phase = :expected AND attempts = :attempts

-- doubt_message: what left stays frozen until it is found, or found absent often enough
UPDATE messages SET phase = 'in_doubt', due_at = :due_at, note = :note, reads = :reads, tries = :tries
WHERE id = :id AND phase = :expected AND attempts = :attempts

-- settlements: which payments were applied, and what the TMS was told of each
SELECT payment_id, amount, told FROM settlements WHERE transaction_id = :transaction_id

-- settle: a payment as applied now
INSERT INTO settlements (transaction_id, payment_id, amount, told)
VALUES (:transaction_id, :payment_id, :amount, :told)
ON CONFLICT (transaction_id, payment_id) DO UPDATE SET amount = excluded.amount, told = excluded.told

-- tellings: what the TMS holds from us, and what that should add up to once one report, and no other, is delivered
SELECT coalesce(max(count), 0) AS count, coalesce(max(total), 0) AS total,
       (SELECT coalesce(sum(told), 0) FROM settlements WHERE transaction_id = :transaction_id)
       - (SELECT coalesce(sum(report ->> '$.amount.minor'), 0) FROM messages
          WHERE transaction_id = :transaction_id AND lane = 'tms' AND (phase IN ('waiting', 'sent', 'in_doubt') OR phase = 'dead') AND id <> :message_id)
       AS due
FROM tellings WHERE transaction_id = :transaction_id

-- keep_tellings: what the TMS was told stays told
INSERT INTO tellings (transaction_id, count, total) VALUES (:transaction_id, :count, :total)
ON CONFLICT (transaction_id) DO UPDATE SET count = max(count, excluded.count), total = max(total, excluded.total)

-- unsettle: the document is gone, and what was applied to it with it
UPDATE settlements SET amount = 0 WHERE transaction_id = :transaction_id

-- observe: the newest standing of a document
INSERT INTO observations (document_type, document_id, kind, source_id, body, seen_at)
VALUES (:document_type, :document_id, :kind, :source_id, :body, :now)
ON CONFLICT (document_type, document_id) DO UPDATE SET kind = excluded.kind, source_id = excluded.source_id, body = excluded.body, seen_at = excluded.seen_at

-- observed: what was seen of documents whose marker names one record
SELECT body FROM observations WHERE kind = :kind AND source_id = :source_id

-- observed_of_reverted: what was seen of documents that should not be there
SELECT o.body FROM observations o JOIN transactions t ON t.kind = o.kind AND t.source_id = o.source_id
WHERE t.state = 'reverted' AND t.document_id IS NULL

-- observed_of_nobody: what was seen of documents that no transaction knows of
SELECT o.body FROM observations o LEFT JOIN transactions t ON t.kind = o.kind AND t.source_id = o.source_id
WHERE t.id IS NULL AND o.source_id IS NOT NULL

-- observations: standings not yet acted on
SELECT body, seen_at FROM observations ORDER BY seen_at, document_type, document_id

-- forget_document: it is gone, so what was seen of it while it stood is no longer so
DELETE FROM observations WHERE document_type = :document_type AND document_id = :document_id

-- forget_observation: acted on, unless a newer one came meanwhile
DELETE FROM observations WHERE document_type = :document_type AND document_id = :document_id AND body = :body

-- backfills: spans of days before the first date that people chose
SELECT * FROM backfills ORDER BY id

-- begin_backfill: from now on what is dated there is taken in
INSERT INTO backfills (first, last, actor, reason, began_at) VALUES (:first, :last, :actor, :reason, :now)

-- end_backfill: all of it has been
UPDATE backfills SET ended_at = :now WHERE id = :id

-- pauses: what must not leave for now
SELECT effect, began_at, actor, reason FROM pauses WHERE ended_at IS NULL ORDER BY began_at, effect

-- pause: whoever paused it first is the one to ask
INSERT INTO pauses (effect, began_at, actor, reason) VALUES (:effect, :now, :actor, :reason) ON CONFLICT (effect) WHERE ended_at IS NULL DO NOTHING

-- resume: and who let it go on
UPDATE pauses SET ended_at = :now, ended_by = :actor, ended_reason = :reason WHERE effect = :effect AND ended_at IS NULL

-- cursor: how far a reader has come
SELECT value FROM cursors WHERE name = :name

-- advance: only after everything before it is in the store
INSERT INTO cursors (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- linked: which accounting record stands for a party
SELECT target FROM links WHERE kind = :kind AND key = :key

-- link: remembered before it is used
INSERT INTO links (kind, key, target) VALUES (:kind, :key, :target) ON CONFLICT (kind, key) DO UPDATE SET target = excluded.target

-- end_creation: it is there, so the next of that name would be a new request
UPDATE creations SET phase = 'waiting', round = round + 1, reads = 0, tries = 0 WHERE kind = :kind AND name = :name

-- creation: how far a party has come on its way into accounting
SELECT phase, request_id, body, due_at, round, reads, tries FROM creations WHERE kind = :kind AND name = :name

-- record_creation: intent before effect, by the one owner; no row means somebody else owns the store
INSERT INTO creations (kind, name, phase, request_id, body, due_at, round, reads, tries)
SELECT :kind, :name, :phase, :request_id, :body, :due_at, :round, :reads, :tries WHERE (SELECT max(epoch) FROM runs) = :epoch
ON CONFLICT (kind, name) DO UPDATE SET phase = excluded.phase, request_id = excluded.request_id, body = excluded.body,
    due_at = excluded.due_at, round = excluded.round, reads = excluded.reads, tries = excluded.tries

-- secret: the newest value
SELECT value FROM secrets WHERE name = :name

-- keep_secret: the previous value stays until the next change
INSERT INTO secrets (name, value, kept_at) VALUES (:name, :value, :now)
ON CONFLICT (name) DO UPDATE SET previous = value, value = excluded.value, kept_at = excluded.kept_at

-- reads: how many metered reads each hour has seen
SELECT hour, sum(count) AS count FROM reads WHERE hour >= :since GROUP BY hour

-- count_reads: what was read since the last time, by what it was for
INSERT INTO reads (hour, purpose, count) VALUES (:hour, :purpose, :count)
ON CONFLICT (hour, purpose) DO UPDATE SET count = count + excluded.count

-- count_transactions: how many, and how much, by kind, state and problem
SELECT kind, state, nullif(problem_code, '') AS problem_code, nullif(currency, '') AS currency, transactions, total, paid, partly_paid
FROM tallies WHERE transactions > 0

-- count_messages: how many, and since when, by effect and phase
SELECT effect, phase, count(*) AS messages, min(created_at) AS oldest FROM messages GROUP BY effect, phase

-- charges: what the newest transactions were charged for; all of them would hold up the writer
SELECT DISTINCT t.document_type, l.value ->> '$.category' AS category, l.value ->> '$.name' AS name,
       coalesce(nullif(l.value ->> '$.segment.load_type', ''), t.content ->> '$.segment.load_type') AS load_type
FROM (SELECT document_type, content FROM transactions ORDER BY id DESC LIMIT :newest) t, json_each(t.content, '$.lines') l
WHERE t.document_type <> 'payment'

-- count_observations: documents seen and not yet acted on
SELECT count(*) AS observations FROM observations

-- next_due: when the relay should look again; what is held up by its own transaction becomes due with it
SELECT m.due_at FROM messages m
WHERE m.phase IN ('waiting', 'in_doubt') AND m.effect = :effect AND m.lane IN (SELECT value FROM json_each(:lanes))
  AND (m.phase = 'in_doubt'
       OR NOT EXISTS (SELECT 1 FROM messages e
                      WHERE e.transaction_id = m.transaction_id AND e.lane = m.lane AND e.phase <> 'dead'
                        AND (e.phase <> 'waiting' OR e.id < m.id)))
ORDER BY m.due_at LIMIT 1

-- answers: the database is there
SELECT 1 AS answer
