-- What is on its way to vendors, partitioned by the day of its message (pushcore.storage.partitions). The rules for
-- partitioned tables are in pushcore/migrations/0001_partitioned_tables.sql.

CREATE TABLE channels_vendor_vendormessage (
    message_id bigint PRIMARY KEY,
    workspace_id bigint NOT NULL,
    channel smallint NOT NULL,
    task_id bigint NOT NULL,
    device_id bigint NOT NULL,
    due_at timestamptz,
    attempts smallint NOT NULL,
    in_doubt boolean NOT NULL DEFAULT false,
    is_bulk boolean NOT NULL DEFAULT false,
    vendor_id varchar(200) NOT NULL,
    vendor_code varchar(200) NOT NULL,
    accepted_at timestamptz,
    token_hash bigint NOT NULL,
    report_code varchar(200) NOT NULL,
    report_status integer,
    report_at timestamptz
) PARTITION BY RANGE (message_id);

CREATE INDEX channels_vendor_due ON channels_vendor_vendormessage (workspace_id, channel, is_bulk, due_at)
    WHERE due_at IS NOT NULL;
CREATE INDEX channels_vendor_token_task ON channels_vendor_vendormessage (token_hash, task_id);
