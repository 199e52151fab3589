//! What was typed and what it means.
//!
//! [`main`] parses the command line, loads the configuration, carries out one command and turns its
//! outcome into an exit code. Commands that need a node talk to its control socket; only `listen`
//! runs one. Results go to standard output, everything else to standard error.

use std::process::ExitCode;

use clap::Parser;

use self::{
    args::{Cli, Command},
    context::Context,
    screen::Screen,
};
use crate::api::code::{ErrorCode, Failure};

mod args;
mod chain;
mod config;
mod context;
mod dht;
mod discovery;
mod failure;
mod genesis;
mod gossip;
mod health;
mod key;
mod listen;
mod locate;
mod messages;
mod moment;
mod peer;
mod ping;
mod ports;
mod progress;
mod publish;
mod resolve;
mod screen;
mod seeds;
mod status;
mod sync;
mod trust;
mod version;

/// What a command comes to. A check that found something, having said so itself, ends with
/// `Err` as well: the failure carries the exit code.
type Outcome = Result<(), Failure>;

/// The binary.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    match Cli::try_parse_from(&args) {
        Ok(cli) => {
            let screen = Screen::new(cli.global.json);
            match run(&cli, &screen) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => {
                    screen.failure(&failure);
                    ExitCode::from(failure.code.exit())
                }
            }
        }
        Err(e) => usage(&e, args.iter().any(|a| a == "--json")),
    }
}

fn run(cli: &Cli, screen: &Screen) -> Outcome {
    match &cli.command {
        Command::Version => version::run(screen),
        Command::Config(command) => config::run(&cli.global, command, screen),
        Command::Listen(listen) => listen::run(&cli.global, listen, screen),
        other => {
            let context = Context::load(&cli.global, Vec::new())?;
            context.init_logs(true)?;
            context.print_notes(screen);
            match other {
                Command::Peer(command) => peer::run(&context, command, screen),
                Command::Trust(command) => trust::run(&context, command, screen),
                Command::Discovery(command) => discovery::run(&context, *command, screen),
                Command::Dht(command) => dht::run(&context, command, screen),
                Command::Publish(command) => publish::run(&context, command, screen),
                Command::Broadcast(message) => publish::app(&context, message, screen),
                Command::Send(command) => messages::send(&context, command, screen),
                Command::Messages(command) => messages::run(&context, command, screen),
                Command::Mempool(command) => gossip::mempool(&context, *command, screen),
                Command::Gossip(command) => gossip::run(&context, *command, screen),
                Command::Ping(command) => ping::run(&context, command, screen),
                Command::Sync(command) => sync::run(&context, command, screen),
                Command::Status => status::status(&context, screen),
                Command::Stats => status::stats(&context, screen),
                Command::Chain(command) => chain::run(&context, command, screen),
                Command::Key(command) => key::run(&context, command, screen),
                Command::Seeds(command) => seeds::run(&context, command, screen),
                Command::Health(command) => health::run(&context, command, screen),
                Command::Version | Command::Config(_) | Command::Listen(_) => Ok(()),
            }
        }
    }
}

/// Help and version go to standard output and are no error; the rest is exit code 2.
fn usage(e: &clap::Error, json: bool) -> ExitCode {
    if json && e.use_stderr() {
        let text = e.render().to_string();
        let message = text
            .lines()
            .find_map(|l| l.strip_prefix("error: "))
            .unwrap_or("the command line makes no sense");
        let failure = Failure::new(ErrorCode::Usage, message).hint("animica-p2p --help");
        Screen::new(true).failure(&failure);
    } else {
        // Nothing can be said when even that fails.
        drop(e.print());
    }
    ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2))
}
