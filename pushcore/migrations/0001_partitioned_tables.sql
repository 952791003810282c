-- Tables that grow with traffic, partitioned by day (pushcore.storage.partitions makes and drops the partitions).
--
-- Django cannot declare a partitioned table, so it knows their models and creates nothing for them. Their columns are
-- in the order in which they lie in a row.
-- No foreign keys, to them or from them: to drop a partition, PostgreSQL would lock the other table.
-- No default partition: with one, PostgreSQL detaches a partition only by stopping every writer.
-- A unique key of a partitioned table holds the partition key.

CREATE TABLE pushcore_pushtask (
    id bigint PRIMARY KEY,
    name varchar(200) NOT NULL,
    kind varchar(10) NOT NULL,
    delivery_type smallint NOT NULL,
    source varchar(8) NOT NULL,
    author varchar(150) NOT NULL,
    content jsonb NOT NULL,
    options jsonb NOT NULL,
    fingerprint bytea NOT NULL,
    expire_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    message_count integer NOT NULL CHECK (message_count >= 0),
    success_count integer NOT NULL CHECK (success_count >= 0),
    workspace_id bigint NOT NULL,
    revoked_at timestamptz,
    arrival_count integer NOT NULL CHECK (arrival_count >= 0),
    last_outcome_at timestamptz,
    last_message_id bigint NOT NULL,
    expired_count integer NOT NULL CHECK (expired_count >= 0),
    held_back_count integer NOT NULL DEFAULT 0 CHECK (held_back_count >= 0),
    no_consent_count integer NOT NULL DEFAULT 0 CHECK (no_consent_count >= 0),
    message_category varchar(64) NOT NULL DEFAULT '',
    device_rules smallint NOT NULL DEFAULT 0,
    inbox boolean NOT NULL DEFAULT false,
    final_count integer NOT NULL DEFAULT 0 CHECK (final_count >= 0),
    finished_at timestamptz,
    sms jsonb
) PARTITION BY RANGE (id);

CREATE INDEX pushcore_task_recent ON pushcore_pushtask (workspace_id, id DESC);
CREATE INDEX pushcore_task_expiry ON pushcore_pushtask (expire_at, id);
CREATE INDEX pushcore_task_bulk ON pushcore_pushtask (id DESC, workspace_id) WHERE kind IN ('multiple', 'broadcast', 'audience');

-- No index names a column that an outcome changes: so an outcome is a HOT update.
CREATE TABLE pushcore_message (
    id bigint PRIMARY KEY,
    workspace_id bigint NOT NULL,
    task_id bigint NOT NULL,
    delivery_type smallint NOT NULL,
    target varchar(512) NOT NULL,
    msgkey varchar(64) NOT NULL,
    device_id bigint,
    status integer NOT NULL,
    channel smallint NOT NULL,
    kind smallint NOT NULL DEFAULT 1,
    device_rules smallint NOT NULL DEFAULT 0,
    expire_at timestamptz NOT NULL,
    sent_at timestamptz,
    updated_at timestamptz NOT NULL,
    override jsonb,
    arrived_at timestamptz
) PARTITION BY RANGE (id);

CREATE INDEX pushcore_msg_device ON pushcore_message (device_id, id);
CREATE INDEX pushcore_msg_target ON pushcore_message (workspace_id, target, id);
CREATE INDEX pushcore_msg_single ON pushcore_message (id DESC, workspace_id) WHERE kind IN (1, 2);
CREATE INDEX pushcore_msg_quiet ON pushcore_message (workspace_id, id) WHERE device_rules >= 2;

CREATE TABLE pushcore_messagekey (
    digest uuid NOT NULL,
    day date NOT NULL,
    task_id bigint NOT NULL,
    claimed_at timestamptz NOT NULL,
    PRIMARY KEY (digest, day)
) PARTITION BY RANGE (day);

-- `id` is a number for people and the order in lists; the key is the message.
CREATE SEQUENCE pushcore_receipt_id_seq;
CREATE TABLE pushcore_receipt (
    id bigint NOT NULL DEFAULT nextval('pushcore_receipt_id_seq'),
    message_id bigint PRIMARY KEY,
    target varchar(512) NOT NULL,
    body text NOT NULL,
    state varchar(10) NOT NULL,
    attempt_count smallint NOT NULL CHECK (attempt_count >= 0),
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    finished_at timestamptz,
    workspace_id bigint NOT NULL
) PARTITION BY RANGE (message_id);
ALTER SEQUENCE pushcore_receipt_id_seq OWNED BY pushcore_receipt.id;

CREATE INDEX pushcore_receipt_id ON pushcore_receipt (id);
CREATE INDEX pushcore_receipt_by_endpoint ON pushcore_receipt (workspace_id, next_attempt_at) WHERE state = 'due';
CREATE INDEX pushcore_receipt_recent ON pushcore_receipt (workspace_id, id DESC);

CREATE SEQUENCE pushcore_receiptattempt_id_seq;
CREATE TABLE pushcore_receiptattempt (
    id bigint NOT NULL DEFAULT nextval('pushcore_receiptattempt_id_seq'),
    at timestamptz NOT NULL,
    http_status smallint CHECK (http_status >= 0),
    error varchar(300) NOT NULL,
    duration_ms integer NOT NULL CHECK (duration_ms >= 0),
    receipt_id bigint NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
ALTER SEQUENCE pushcore_receiptattempt_id_seq OWNED BY pushcore_receiptattempt.id;

CREATE INDEX pushcore_receiptattempt_receipt_id ON pushcore_receiptattempt (receipt_id);

CREATE TABLE pushcore_webhookdelivery (
    id bigint PRIMARY KEY,
    workspace_id bigint NOT NULL,
    endpoint_id bigint NOT NULL,
    queued_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    finished_at timestamptz,
    attempt_count smallint NOT NULL CHECK (attempt_count >= 0),
    state varchar(10) NOT NULL,
    event_type varchar(32) NOT NULL,
    data text NOT NULL
) PARTITION BY RANGE (id);

CREATE INDEX pushcore_webhook_by_endpoint ON pushcore_webhookdelivery (endpoint_id, next_attempt_at)
    WHERE state = 'due';
CREATE INDEX pushcore_webhook_recent ON pushcore_webhookdelivery (endpoint_id, id DESC);
CREATE INDEX pushcore_webhook_workspace ON pushcore_webhookdelivery (workspace_id, id DESC);

CREATE SEQUENCE pushcore_webhookattempt_id_seq;
CREATE TABLE pushcore_webhookattempt (
    id bigint NOT NULL DEFAULT nextval('pushcore_webhookattempt_id_seq'),
    at timestamptz NOT NULL,
    http_status smallint CHECK (http_status >= 0),
    error varchar(300) NOT NULL,
    duration_ms integer NOT NULL CHECK (duration_ms >= 0),
    delivery_id bigint NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
ALTER SEQUENCE pushcore_webhookattempt_id_seq OWNED BY pushcore_webhookattempt.id;

CREATE INDEX pushcore_webhookattempt_delivery_id ON pushcore_webhookattempt (delivery_id);
