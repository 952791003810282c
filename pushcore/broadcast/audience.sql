-- Conditions that a device (d) is one of an audience. A window of time has an open end where it is NULL.

-- of_platform --
-- Condition: a device (d) of the workspace and the platform, whatever reaches it.
d.workspace_id = %(workspace)s AND d.platform = %(platform)s

-- with_message_each --
-- Condition: likewise, but for Live Activities.
d.workspace_id = %(workspace)s AND d.platform = %(platform)s AND d.activity_id IS NULL

-- behind_vendors --
-- Condition: a device (d) of the workspace and the platform that one of these vendors reaches. A Live Activity is none.
d.workspace_id = %(workspace)s AND d.platform = %(platform)s AND d.third_token <> ''
    AND d.third_channel = ANY(%(vendors)s) AND d.activity_id IS NULL

-- bound --
-- Condition: the device's user was bound within the window.
EXISTS (
    SELECT FROM pushcore_binding b
    WHERE b.device_id = d.id AND b.unbound_at IS NULL
        AND b.bound_at >= coalesce(%(bound_from)s, '-infinity'::timestamptz)
        AND b.bound_at <= coalesce(%(bound_to)s, 'infinity'::timestamptz)
)

-- unbound --
-- Condition: the device has no user, and its last one was unbound within the window.
(
    NOT EXISTS (SELECT FROM pushcore_binding b WHERE b.device_id = d.id AND b.unbound_at IS NULL)
    AND (SELECT max(b.unbound_at) FROM pushcore_binding b WHERE b.device_id = d.id) BETWEEN
        coalesce(%(unbound_from)s, '-infinity'::timestamptz) AND coalesce(%(unbound_to)s, 'infinity'::timestamptz)
)
