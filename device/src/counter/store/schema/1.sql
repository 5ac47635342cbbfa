-- Version 1. Never changed again: later versions are further files.

-- A boot of the machine. Wall-clock time in milliseconds since 1970 is the time since the boot
-- and offset_ms.
CREATE TABLE boots (
  id INTEGER PRIMARY KEY,
  boot_id TEXT NOT NULL UNIQUE,
  offset_ms INTEGER NOT NULL,
  trust INTEGER NOT NULL            -- 0 never set, 1 set, 2 synchronized
) STRICT;

-- Changes of the clock other than the passing of time.
CREATE TABLE clock_steps (
  boot INTEGER NOT NULL REFERENCES boots (id),
  boot_us INTEGER NOT NULL,         -- when, since the boot
  from_ms INTEGER NOT NULL,         -- offsets
  to_ms INTEGER NOT NULL,
  trust INTEGER NOT NULL,
  is_applied INTEGER NOT NULL,      -- whether the boot's rows follow it
  PRIMARY KEY (boot, boot_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE expressions (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- A face that was followed for long enough.
CREATE TABLE visits (
  boot INTEGER NOT NULL REFERENCES boots (id),
  sequence INTEGER NOT NULL,        -- microseconds from the boot to the first sighting
  duration_ms INTEGER NOT NULL,
  uncertain_ms INTEGER NOT NULL,
  unseen_ms INTEGER NOT NULL,
  expression INTEGER REFERENCES expressions (id), -- shown longest; NULL: none was shown
  confidence REAL,                  -- 0 to 1; NULL: none was shown
  PRIMARY KEY (boot, sequence)
) STRICT, WITHOUT ROWID;

-- How long a visit showed an expression.
CREATE TABLE visit_expressions (
  boot INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  expression INTEGER NOT NULL REFERENCES expressions (id),
  shown_ms INTEGER NOT NULL,
  PRIMARY KEY (boot, sequence, expression),
  FOREIGN KEY (boot, sequence) REFERENCES visits (boot, sequence)
) STRICT, WITHOUT ROWID;

-- What the device did, by the quarter hour (UTC): local hours and days begin with one everywhere.
CREATE TABLE periods (
  boot INTEGER NOT NULL REFERENCES boots (id),
  start_ms INTEGER NOT NULL,        -- since the boot
  up_ms INTEGER NOT NULL,
  frames INTEGER NOT NULL,
  frames_without_face INTEGER NOT NULL,
  camera_losses INTEGER NOT NULL,
  PRIMARY KEY (boot, start_ms)
) STRICT, WITHOUT ROWID;
