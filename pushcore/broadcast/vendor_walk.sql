-- next_devices --
-- Walk on through the devices of a broadcast, in the order of their ids.
SELECT d.id, d.ad_token, d.third_channel, d.third_token
FROM pushcore_device d
WHERE {condition} AND d.id > %(walked_to)s
ORDER BY d.id LIMIT %(at_most)s
