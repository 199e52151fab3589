//! Compact blocks.
