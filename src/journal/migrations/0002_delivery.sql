-- Delivery: finding what is due without looking at what is not, and who is to be seen in WeCom at all.

CREATE INDEX delivery_doubtful ON delivery(destination, not_before_ms, batch) WHERE state = 2;
CREATE INDEX delivery_doubtful_batch ON delivery(destination, batch) WHERE state = 2;
-- Delivered, looked for in vain, and marked so.
CREATE INDEX delivery_invisible ON delivery(destination, person) WHERE state = 3 AND reason IS NOT NULL;
-- Persons of whom a destination has shown something: a rule covers them, so what it does not show is not there.
CREATE TABLE shown (
  destination INTEGER NOT NULL REFERENCES destination,
  person INTEGER NOT NULL REFERENCES person,
  PRIMARY KEY (destination, person)
) STRICT, WITHOUT ROWID;
