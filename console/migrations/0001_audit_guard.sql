-- The audit log is written once: a row is never changed, and deleted only by the purge of old entries, which says so by
-- a setting of its own transaction.

CREATE FUNCTION console_audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('mps.audit_purge', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log is not changed' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER console_audit_guard BEFORE UPDATE OR DELETE ON console_auditentry
    FOR EACH ROW EXECUTE FUNCTION console_audit_guard();
