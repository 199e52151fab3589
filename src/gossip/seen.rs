//! What was seen before.
