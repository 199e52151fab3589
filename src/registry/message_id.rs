//! The number that opens every frame.

macro_rules! message_ids {
    ($($(#[$doc:meta])* $name:ident = $id:literal => $text:literal,)*) => {
        /// The u16 that opens every frame: the original network's table, and eight of our own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum MessageId { $($(#[$doc])* $name = $id,)* }

        impl MessageId {
            /// Every id.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The id with this number, if the table has one.
            #[must_use]
            pub fn from_u16(id: u16) -> Option<Self> {
                match id { $($id => Some(Self::$name),)* _ => None }
            }

            /// The name in the specification, also the metric label.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

message_ids! {
    /// Connection greeting of the original; here the handshake and identify do its work.
    Hello = 0x0001 => "HELLO",
    /// Answer to `HELLO`.
    HelloAck = 0x0002 => "HELLO_ACK",
    /// Signed liveness probe.
    Ping = 0x0003 => "PING",
    /// Answer to `PING`.
    Pong = 0x0004 => "PONG",
    /// Goodbye with a reason.
    Disconnect = 0x0005 => "DISCONNECT",
    /// A request could not be answered, with a code.
    Error = 0x0006 => "ERROR",
    /// Receipt of a frame that asked for one (ours: the original table has none).
    Ack = 0x0007 => "ACK",
    /// Who are you.
    Identify = 0x0100 => "IDENTIFY",
    /// Who I am.
    IdentifyResp = 0x0101 => "IDENTIFY_RESP",
    /// Whom do you know.
    GetPeers = 0x0102 => "GET_PEERS",
    /// Whom I know.
    Peers = 0x0103 => "PEERS",
    /// Where I am.
    AddressAnnounce = 0x0104 => "ADDRESS_ANNOUNCE",
    /// How far I trust these, unasked (ours).
    TrustUpdate = 0x0110 => "TRUST_UPDATE",
    /// Whom do you trust (ours).
    TrustedPeersRequest = 0x0111 => "TRUSTED_PEERS_REQUEST",
    /// Whom I trust (ours).
    TrustedPeersResponse = 0x0112 => "TRUSTED_PEERS_RESPONSE",
    /// What I have.
    Inv = 0x0200 => "INV",
    /// Send me these.
    GetData = 0x0201 => "GETDATA",
    /// I do not have these.
    NotFound = 0x0202 => "NOTFOUND",
    /// The next symbols of your set sketch (ours).
    GetSketch = 0x0203 => "GET_SKETCH",
    /// Symbols of a set sketch (ours).
    Sketch = 0x0204 => "SKETCH",
    /// Headers after a locator.
    GetHeaders = 0x0300 => "GET_HEADERS",
    /// A run of headers.
    Headers = 0x0301 => "HEADERS",
    /// Blocks by hash.
    GetBlocks = 0x0302 => "GET_BLOCKS",
    /// One or more blocks.
    Blocks = 0x0303 => "BLOCKS",
    /// A new block, compact.
    BlockAnnounce = 0x0304 => "BLOCK_ANNOUNCE",
    /// Not now: how long to wait (ours).
    Busy = 0x0305 => "BUSY",
    /// Announce this block to me, compact (ours).
    GetCompact = 0x0306 => "GET_COMPACT",
    /// A transaction.
    Tx = 0x0400 => "TX",
    /// Send me transactions.
    GetTx = 0x0401 => "GET_TX",
    /// I do not have these transactions.
    TxNotFound = 0x0402 => "TX_NOTFOUND",
    /// A share.
    Share = 0x0500 => "SHARE",
    /// Send me shares.
    GetShare = 0x0501 => "GET_SHARE",
    /// What shares I have.
    ShareSummary = 0x0502 => "SHARE_SUMMARY",
    /// What blobs I have.
    DaInv = 0x0600 => "DA_INV",
    /// Send me a sample.
    DaGet = 0x0601 => "DA_GET",
    /// A sample with its proof.
    DaProof = 0x0602 => "DA_PROOF",
    /// Part of a blob.
    DaChunk = 0x0603 => "DA_CHUNK",
    /// Randomness: commitment.
    RandCommit = 0x0700 => "RAND_COMMIT",
    /// Randomness: reveal.
    RandReveal = 0x0701 => "RAND_REVEAL",
    /// Randomness: delay proof.
    RandVdfProof = 0x0702 => "RAND_VDF_PROOF",
    /// Randomness: beacon.
    RandBeacon = 0x0703 => "RAND_BEACON",
    /// Hint to a receipt.
    ReceiptHint = 0x0800 => "RECEIPT_HINT",
    /// Experiments; nobody relies on it.
    Experimental = 0x0E00 => "EXP",
}
