//! Who has what, and whom to ask for it.
