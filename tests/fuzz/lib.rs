//! The bodies of the fuzz targets, for the binaries in `targets/`.

// Named by `bodies/identify.rs`, which reads a file of the library as if it were in it.
use animica_p2p::{cbor, ids, offence, registry};

pub mod bodies;
