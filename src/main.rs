//! The `animica-p2p` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    animica_p2p::cli::main()
}
