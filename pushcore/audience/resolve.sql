-- Conditions that a device (d) meets, and the devices that meet them. {matches} is a condition on a profile (p).

-- own --
-- Condition: the device's own profile matches.
EXISTS (SELECT FROM pushcore_audienceprofile p WHERE p.device_id = d.id AND {matches})

-- of_user --
-- Condition: the profile of the user that is bound to the device matches.
EXISTS (
    SELECT FROM pushcore_binding b
    JOIN pushcore_audienceprofile p
        ON p.workspace_id = b.workspace_id AND p.user_id = b.user_id AND p.device_id IS NULL
    WHERE b.device_id = d.id AND b.unbound_at IS NULL AND {matches}
)

-- own_or_of_user --
-- Condition: one of the two, found from the profiles that match: where it holds for the whole condition, the database
-- may begin with these.
d.id IN (
    SELECT p.device_id FROM pushcore_audienceprofile p
    WHERE p.workspace_id = %(workspace)s AND p.device_id IS NOT NULL AND {matches}
    UNION ALL
    SELECT b.device_id FROM pushcore_audienceprofile p
    JOIN pushcore_binding b ON b.workspace_id = p.workspace_id AND b.user_id = p.user_id AND b.unbound_at IS NULL
    WHERE p.workspace_id = %(workspace)s AND p.device_id IS NULL AND {matches}
)

-- bound --
-- Condition: a user is bound to the device.
EXISTS (SELECT FROM pushcore_binding b WHERE b.device_id = d.id AND b.unbound_at IS NULL)

-- count --
-- Count the devices that meet a condition. A Live Activity is none.
SELECT count(*) FROM pushcore_device d
WHERE d.workspace_id = %(workspace)s AND d.activity_id IS NULL AND {condition}

-- settings --
-- Have room for a million devices in memory, and no compiler that takes longer than the query.
SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)

-- page_end --
-- Find the id that ends the next devices of the workspace.
SELECT max(page.id) FROM (
    SELECT d.id FROM pushcore_device d WHERE d.workspace_id = %(workspace)s AND d.id > %(after)s
    ORDER BY d.id LIMIT %(size)s
) page

-- page --
-- Find those of them that meet a condition, in order.
SELECT d.id FROM pushcore_device d
WHERE d.workspace_id = %(workspace)s AND d.activity_id IS NULL AND d.id > %(after)s AND d.id <= %(to)s AND {condition}
ORDER BY d.id
