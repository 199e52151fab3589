//! Whom we believe: scores of peers, what moved them, and what others recommend.
//!
//! A pure engine: it takes the time and what happened, and says how a score changed. It bans nobody.
