-- Delivery reports of SMS (sms.models.SmsMessage).

-- record --
-- Write what is said of SMS that were sent, or may have been. What is delivered stays so, whatever comes later; the state
-- of one that is on its way stays, with what it costs. One that is being sent is over with its report, too.
UPDATE sms_smsmessage s
SET state = coalesce(r.state, s.state),
    due_at = CASE WHEN r.state IS NULL THEN s.due_at END,
    code = CASE WHEN r.state IS NULL THEN s.code ELSE r.code END,
    segments = coalesce(r.segments, s.segments), price = coalesce(r.price, s.price),
    currency = CASE WHEN r.price IS NULL THEN s.currency ELSE r.currency END,
    reported_at = CASE WHEN r.state IS NULL THEN s.reported_at ELSE r.at END
FROM unnest(
    %(ids)s::bigint[], %(states)s::smallint[], %(codes)s::text[], %(segments)s::smallint[], %(prices)s::numeric[],
    %(currencies)s::text[], %(at)s::timestamptz[]
) AS r(id, state, code, segments, price, currency, at)
WHERE s.message_id = r.id AND s.workspace_id = %(workspace)s AND s.sent_at IS NOT NULL
    AND (s.state = ANY(%(reportable)s) OR (s.state = %(delivered)s AND coalesce(r.state, %(delivered)s) = %(delivered)s))
