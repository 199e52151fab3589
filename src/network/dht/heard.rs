//! What Kademlia's handlers say and are told, and what of it is cut.

use libp2p::{
    Multiaddr, PeerId,
    kad::{self, KadPeer},
    swarm::{ConnectionId, THandlerInEvent, THandlerOutEvent},
};

use super::shelf::Shelf;
use crate::registry::{MAX_ADDRESS_BYTES, MAX_DHT_PACKET, MAX_DHT_RECORD_BYTES};

/// Kademlia as libp2p has it, over our store.
pub(super) type Kad = kad::Behaviour<Shelf>;

/// What a handler says.
pub(super) type Heard = THandlerOutEvent<Kad>;

/// What a handler is told.
pub(super) type Tell = THandlerInEvent<Kad>;

/// What to tell which handler.
pub(super) type Told = (PeerId, ConnectionId, Tell);

/// Most peers in an answer: the k of Kademlia. A packet has room for 600 that do not exist, and
/// every one would be kept for the length of the query.
pub(super) const MAX_CLOSER: usize = 20;

/// Most addresses of one peer that are taken from others, kept or passed on. Each costs a dial.
pub(super) const MAX_ADDRESSES_OF_PEER: usize = 4;

/// What a peer takes in a packet beside its addresses: id, how connected, three heads.
const PEER_BYTES: usize = 48;

/// Bytes of peers in an answer; with the longest record and 256 bytes of framing it fits a packet.
const MAX_PEERS_BYTES: usize = MAX_DHT_PACKET - MAX_DHT_RECORD_BYTES - 256;

/// Whether a handler is told to ask its peer something.
pub(super) fn is_request(tell: &Tell) -> bool {
    matches!(
        tell,
        Tell::FindNodeReq { .. } | Tell::GetRecord { .. } | Tell::PutRecord { .. }
    )
}

/// Whether a handler says what came of a request of ours.
pub(super) fn is_reply(heard: &Heard) -> bool {
    matches!(
        heard,
        Heard::FindNodeRes { .. }
            | Heard::GetRecordRes { .. }
            | Heard::PutRecordRes { .. }
            | Heard::QueryError { .. }
    )
}

/// Leaves of the peers that another names what a query may work with.
pub(super) fn cut_heard(peers: &mut Vec<KadPeer>, dialable: fn(&Multiaddr) -> bool) {
    peers.truncate(MAX_CLOSER);
    for peer in peers {
        peer.multiaddrs.retain(dialable);
        peer.multiaddrs.truncate(MAX_ADDRESSES_OF_PEER);
    }
}

/// Leaves of the peers we name what fits a packet beside a record, the closest first.
pub(super) fn cut_told(tell: &mut Tell, dialable: fn(&Multiaddr) -> bool) {
    let (Tell::FindNodeRes { closer_peers, .. } | Tell::GetRecordRes { closer_peers, .. }) = tell
    else {
        return;
    };
    closer_peers.truncate(MAX_CLOSER);
    let mut room = MAX_PEERS_BYTES;
    closer_peers.retain_mut(|peer| {
        let short = |a: &Multiaddr| a.len() <= MAX_ADDRESS_BYTES && dialable(a);
        peer.multiaddrs.retain(short);
        peer.multiaddrs.truncate(MAX_ADDRESSES_OF_PEER);
        let addresses: usize = peer.multiaddrs.iter().map(|a| a.len() + 3).sum();
        let size = PEER_BYTES + addresses;
        let fits = size <= room && !peer.multiaddrs.is_empty();
        room -= if fits { size } else { 0 };
        fits
    });
}
