-- Events, partitioned by the day of their message (pushcore.storage.partitions). The rules for partitioned tables are
-- in pushcore/migrations/0001_partitioned_tables.sql.

CREATE SEQUENCE analytics_messageevent_id_seq;
CREATE TABLE analytics_messageevent (
    id bigint NOT NULL DEFAULT nextval('analytics_messageevent_id_seq'),
    message_id bigint NOT NULL,
    kind varchar(8) NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    device_id bigint NOT NULL,
    workspace_id bigint NOT NULL,
    channel smallint NOT NULL,
    task_id bigint,
    PRIMARY KEY (id, message_id),
    CONSTRAINT analytics_event_once UNIQUE (message_id, device_id, kind)
) PARTITION BY RANGE (message_id);
ALTER SEQUENCE analytics_messageevent_id_seq OWNED BY analytics_messageevent.id;

CREATE INDEX analytics_event_device ON analytics_messageevent (device_id);
CREATE INDEX analytics_event_recent ON analytics_messageevent (workspace_id, id DESC);
CREATE INDEX analytics_messageevent_received_at ON analytics_messageevent (received_at);
