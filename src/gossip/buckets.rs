//! Token buckets of messages.
