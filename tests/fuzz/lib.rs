//! The bodies of the fuzz targets, for the binaries in `targets/`.

pub mod bodies;
