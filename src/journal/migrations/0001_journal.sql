-- Times: *_ms are milliseconds since 1970 UTC by the gateway's wall clock as read; time_s are seconds of true time.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Every boot of the gateway, and what ties its boot time to true time.
CREATE TABLE boot (
  boot INTEGER PRIMARY KEY,
  kernel_id TEXT NOT NULL UNIQUE,
  first_boottime_ns INTEGER NOT NULL,
  first_wall_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE anchor (
  anchor INTEGER PRIMARY KEY,
  boot INTEGER NOT NULL REFERENCES boot,
  boottime_ns INTEGER NOT NULL,
  true_ms INTEGER NOT NULL,
  bound_ms INTEGER NOT NULL,
  source TEXT NOT NULL
) STRICT;
CREATE INDEX anchor_of_boot ON anchor(boot, boottime_ns);

-- Who is served, and by what.
CREATE TABLE organisation (
  organisation INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  merge_window_s INTEGER NOT NULL,
  active INTEGER NOT NULL
) STRICT;
CREATE TABLE device (
  device INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  serial TEXT,
  settings TEXT NOT NULL,           -- what attendance and delivery need of its configuration, as JSON
  active INTEGER NOT NULL,
  cursor TEXT,
  identity TEXT,                    -- by what the configuration finds it (serial, address, port), so that a renamed block is known
  first_seen_ms INTEGER,            -- when it was first registered, in true time; absent: the time was not known yet
  first_boot TEXT,                  -- the boot and its clock at that moment, to date it later
  first_boottime_ns INTEGER,
  judged_from TEXT                  -- the day by which its refused readings were judged; absent: its first day
) STRICT;
CREATE INDEX device_of_serial ON device(serial) WHERE serial IS NOT NULL;
CREATE TABLE device_organisation (
  device INTEGER NOT NULL REFERENCES device,
  organisation INTEGER NOT NULL REFERENCES organisation,
  first_seq INTEGER NOT NULL DEFAULT 0, -- from this reading on the device serves it
  PRIMARY KEY (device, organisation)
) STRICT, WITHOUT ROWID;
-- A destination is known by what it is, not by its name.
CREATE TABLE destination (
  destination INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  identity TEXT NOT NULL,           -- what it leads to: of WeCom, the corp
  organisation INTEGER NOT NULL REFERENCES organisation,
  active INTEGER NOT NULL,
  history TEXT NOT NULL,            -- none: readings from first_seq on, without gaps; all; from: punches from from_s on
  first_seq INTEGER NOT NULL,
  gaps TEXT NOT NULL DEFAULT '[]',  -- readings of times when it was not configured: [[first, behind the last], ...]
  left_seq INTEGER,                 -- while it is not configured: the first reading of this time
  from_s INTEGER,
  paused TEXT,                      -- who paused it, when and why, as JSON
  next_try_ms INTEGER,              -- while something hinders it: when it tries again
  hurry INTEGER NOT NULL DEFAULT 0, -- counts the wishes to try at once
  UNIQUE (kind, identity, organisation)
) STRICT;
CREATE UNIQUE INDEX destination_of_name ON destination(name) WHERE active = 1;

-- The evidence: append-only, chained by digest.
CREATE TABLE reading (
  seq INTEGER PRIMARY KEY,
  device INTEGER NOT NULL REFERENCES device,
  credential_kind TEXT NOT NULL,
  credential TEXT NOT NULL,
  happened INTEGER NOT NULL,        -- 0 by the terminal's clock, 1 impossible date, 2 stamped by the gateway
  terminal_time TEXT,               -- civil time as the terminal gave it
  origin TEXT NOT NULL,
  method TEXT NOT NULL,
  direction TEXT NOT NULL,
  profile TEXT,                     -- how the reader writes what it reads
  record_key BLOB,                  -- first 16 bytes of the digest of the record's content and occurrence
  raw BLOB NOT NULL,
  contact INTEGER,
  upload INTEGER,
  boot INTEGER NOT NULL REFERENCES boot,
  boottime_ns INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL,
  clock_quality INTEGER NOT NULL,   -- 0 synchronised, 1 holdover, 2 unknown, 3 kept by a battery
  clock_bound_ms INTEGER,
  extra TEXT,                       -- further evidence as JSON, so that it can grow: the event if it is no punch, doubts, the zone it names
  digest BLOB NOT NULL
) STRICT;
-- Keys outlive their readings: a terminal may still hold a record that retention has cut here.
CREATE TABLE record_key (key BLOB PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- Where the chain begins, and where rows are missing that are known to be missing.
CREATE TABLE cut (
  seq INTEGER PRIMARY KEY,          -- the last row before the place
  next_seq INTEGER NOT NULL,        -- the first row after it
  digest BLOB NOT NULL,             -- the digest that the first row after it covers; empty where it is lost
  reason TEXT NOT NULL,             -- retention, salvage
  wall_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE upload (
  upload INTEGER PRIMARY KEY,
  device INTEGER NOT NULL REFERENCES device,
  table_name TEXT NOT NULL,
  digest BLOB NOT NULL,
  body BLOB NOT NULL,               -- sealed
  understood INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  times INTEGER NOT NULL,
  UNIQUE (device, digest)
) STRICT;
CREATE INDEX upload_last ON upload(last_ms);
CREATE TABLE contact (
  contact INTEGER PRIMARY KEY,
  device INTEGER NOT NULL REFERENCES device,
  boot INTEGER NOT NULL REFERENCES boot,
  boottime_ns INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL,
  serial TEXT,
  address TEXT,
  firmware TEXT,
  clock_offset_ms INTEGER,
  records_claimed INTEGER,
  records_read INTEGER
) STRICT;
CREATE INDEX contact_of_device ON contact(device, contact);
CREATE TABLE terminal_user (
  device INTEGER NOT NULL REFERENCES device,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  card TEXT,
  PRIMARY KEY (device, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE stranger (
  serial TEXT NOT NULL,
  kind TEXT NOT NULL,
  address TEXT NOT NULL,
  detail TEXT NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  times INTEGER NOT NULL,
  unnamed TEXT NOT NULL DEFAULT '', -- where it came from, if it gives no serial number: what it is known by then
  trouble_en TEXT,
  trouble_zh TEXT,
  PRIMARY KEY (kind, serial, unnamed)
) STRICT, WITHOUT ROWID;
CREATE TABLE alert (
  alert INTEGER PRIMARY KEY,
  device INTEGER REFERENCES device,
  kind TEXT NOT NULL,
  en TEXT NOT NULL,
  zh TEXT NOT NULL,
  wall_ms INTEGER NOT NULL,         -- when it was first told
  last_ms INTEGER,                  -- when it was last told again
  times INTEGER NOT NULL DEFAULT 1,
  subject TEXT,                     -- whose health ends it, as in `health`; absent: nobody's, it ages
  ended_ms INTEGER
) STRICT;
CREATE INDEX alert_live ON alert(kind, device) WHERE ended_ms IS NULL;

-- How everything is, as last said.
CREATE TABLE health (
  subject TEXT PRIMARY KEY,         -- device:NAME, destination:NAME, clock, journal
  condition TEXT NOT NULL,
  en TEXT NOT NULL,
  zh TEXT NOT NULL,
  since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who it was and whether it counts: conclusions, computed from the readings.
CREATE TABLE person (
  person INTEGER PRIMARY KEY,
  organisation INTEGER NOT NULL REFERENCES organisation,
  userid TEXT NOT NULL,
  userid_folded TEXT NOT NULL,
  name TEXT NOT NULL,
  department TEXT NOT NULL DEFAULT '',
  left_on TEXT,                     -- the last day, civil
  UNIQUE (organisation, userid_folded)
) STRICT;
CREATE TABLE credential (
  organisation INTEGER NOT NULL REFERENCES organisation,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  person INTEGER NOT NULL REFERENCES person,
  former INTEGER REFERENCES person, -- who had it before, and since when it is another's (NULL: nobody had)
  since_ms INTEGER,
  PRIMARY KEY (organisation, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX credential_of_person ON credential(person);
-- What each source (the configuration, a spreadsheet) says of a person. What it does not contain has no row; a value that is absent
-- was said to be empty. current = 0: the source does not contain it any more, and nobody has said otherwise.
CREATE TABLE person_said (
  person INTEGER NOT NULL REFERENCES person,
  part TEXT NOT NULL,               -- name, department, left_on
  source TEXT NOT NULL,
  value TEXT,
  current INTEGER NOT NULL,
  PRIMARY KEY (person, part, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE credential_said (
  organisation INTEGER NOT NULL REFERENCES organisation,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  person INTEGER NOT NULL REFERENCES person,
  source TEXT NOT NULL,
  current INTEGER NOT NULL,
  PRIMARY KEY (organisation, kind, value, person, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX credential_said_of_person ON credential_said(person);
-- Punches that had left the house when their credential turned out to be somebody else's: to be corrected at the destination.
CREATE TABLE correction (
  seq INTEGER NOT NULL,
  organisation INTEGER NOT NULL REFERENCES organisation,
  credited INTEGER NOT NULL REFERENCES person,
  person INTEGER NOT NULL REFERENCES person,
  wall_ms INTEGER NOT NULL,
  PRIMARY KEY (seq, organisation)
) STRICT, WITHOUT ROWID;
CREATE TABLE verdict (
  seq INTEGER NOT NULL,
  organisation INTEGER NOT NULL REFERENCES organisation,
  outcome INTEGER NOT NULL,         -- 0 punch, 1 merged, 2 unknown credential, 3 held, 4 refused
  person INTEGER REFERENCES person,
  time_s INTEGER,                   -- true time
  basis TEXT,                       -- how the time was found
  merged_into INTEGER,
  reason TEXT,                      -- JSON
  PRIMARY KEY (seq, organisation)
) STRICT, WITHOUT ROWID;
CREATE INDEX verdict_of_person ON verdict(person, time_s) WHERE outcome <= 1;
CREATE INDEX verdict_refused ON verdict(seq) WHERE outcome = 4;
CREATE INDEX verdict_open ON verdict(outcome, organisation, seq) WHERE outcome IN (2, 3);
CREATE INDEX verdict_before_start ON verdict(seq) WHERE outcome = 4 AND reason LIKE '{"why":"before_start"%';
-- What a person decided about a reading; decisions are never overwritten, the last one holds.
CREATE TABLE decision (
  decision INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  organisation INTEGER NOT NULL REFERENCES organisation,
  what TEXT NOT NULL,               -- JSON
  decided_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  wall_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_of_reading ON decision(seq, organisation);

-- Punches on their way.
CREATE TABLE delivery (
  delivery INTEGER PRIMARY KEY,
  destination INTEGER NOT NULL REFERENCES destination,
  seq INTEGER NOT NULL,
  person INTEGER NOT NULL REFERENCES person,
  time_s INTEGER NOT NULL,
  state INTEGER NOT NULL,           -- 0 waiting, 1 sending, 2 in doubt, 3 delivered, 4 confirmed, 5 parked, 6 dropped
  attempts INTEGER NOT NULL DEFAULT 0,
  batch INTEGER,                    -- the call it last left with
  changed_ms INTEGER NOT NULL,      -- when it came into this state
  not_before_ms INTEGER,            -- the state's next step is not due before
  code INTEGER,
  reason TEXT,
  UNIQUE (destination, seq)
) STRICT;
CREATE INDEX delivery_waiting ON delivery(destination, time_s, delivery) WHERE state = 0;
CREATE INDEX delivery_under_way ON delivery(destination, state, person, time_s) WHERE state IN (1, 2);
CREATE INDEX delivery_unconfirmed ON delivery(destination, not_before_ms, delivery) WHERE state = 3;
CREATE INDEX delivery_parked ON delivery(destination, delivery) WHERE state = 5;
-- What people decided about many deliveries, or about a destination.
CREATE TABLE delivery_decision (
  delivery_decision INTEGER PRIMARY KEY,
  what TEXT NOT NULL,               -- JSON
  changed INTEGER NOT NULL,
  decided_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  wall_ms INTEGER NOT NULL
) STRICT;
