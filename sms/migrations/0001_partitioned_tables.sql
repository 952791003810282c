-- SMS that complement messages, partitioned by the day of their message (pushcore.storage.partitions). The rules for
-- partitioned tables are in pushcore/migrations/0001_partitioned_tables.sql.

CREATE TABLE sms_smsmessage (
    message_id bigint PRIMARY KEY,
    workspace_id bigint NOT NULL,
    task_id bigint NOT NULL,
    due_at timestamptz,
    state smallint NOT NULL,
    attempts smallint NOT NULL,
    provider_id varchar(64) NOT NULL,
    code varchar(100) NOT NULL,
    segments smallint,
    price numeric(12, 6),
    currency varchar(3) NOT NULL,
    sent_at timestamptz,
    reported_at timestamptz
) PARTITION BY RANGE (message_id);

CREATE INDEX sms_due ON sms_smsmessage (workspace_id, due_at) WHERE due_at IS NOT NULL;
