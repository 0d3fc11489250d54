//! Logs, and what systemd is told.
