-- The clock: what terminals' clocks showed, steps of the wall clock, who said what time it was.

-- What the terminal's clock showed, and the moment of the boot at which it did; how far off clock_offset_ms can be.
ALTER TABLE contact ADD COLUMN shown_ms INTEGER;
ALTER TABLE contact ADD COLUMN shown_boottime_ns INTEGER;
ALTER TABLE contact ADD COLUMN offset_bound_ms INTEGER;
-- Anchors that a person gave.
ALTER TABLE anchor ADD COLUMN said_by TEXT;
ALTER TABLE anchor ADD COLUMN reason TEXT;
-- Somebody or something set the wall clock while the agent ran.
CREATE TABLE clock_step (
  step INTEGER PRIMARY KEY,
  boot INTEGER NOT NULL REFERENCES boot,
  boottime_ns INTEGER NOT NULL,
  before_ms INTEGER NOT NULL,       -- what the wall clock would show without the step
  after_ms INTEGER NOT NULL,        -- what it shows
  clock_quality INTEGER NOT NULL,   -- as of a reading, after the step
  clock_bound_ms INTEGER
) STRICT;
