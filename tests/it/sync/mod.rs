//! The sync engine against model peers under a virtual clock: the same seed gives the same run.

mod chains;
mod honest;
mod lies;
mod model;
mod orphans;
mod storms;
mod trust;
mod world;
