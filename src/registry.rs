//! Everything two nodes must agree on by name or number, once: protocol names, message ids,
//! topics, signing contexts and the limits of the wire.
//!
//! `specs/wire.md` holds the same tables; a test compares them with this file.

mod message_id;
mod topic;

pub use message_id::MessageId;
pub use topic::Topic;

use crate::ids::ChainId;

/// Name of the secure channel in multistream-select, the only one a dialler offers.
pub const CHANNEL_PROTOCOL: &str = "/animica/pq/1";

/// ALPN of the QUIC transport.
pub const QUIC_ALPN: &[u8] = b"animica/1";

/// What this build calls itself to peers.
pub const AGENT_VERSION: &str = concat!("animica-p2p/", env!("CARGO_PKG_VERSION"));

/// A libp2p protocol, named `/animica/{chain_id}/{name}/{major}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    /// The part that names the job.
    pub name: &'static str,
    /// The version that breaks the one before.
    pub major: u8,
}

impl Protocol {
    /// Who a peer is: version, network, addresses, protocols, head.
    pub const IDENTIFY: Self = Self {
        name: "identify",
        major: 1,
    };
    /// Headers and blocks on request.
    pub const SYNC: Self = Self {
        name: "sync",
        major: 1,
    };
    /// Identity keys by digest, for envelopes that carry only the digest.
    pub const KEYS: Self = Self {
        name: "keys",
        major: 1,
    };

    /// Inventory, transactions, shares, samples of blobs and set reconciliation.
    pub const DATA: Self = Self {
        name: "data",
        major: 1,
    };
    /// Direct messages of applications.
    pub const DIRECT: Self = Self {
        name: "direct",
        major: 1,
    };
    /// Node records of others, and goodbyes.
    pub const PEERS: Self = Self {
        name: "peers",
        major: 1,
    };
    /// Signed statements about whom a node trusts.
    pub const TRUST: Self = Self {
        name: "trust",
        major: 1,
    };
    /// A ping whose answer is signed.
    pub const SIGNED_PING: Self = Self {
        name: "signed-ping",
        major: 1,
    };
    /// Look-ups and records of the distributed hash table.
    pub const KAD: Self = Self {
        name: "kad",
        major: 1,
    };

    /// Every protocol of this build.
    pub const ALL: &'static [Self] = &[
        Self::IDENTIFY,
        Self::SYNC,
        Self::KEYS,
        Self::DATA,
        Self::DIRECT,
        Self::PEERS,
        Self::TRUST,
        Self::SIGNED_PING,
        Self::KAD,
    ];

    /// The full name on chain `chain`.
    #[must_use]
    pub fn on(self, chain: ChainId) -> String {
        format!("/animica/{chain}/{}/{}", self.name, self.major)
    }
}

/// What kind of document a signature covers. Part of every signed message, so that a signature
/// made for one purpose verifies for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignContext {
    /// The responder's proof in the stream handshake.
    HandshakeResponder,
    /// The initiator's proof in the stream handshake.
    HandshakeInitiator,
    /// The responder's proof on QUIC.
    QuicResponder,
    /// The initiator's proof on QUIC.
    QuicInitiator,
    /// A delegation of the identity to an operational key.
    Delegation,
    /// A node record.
    Record,
    /// An application message.
    Envelope,
    /// A signed ping or pong.
    Ping,
    /// A DHT record.
    Dht,
    /// An IOU and the steps of its life.
    Iou,
}

impl SignContext {
    /// Every context.
    pub const ALL: &'static [Self] = &[
        Self::HandshakeResponder,
        Self::HandshakeInitiator,
        Self::QuicResponder,
        Self::QuicInitiator,
        Self::Delegation,
        Self::Record,
        Self::Envelope,
        Self::Ping,
        Self::Dht,
        Self::Iou,
    ];

    /// The bytes that are signed.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::HandshakeResponder => "pq1/r",
            Self::HandshakeInitiator => "pq1/i",
            Self::QuicResponder => "quic1/r",
            Self::QuicInitiator => "quic1/i",
            Self::Delegation => "delegation/1",
            Self::Record => "record/1",
            Self::Envelope => "envelope/1",
            Self::Ping => "ping/1",
            Self::Dht => "dht/1",
            Self::Iou => "iou/1",
        }
    }
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $t:ty = $value:expr, $unit:literal;)*) => {
        $($(#[$doc])* pub const $name: $t = $value;)*

        /// Every limit of the wire as (name, value, unit), for the table in `specs/wire.md`.
        pub const LIMITS: &[(&str, u64, &str)] = &[$((stringify!($name), $name as u64, $unit),)*];
    };
}

limits! {
    /// Longest encoded header. With every integer at its maximum and a full `extra` a header has
    /// 545 bytes; the rest is room for one future field.
    MAX_HEADER_BYTES: usize = 1024, "B";
    /// Longest `extra` of a header.
    MAX_EXTRA_BYTES: usize = 32, "B";
    /// Longest transaction: a SPHINCS+ signed one has about 8 KiB, a contract deployment more.
    MAX_TX_BYTES: usize = 128 * 1024, "B";
    /// Longest share of any type.
    MAX_SHARE_BYTES: usize = 256 * 1024, "B";
    /// Longest hash share.
    MAX_HASH_SHARE_BYTES: usize = 1024, "B";
    /// Longest blob announcement.
    MAX_BLOB_ANNOUNCE_BYTES: usize = 64 * 1024, "B";
    /// Most proofs in a block of any chain: the sum of the per-type caps of the original.
    MAX_PROOFS: usize = 21_249, "items";
    /// Longest block of any chain (devnet has the largest).
    MAX_BLOCK_BYTES: usize = 4_000_000, "B";
    /// Most headers in one answer. A full batch is about 1 MB: a second on a 10 Mbit/s link.
    MAX_HEADERS: usize = 2048, "items";
    /// Most hashes in a locator.
    MAX_LOCATOR: usize = 32, "items";
    /// Most blocks in one request.
    MAX_BLOCKS: usize = 1024, "items";
    /// Most bytes of blocks in one answer, unless its first block alone is larger. Bounds what one
    /// in-flight request can pin in memory on either side.
    MAX_BLOCKS_BYTES: usize = 4 * 1024 * 1024, "B";
    /// Payload cap of a single frame: the largest block with its framing.
    MAX_FRAME_PAYLOAD: usize = 4_300_000, "B";
    /// Payload cap of a request frame, but for `INV`, which has its own.
    MAX_REQUEST_PAYLOAD: usize = 64 * 1024, "B";
    /// Most unanswered requests a serving peer can grant. More would only queue at its disk.
    MAX_CREDIT_REQUESTS: u32 = 64, "requests";
    /// Most bytes of blocks a serving peer can grant to unanswered requests together: twice the
    /// bandwidth-delay product of 1 Gbit/s at 250 ms.
    MAX_CREDIT_BYTES: u64 = 64 * 1024 * 1024, "B";
    /// Longest wait that `BUSY` can ask for. Longer would let a peer park itself for good.
    MAX_RETRY_AFTER_MS: u64 = 60_000, "ms";
    /// Longest identify message.
    MAX_IDENTIFY_BYTES: usize = 16 * 1024, "B";
    /// Most addresses in an identify message or a node record.
    MAX_ADDRESSES: usize = 32, "items";
    /// Longest address.
    MAX_ADDRESS_BYTES: usize = 256, "B";
    /// Most protocols in an identify message.
    MAX_PROTOCOLS: usize = 128, "items";
    /// Longest protocol name.
    MAX_PROTOCOL_BYTES: usize = 128, "B";
    /// Longest agent version.
    MAX_AGENT_BYTES: usize = 128, "B";
    /// Longest signed node record.
    MAX_RECORD_BYTES: usize = 24 * 1024, "B";
    /// Longest envelope payload.
    MAX_ENVELOPE_PAYLOAD: usize = 64 * 1024, "B";
    /// Longest envelope topic.
    MAX_ENVELOPE_TOPIC: usize = 64, "B";
    /// Longest life of an envelope.
    MAX_ENVELOPE_TTL_MS: u64 = 24 * 60 * 60 * 1000, "ms";
    /// Longest ClientHello or ServerHello frame body.
    MAX_HELLO_BYTES: usize = 2 * 1024, "B";
    /// Longest authentication frame body.
    MAX_AUTH_BYTES: usize = 16 * 1024, "B";
    /// Longest content of one record of the channel.
    MAX_RECORD_CONTENT: usize = 65_536, "B";
    /// Overall deadline of a handshake from accept or connect, never extended by partial reads.
    HANDSHAKE_DEADLINE_MS: u64 = 20_000, "ms";
    /// Longest life of a delegation.
    MAX_DELEGATION_MS: u64 = 90 * 24 * 60 * 60 * 1000, "ms";
    /// Clock allowance at both ends of a delegation's life.
    DELEGATION_SKEW_MS: u64 = 10 * 60 * 1000, "ms";
    /// Longest life of a node record.
    MAX_RECORD_TTL_MS: u64 = 24 * 60 * 60 * 1000, "ms";
    /// How far ahead of this node's clock a record or envelope may be dated. The same as for
    /// delegations, so that whoever can connect can also be heard.
    MESSAGE_SKEW_MS: u64 = 10 * 60 * 1000, "ms";
    /// Longest envelope domain.
    MAX_ENVELOPE_DOMAIN: usize = 32, "B";
    /// Longest gossip message on any topic: an announcement of the largest block with its short
    /// ids and prefilled transactions.
    MAX_GOSSIP_BYTES: usize = 1024 * 1024, "B";
    /// Longest application message on a gossip topic: an envelope with the longest payload, the
    /// key and a delegation.
    MAX_APP_MESSAGE_BYTES: usize = 128 * 1024, "B";
    /// Most items in an `INV`: the original's figure, 72 KiB.
    MAX_INV_ITEMS: usize = 2048, "items";
    /// Most objects in one `GETDATA`: the original's figure.
    MAX_GETDATA_ITEMS: usize = 512, "items";
    /// Most bytes of objects in one answer to a `GETDATA`, unless its first object alone is larger.
    /// The same as for blocks, and for the same reason.
    MAX_DATA_BYTES: usize = 4 * 1024 * 1024, "B";
    /// Longest transaction or share that is pushed through the mesh; longer ones are announced. A
    /// pushed message reaches a node several times, once from almost every neighbour in its mesh:
    /// of a transaction of 128 KiB that would be more than half a megabyte. 16 KiB hold any ordinary
    /// post-quantum transaction (5-10 kB), so those never wait for the round trip of a request.
    MAX_PUSHED_BYTES: usize = 16 * 1024, "B";
    /// Most items of a set that is reconciled: a full pool and a quarter. An encoder of them has
    /// 7.3 MB.
    MAX_SKETCH_SET: usize = 131_072, "items";
    /// Most symbols in one answer: 229 KB.
    MAX_SKETCH_SYMBOLS: usize = 16_384, "items";
    /// End of the symbols of a session: enough for some 23 000 differences, beyond which listing
    /// the keys is cheaper for any set.
    MAX_SKETCH_INDEX: usize = 32_768, "items";
    /// Most short keys in one answer: 131 KB.
    MAX_SKETCH_KEYS: usize = 16_384, "items";
    /// Most ids asked for by short key at a time: 32 KB of keys, 131 KB of ids.
    MAX_SKETCH_IDS: usize = 4096, "items";
    /// Most transactions and proofs of a block of any chain together: devnet's 60 000 transactions
    /// and [`MAX_PROOFS`].
    MAX_BLOCK_ITEMS: usize = 81_249, "items";
    /// Most bytes of items a block announce carries in full: a dozen post-quantum transactions of
    /// 5 kB. Every neighbour gets them whether it misses them or not, so more would cost more than
    /// the round trip it saves.
    MAX_PREFILLED_BYTES: usize = 64 * 1024, "B";
    /// Most items a block announce carries in full.
    MAX_PREFILLED: usize = 256, "items";
    /// Longest block announce: 6 bytes for each of [`MAX_BLOCK_ITEMS`], the items in full with
    /// their heads, the header, and the few numbers.
    MAX_ANNOUNCE_BYTES: usize = 560 * 1024, "B";
    /// Most items of a block in one request. Whoever misses more has hardly anything of the block
    /// and gets it whole.
    MAX_GET_TX: usize = 32_768, "items";
    /// Longest name of a kind of direct message. Names are looked up, not read by people.
    MAX_DIRECT_KIND: usize = 64, "B";
    /// Longest direct message that travels whole, in order with the others; what is longer is
    /// streamed. Bounds what a reader of one substream holds.
    MAX_DIRECT_PAYLOAD: usize = 1024 * 1024, "B";
    /// Longest chunk of a streamed message. Larger would only hold more at a time.
    MAX_DIRECT_CHUNK: usize = 64 * 1024, "B";
    /// Most direct messages on a substream without a receipt. One in 1024 round trips a
    /// millisecond apart is a million a second; more would only be memory at the sender.
    MAX_DIRECT_WINDOW: usize = 1024, "messages";
    /// Longest blob. A whole one is held in memory while its tree is built and while it is read
    /// from disk.
    MAX_BLOB_BYTES: usize = 2 * 1024 * 1024, "B";
    /// Data in a leaf of a blob. Smaller would make proofs outweigh leaves, larger would make a
    /// sample of a small blob all of it.
    BLOB_LEAF_BYTES: usize = 4096, "B";
    /// Most leaves in one request for samples: five requests fetch most of the largest blob, and an
    /// answer stays below 400 KB.
    MAX_SAMPLES: usize = 64, "items";
    /// Most siblings in the proof of a sample: a blob needs 10; the rest is room for larger trees.
    MAX_SAMPLE_PATH: usize = 24, "items";
    /// Most node records in one answer to `GET_PEERS`. Enough to start a node whose one neighbour is
    /// honest; more would only help whoever wants to fill a book with his own.
    MAX_PEERS_RECORDS: usize = 32, "items";
    /// Most bytes of node records in one answer: 32 ordinary ones have 180 KB, those of delegated
    /// keys three times as much and then come in smaller numbers.
    MAX_PEERS_BYTES: usize = 256 * 1024, "B";
    /// Longest time after which `DISCONNECT` can invite us to come back.
    MAX_GOODBYE_RETRY_MS: u64 = 24 * 60 * 60 * 1000, "ms";
    /// Longest signed ping or pong: body, key, delegation and signature have 15 700 at most.
    MAX_SIGNED_PING_BYTES: usize = 16 * 1024, "B";
    /// How far the time in a signed ping may be from the clock of its reader, either way. Shorter
    /// would need clocks that agree better than clocks do; longer would make the memory of nonces
    /// larger and say less about now.
    SIGNED_PING_FRESH_MS: u64 = 60 * 1000, "ms";
    /// Most peers in a trust statement.
    MAX_TRUST_ENTRIES: usize = 20, "items";
    /// Longest signed trust statement: envelope, key, delegation and signature around the longest
    /// payload have 17 000 at most.
    MAX_TRUST_BYTES: usize = 20 * 1024, "B";
    /// Longest name of a value in the hash table. Names are looked up, not read by people.
    MAX_DHT_NAME: usize = 64, "B";
    /// Longest value in the hash table. What is longer belongs into a blob.
    MAX_DHT_VALUE: usize = 8 * 1024, "B";
    /// Longest value in the hash table that a delegated key signs: the delegation takes up to
    /// 10 KiB of the record.
    MAX_DHT_DELEGATED_VALUE: usize = 2 * 1024, "B";
    /// Longest record of the hash table. The longest value with its key and signature has 13 744
    /// bytes, the longest delegated one 15 742.
    MAX_DHT_RECORD_BYTES: usize = 16 * 1024, "B";
    /// Longest packet of the hash table: a record and 20 peers of 400 bytes beside it.
    MAX_DHT_PACKET: usize = 24 * 1024, "B";
    /// Longest life of a record of the hash table. Longer would make holders keep what nobody
    /// cares to sign again.
    MAX_DHT_TTL_MS: u64 = 7 * 24 * 60 * 60 * 1000, "ms";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let unique = |names: Vec<String>| {
            let n = names.len();
            let set: std::collections::BTreeSet<_> = names.into_iter().collect();
            assert_eq!(set.len(), n);
        };
        unique(SignContext::ALL.iter().map(|c| c.label().into()).collect());
        unique(MessageId::ALL.iter().map(|m| m.name().into()).collect());
        unique(Protocol::ALL.iter().map(|p| p.on(ChainId(1))).collect());
        unique(Topic::ALL.iter().map(|t| t.on(ChainId(1))).collect());
    }

    #[test]
    fn topics_are_where_their_index_says() {
        for (index, topic) in Topic::ALL.iter().enumerate() {
            assert_eq!(topic.index(), index);
        }
    }

    #[test]
    fn message_ids_round_trip() {
        for id in MessageId::ALL {
            assert_eq!(MessageId::from_u16(*id as u16), Some(*id));
        }
        assert_eq!(MessageId::from_u16(0xffff), None);
    }

    #[test]
    fn names_carry_the_chain() {
        assert_eq!(Protocol::SYNC.on(ChainId::DEVNET), "/animica/1337/sync/1");
        assert_eq!(
            Topic::SharesHash.on(ChainId(1)),
            "animica/gossip/v1/1/shares/hash"
        );
    }

    #[test]
    fn limits_fit_each_other() {
        const { assert!(MAX_BLOCK_BYTES < MAX_FRAME_PAYLOAD) };
        const { assert!(MAX_HEADERS * (MAX_HEADER_BYTES + 3) < MAX_FRAME_PAYLOAD) };
        const { assert!(MAX_BLOCKS_BYTES + 64 * 1024 < MAX_FRAME_PAYLOAD) };
        const { assert!(MAX_PEERS_BYTES >= 10 * MAX_RECORD_BYTES) };
        const { assert!(MAX_LOCATOR * 34 < MAX_REQUEST_PAYLOAD) };
        const { assert!(MAX_BLOCKS * 34 + 64 < MAX_REQUEST_PAYLOAD) };
        const { assert!(MAX_GETDATA_ITEMS * 34 + 64 < MAX_REQUEST_PAYLOAD) };
        const { assert!(MAX_DATA_BYTES + MAX_GETDATA_ITEMS * 5 + 64 < MAX_FRAME_PAYLOAD) };
        const { assert!(MAX_GETDATA_ITEMS <= MAX_BLOCKS) };
        const { assert!(MAX_SHARE_BYTES < MAX_DATA_BYTES && MAX_TX_BYTES < MAX_DATA_BYTES) };
        const { assert!(MAX_SKETCH_IDS * 8 + 1024 < MAX_REQUEST_PAYLOAD) };
        const { assert!(MAX_SKETCH_IDS * 32 < MAX_SKETCH_SYMBOLS * 14) };
        const { assert!(MAX_SKETCH_KEYS * 8 < MAX_SKETCH_SYMBOLS * 14) };
        // A gap takes 1 byte, 2 from 24 on and 3 from 256 on, and all gaps together are items.
        const {
            assert!(
                64 + MAX_GET_TX + MAX_BLOCK_ITEMS / 24 + MAX_BLOCK_ITEMS / 256
                    < MAX_REQUEST_PAYLOAD
            )
        };
        const {
            assert!(
                6 * MAX_BLOCK_ITEMS
                    + MAX_PREFILLED_BYTES
                    + 11 * MAX_PREFILLED
                    + MAX_HEADER_BYTES
                    + 64
                    <= MAX_ANNOUNCE_BYTES
            )
        };
    }
}
