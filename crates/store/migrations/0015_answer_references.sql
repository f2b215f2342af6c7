-- The object that an answer shows, if the answer is too large to be kept. Its body is empty then.
ALTER TABLE answers ADD COLUMN reference TEXT;
