//! Errors about peers and the hash table as failures with a stable code and what to do next.

use crate::{
    api::code::{ErrorCode, Failure},
    node::{DhtError, PeeringError},
    peers::PeerStoreError,
};

/// Who is known.
const KNOWN: &str = "`animica-p2p peer known` shows the peers of the address book";

impl From<PeeringError> for Failure {
    fn from(e: PeeringError) -> Self {
        use PeeringError as E;
        let message = e.to_string();
        let new = |code| Self::new(code, message.clone());
        match e {
            E::NoPeerId(_) => new(ErrorCode::BadRequest)
                .hint("`animica-p2p status` of that node shows its whole address"),
            E::Ourselves => new(ErrorCode::PeerSelf)
                .hint("with several nodes, --data-dir says which one is meant"),
            E::Reserved(peer) => new(ErrorCode::PeerReserved).hint(format!(
                "`animica-p2p peer reserve {peer} --off`, then ban it"
            )),
            E::Unknown(_) => new(ErrorCode::PeerUnknown).hint(KNOWN),
            E::NotConnected(_) => {
                new(ErrorCode::PeerUnknown).hint("`animica-p2p peer connect ADDR` connects to it")
            }
            E::Score(_) => new(ErrorCode::Rejected).hint("for example --score 0.5"),
            E::Spared(_) => {
                new(ErrorCode::PeerReserved).hint("`animica-p2p peer list` shows who is reserved")
            }
            E::Shared(_) => {
                new(ErrorCode::Rejected).hint("ban the peer: `animica-p2p peer ban PEER`")
            }
            E::Duration => new(ErrorCode::Rejected).hint("for example --for 1h"),
            E::Book(_) => new(ErrorCode::BookRefused).hint(
                "`animica-p2p peer remove PEER` makes room, `discovery status` shows how much",
            ),
            E::Peer(_) => new(ErrorCode::PeerFailed)
                .hint("`animica-p2p peer explain PEER` shows what became of it"),
            E::Connect(e) => e.into(),
            E::Store(e) => e.into(),
            E::Stopped => new(ErrorCode::ShuttingDown),
        }
    }
}

impl From<DhtError> for Failure {
    fn from(e: DhtError) -> Self {
        use DhtError as E;
        let message = e.to_string();
        let new = |code| Self::new(code, message.clone());
        match e {
            E::Refused(_) => new(ErrorCode::Rejected)
                .hint("a long value belongs into a blob: `animica-p2p publish blob`"),
            E::NoPeers => new(ErrorCode::DhtNoPeers)
                .hint("`animica-p2p discovery status` shows where peers come from"),
            E::NotReplicated(_) => new(ErrorCode::DhtNotReplicated).hint(
                "it is sent again while this node runs; `animica-p2p dht stats` shows with whom",
            ),
            E::NotFound => new(ErrorCode::DhtNoValue).hint(
                "a key belongs to its author: name whose with --author, or --content for a hash",
            ),
            E::Timeout => new(ErrorCode::Timeout)
                .hint("`animica-p2p discovery status` shows how many peers answer"),
            E::Store(e) => e.into(),
            E::Stopped => new(ErrorCode::ShuttingDown),
        }
    }
}

impl From<PeerStoreError> for Failure {
    fn from(e: PeerStoreError) -> Self {
        Self::new(ErrorCode::StoreFailed, e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;
    use crate::node::ConnectError;

    #[test]
    fn every_refusal_has_its_own_code_and_the_next_command() {
        let peer = PeerId::random();
        let samples = [
            (PeeringError::Ourselves, ErrorCode::PeerSelf),
            (PeeringError::Reserved(peer), ErrorCode::PeerReserved),
            (PeeringError::Unknown(peer), ErrorCode::PeerUnknown),
            (PeeringError::NotConnected(peer), ErrorCode::PeerUnknown),
            (PeeringError::Score(f64::NAN), ErrorCode::Rejected),
            (PeeringError::Duration, ErrorCode::Rejected),
            (PeeringError::Book("full".into()), ErrorCode::BookRefused),
            (PeeringError::Peer("forged".into()), ErrorCode::PeerFailed),
        ];
        for (error, code) in samples {
            let failure = Failure::from(error);
            assert_eq!((failure.code, failure.code.exit()), (code, 1));
            assert!(failure.hint.is_some(), "{failure:?}");
        }
        let failure = Failure::from(PeeringError::Reserved(peer));
        let next = format!("peer reserve {peer} --off");
        assert!(failure.hint.is_some_and(|hint| hint.contains(&next)));
        let failure = Failure::from(PeeringError::Connect(ConnectError::Timeout));
        assert_eq!(failure.code, ErrorCode::Timeout);
        for (error, code) in [
            (DhtError::Refused("too long".into()), ErrorCode::Rejected),
            (DhtError::NoPeers, ErrorCode::DhtNoPeers),
            (
                DhtError::NotReplicated("nobody".into()),
                ErrorCode::DhtNotReplicated,
            ),
            (DhtError::NotFound, ErrorCode::DhtNoValue),
            (DhtError::Timeout, ErrorCode::Timeout),
        ] {
            let failure = Failure::from(error);
            assert_eq!((failure.code, failure.code.exit()), (code, 1));
            assert!(failure.hint.is_some(), "{failure:?}");
        }
    }
}
