-- Fingers that modules hold, and the templates through which one enrolment serves equal modules.

-- What is plugged in where, as its driver said last.
CREATE TABLE finger_module (
  device INTEGER PRIMARY KEY REFERENCES device,
  module TEXT NOT NULL,
  model TEXT NOT NULL,
  capacity INTEGER NOT NULL
) STRICT;
-- A person gave a finger.
CREATE TABLE enrolment (
  enrolment INTEGER PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES person,
  device INTEGER NOT NULL REFERENCES device,
  model TEXT NOT NULL,
  template BLOB,                    -- sealed; emptied when nobody needs it any more
  withdrawn INTEGER NOT NULL DEFAULT 0, -- 1: no module is to hold it any more
  enrolled_by TEXT NOT NULL,
  wall_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX enrolment_of_person ON enrolment(person);
-- A finger in a module. Who it is, stands in `credential` under its name.
CREATE TABLE finger (
  name TEXT PRIMARY KEY,            -- given by the driver, never given again
  device INTEGER NOT NULL REFERENCES device,
  module TEXT NOT NULL,
  enrolment INTEGER REFERENCES enrolment,  -- absent: it was in the module already, or nobody knows whose it is
  present INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
