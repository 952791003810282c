-- Changes live for seconds. To compress their arrays took longer than all else that the triggers do.
ALTER TABLE analytics_change
    ALTER COLUMN tasks SET STORAGE EXTERNAL,
    ALTER COLUMN devices SET STORAGE EXTERNAL,
    ALTER COLUMN statuses SET STORAGE EXTERNAL;
