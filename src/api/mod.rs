//! What a node shows and how it is asked: error codes, control socket, registry of running nodes,
//! and (feature `http`) metrics and health over HTTP.
//!
//! Everything here speaks to `node::Handle` and reports; it holds no state of its own.

pub mod archive;
pub mod code;
#[cfg(unix)]
pub mod control;
#[cfg(unix)]
pub mod dispatch;
mod failure;
#[cfg(feature = "http")]
pub mod http;
pub mod inspect;
pub mod publish;
#[cfg(unix)]
pub mod running;
pub mod subject;
pub mod talk;
pub mod values;
