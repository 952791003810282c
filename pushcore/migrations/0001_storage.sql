-- Pieces of uploaded files are kept for minutes and read once: to compress them would cost more than it saves.
ALTER TABLE pushcore_filechunk ALTER COLUMN data SET STORAGE EXTERNAL;
