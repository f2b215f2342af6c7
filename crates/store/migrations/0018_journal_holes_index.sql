-- To find the holes whose events are all too old by their number: there may be as many holes as events that are kept.
CREATE INDEX journal_holes_by_until ON journal_holes (until);
