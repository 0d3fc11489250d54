//! Sources joined, and what no source contains left alone.
