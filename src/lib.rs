//! punchd
