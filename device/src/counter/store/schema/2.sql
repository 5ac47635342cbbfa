-- Version 2: what is older than its retention, by the hour.

-- A local hour.
CREATE TABLE hours (
  start_s INTEGER PRIMARY KEY,      -- Unix seconds; 0: the time never became known
  up_ms INTEGER NOT NULL,
  frames INTEGER NOT NULL,
  frames_without_face INTEGER NOT NULL,
  camera_losses INTEGER NOT NULL,
  visits INTEGER NOT NULL,
  uncertain_visits INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  uncertain_ms INTEGER NOT NULL,
  unseen_ms INTEGER NOT NULL,
  certainty_ms REAL NOT NULL        -- sum of probability times milliseconds
) STRICT;

CREATE TABLE hour_expressions (
  start_s INTEGER NOT NULL REFERENCES hours (start_s),
  expression INTEGER NOT NULL REFERENCES expressions (id),
  visits INTEGER NOT NULL,          -- that showed it longest
  showing INTEGER NOT NULL,         -- that showed it at all
  shown_ms INTEGER NOT NULL,
  PRIMARY KEY (start_s, expression)
) STRICT, WITHOUT ROWID;
