//! From what was typed to the peer that is meant.
//!
//! Ids have fifty characters, so commands take as many of the first ones as name one peer alone among
//! those that the node is connected to or knows.

use std::collections::BTreeSet;

use libp2p::PeerId;

use super::status::PATIENCE;
use crate::{
    api::{
        code::{ErrorCode, Failure},
        control::{Client, Request},
        subject::subject,
    },
    report::{KnownPeerReport, PeerReport},
    telemetry::escaped,
};

/// What every id of such networks begins with; alone it names nobody.
const COMMON: &str = "14QGS";

/// Peers of the address book that are compared. A book with more could hide a second match.
const COMPARED: usize = 10_000;

/// Matches that a message lists.
const LISTED: usize = 8;

/// A peer as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Its whole id.
    Id(PeerId),
    /// The beginning of its id.
    Prefix(String),
}

impl Typed {
    /// Reads an id or the beginning of one.
    ///
    /// # Errors
    /// `usage`: it can be neither.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        if let Ok(peer) = text.parse() {
            return Ok(Self::Id(peer));
        }
        if is_prefix(text) {
            return Ok(Self::Prefix(text.to_owned()));
        }
        let message = format!("`{}` is not a peer id", escaped(text));
        let hint = if COMMON.starts_with(text) && !text.is_empty() {
            format!("every id begins with {COMMON}: give more of it")
        } else {
            "`animica-p2p peer list` and `peer known` show them; their first characters are enough"
                .to_owned()
        };
        Err(Failure::new(ErrorCode::Usage, message).hint(hint))
    }

    /// The peer that is meant.
    ///
    /// # Errors
    /// `peer_unknown`, `peer_ambiguous`, or what the node answers.
    pub(super) fn find(self, node: &mut Client) -> Result<PeerId, Failure> {
        let prefix = match self {
            Self::Id(peer) => return Ok(peer),
            Self::Prefix(prefix) => prefix,
        };
        let connected: Vec<PeerReport> = node.call(&Request::PeerList, PATIENCE, |_| {})?;
        let request = Request::PeerKnown { limit: COMPARED };
        let known: Vec<KnownPeerReport> = node.call(&request, PATIENCE, |_| {})?;
        let whole = known.len() < COMPARED;
        let connected = connected.into_iter().map(|p| p.peer_id);
        let known = known.into_iter().map(|p| p.peer_id);
        only(&prefix, connected.chain(known).collect(), whole)
    }
}

/// What a ban can be about, before any node is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// A peer.
    Peer(Typed),
    /// An address or a group of addresses.
    Place(String),
}

impl Whom {
    /// Reads a peer, an address or a group of addresses.
    ///
    /// # Errors
    /// `usage`: it is none of them.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        // No id has one of these.
        if !text.contains(['.', ':', '/']) {
            return Typed::parse(text).map(Self::Peer);
        }
        match subject(text) {
            Ok(_) => Ok(Self::Place(text.trim().to_owned())),
            Err(failure) => Err(Failure {
                code: ErrorCode::Usage,
                ..failure
            }),
        }
    }

    /// As the node reads it.
    ///
    /// # Errors
    /// As for [`Typed::find`].
    pub(super) fn find(self, node: &mut Client) -> Result<String, Failure> {
        match self {
            Self::Peer(peer) => peer.find(node).map(|peer| peer.to_string()),
            Self::Place(text) => Ok(text),
        }
    }
}

/// Whether ids could begin with `text`.
pub(super) fn is_prefix(text: &str) -> bool {
    let base58 = |b: u8| b.is_ascii_alphanumeric() && !matches!(b, b'0' | b'O' | b'I' | b'l');
    text.len() > COMMON.len() && text.starts_with(COMMON) && text.bytes().all(base58)
}

/// The only id that begins with `prefix`; `whole`: whether `ids` are all there are.
fn only(prefix: &str, ids: BTreeSet<String>, whole: bool) -> Result<PeerId, Failure> {
    let matches: Vec<&String> = ids.iter().filter(|id| id.starts_with(prefix)).collect();
    let ambiguous = |message: String| {
        Failure::new(ErrorCode::PeerAmbiguous, message).hint("give more of the id")
    };
    match matches[..] {
        [] => Err(Failure::new(
            ErrorCode::PeerUnknown,
            format!("no peer that is connected or known has an id that begins with `{prefix}`"),
        )
        .hint("`animica-p2p peer list` and `peer known` show them; a whole id always works")),
        [id] if whole => id
            .parse()
            .map_err(|_| Failure::new(ErrorCode::Failed, format!("`{}` is no id", escaped(id)))),
        [_] => Err(ambiguous(format!(
            "the address book is too large to tell whether `{prefix}` names one peer alone"
        ))),
        _ => {
            let shown: Vec<&str> = matches.iter().take(LISTED).map(|id| id.as_str()).collect();
            let more = matches.len() - shown.len();
            let rest = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            Err(ambiguous(format!(
                "`{prefix}` begins {} ids: {}{rest}",
                matches.len(),
                shown.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::peer_id_from_digest, ids::Hash32};

    fn ids(count: u8) -> BTreeSet<String> {
        (0..count)
            .map(|n| peer_id_from_digest(Hash32([n; 32])).to_string())
            .collect()
    }

    #[test]
    fn the_first_characters_name_a_peer_if_they_name_no_other() {
        let all = ids(5);
        for id in &all {
            assert_eq!(only(id, all.clone(), true), Ok(id.parse().expect("an id")));
            let shortest = (COMMON.len() + 1..=id.len())
                .map(|n| &id[..n])
                .find(|p| all.iter().filter(|id| id.starts_with(p)).count() == 1)
                .expect("ids differ");
            let found = only(shortest, all.clone(), true).expect("found");
            assert_eq!(&found.to_string(), id);
            let failure = only(shortest, all.clone(), false).expect_err("uncertain");
            assert_eq!(failure.code, ErrorCode::PeerAmbiguous);
        }
    }

    #[test]
    fn an_ambiguous_beginning_lists_the_matches() {
        let failure = only(COMMON, ids(3), true).expect_err("ambiguous");
        assert_eq!(failure.code, ErrorCode::PeerAmbiguous);
        assert_eq!(failure.code.exit(), 1);
        for id in ids(3) {
            assert!(failure.message.contains(&id), "{}", failure.message);
        }
        let failure = only(COMMON, ids(20), true).expect_err("ambiguous");
        assert!(failure.message.ends_with("and 12 more"));
        let failure = only("14QGSx", ids(3), true).expect_err("nobody");
        assert_eq!(failure.code, ErrorCode::PeerUnknown);
    }

    #[test]
    fn what_begins_no_id_is_a_usage_error_before_any_node_is_asked() {
        for text in [
            "",
            "nonsense",
            "14Q",
            "14QGS",
            "14QGS0",
            "14QGSé",
            "12D3KooW",
            "14QGS\u{1b}[2J",
        ] {
            let failure = Typed::parse(text).expect_err(text);
            assert_eq!(failure.code, ErrorCode::Usage, "{text}");
            assert!(!failure.message.contains('\u{1b}'));
        }
        assert_eq!(
            Typed::parse("14QGSab"),
            Ok(Typed::Prefix("14QGSab".to_owned()))
        );
        for text in ["203.0.113.7", "2001:db8::1"] {
            assert_eq!(Whom::parse(text), Ok(Whom::Place(text.to_owned())));
        }
        for text in ["203.0.113", "8.9.0.0/24", "127.0.0.1:41000"] {
            let failure = Whom::parse(text).expect_err(text);
            assert_eq!(failure.code, ErrorCode::Usage, "{text}");
        }
    }
}
