//! Which node a command addresses.

use std::path::PathBuf;

use libp2p::Multiaddr;

use super::{context::Context, screen::Screen};
use crate::api::{
    code::{ErrorCode, Failure},
    control::Client,
    running::{self, Entry},
};

/// What a command found to work with.
#[derive(Debug)]
pub(super) enum Found {
    /// A running node.
    Node(Client),
    /// No node runs; this is the data directory a stopped one would use.
    Stopped(PathBuf),
}

/// Connects to the node the command is meant for.
///
/// # Errors
/// `node_not_running`, or why the socket does not answer.
pub(super) fn node(context: &Context, screen: &Screen) -> Result<Client, Failure> {
    node_for(context, screen, None)
}

/// The same for `peer connect ADDR`: with several nodes, one that does not itself listen on ADDR.
pub(super) fn node_for(
    context: &Context,
    screen: &Screen,
    dialled: Option<&Multiaddr>,
) -> Result<Client, Failure> {
    match find(context, screen, dialled)? {
        Found::Node(client) => Ok(client),
        Found::Stopped(dir) => Err(Failure::new(
            ErrorCode::NodeNotRunning,
            format!("no node runs on {}", dir.display()),
        )
        .hint("start one with `animica-p2p listen`, or name its --data-dir")),
    }
}

/// The node, or the data directory when none runs.
pub(super) fn find(
    context: &Context,
    screen: &Screen,
    dialled: Option<&Multiaddr>,
) -> Result<Found, Failure> {
    if let Some(dir) = context.named_data_dir() {
        return match Client::connect(&dir) {
            Ok(client) => Ok(Found::Node(client)),
            Err(e) if e.code == ErrorCode::NodeNotRunning => Ok(Found::Stopped(dir)),
            Err(e) => Err(e),
        };
    }
    let mut nodes = running::running(&running::folders());
    if let Some(chain) = context.named_chain() {
        nodes.retain(|n| n.chain_id == chain);
    }
    let Some(choice) = choose(&nodes, dialled) else {
        let dir = context.data_dir()?;
        // A node whose entry could not be written is still found on the default directory.
        return match Client::connect(&dir) {
            Ok(client) => Ok(Found::Node(client)),
            Err(e) if e.code == ErrorCode::NodeNotRunning => Ok(Found::Stopped(dir)),
            Err(e) => Err(e),
        };
    };
    if nodes.len() > 1 {
        screen.note(&format!(
            "{} nodes run; using the newest{}: {} on {} (--data-dir names another)",
            nodes.len(),
            if choice == &nodes[0] {
                ""
            } else {
                " that does not listen on that address"
            },
            choice.peer_id,
            choice.data_dir.display()
        ));
    }
    Client::connect(&choice.data_dir).map(Found::Node)
}

/// The newest that would not dial itself; all of them would: the newest, which then says so.
fn choose<'a>(newest_first: &'a [Entry], dialled: Option<&Multiaddr>) -> Option<&'a Entry> {
    let other = |n: &&Entry| dialled.is_none_or(|addr| !n.listens_on(addr));
    newest_first
        .iter()
        .find(other)
        .or_else(|| newest_first.first())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ChainId;

    fn entry(name: &str, port: u16) -> Entry {
        Entry {
            data_dir: name.into(),
            peer_id: name.to_owned(),
            chain_id: ChainId(1),
            addresses: vec![
                format!("/ip4/127.0.0.1/tcp/{port}")
                    .parse()
                    .expect("an address"),
            ],
            started_ms: 0,
        }
    }

    #[test]
    fn the_newest_node_is_addressed_but_none_is_told_to_dial_itself() {
        let nodes = [entry("newest", 1), entry("older", 2)];
        let to = |port: u16| {
            Some(
                format!("/ip4/127.0.0.1/tcp/{port}")
                    .parse::<Multiaddr>()
                    .expect("an address"),
            )
        };
        let name = |dialled: Option<Multiaddr>| {
            choose(&nodes, dialled.as_ref()).map(|n| n.peer_id.as_str())
        };
        assert_eq!(name(None), Some("newest"));
        assert_eq!(name(to(2)), Some("newest"));
        assert_eq!(name(to(1)), Some("older"));
        assert_eq!(
            choose(&nodes[..1], to(1).as_ref()).map(|n| n.peer_id.as_str()),
            Some("newest")
        );
        assert_eq!(choose(&[], None), None);
    }
}
