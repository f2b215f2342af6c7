-- Of an answer that is too large to be kept: the object that it shows. Its body is empty then.
ALTER TABLE answers ADD COLUMN reference TEXT;
