//! What is wrong with a list.

/// Why a list is refused. The publisher or whoever served it is at fault, never a peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The list or its signature file is longer than may be.
    #[error("the {what} is longer than {limit} bytes: publish fewer entries")]
    TooLarge {
        /// Which of them.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Not JSON, or JSON that languages read differently.
    #[error("the list cannot be read as JSON: {0}")]
    Json(String),
    /// A field is missing or is not what it should be.
    #[error("`{at}` of the list is not {expected}")]
    Field {
        /// Where, as in `entries[3].weight`.
        at: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// A form that this version does not read.
    #[error("the list has version {0}, this node reads version 1: update the node")]
    Version(i64),
    /// For another network.
    #[error("the list is for network {found:?}, this node is on {expected:?}")]
    WrongNetwork {
        /// Ours.
        expected: String,
        /// Theirs, cut to 64 characters.
        found: String,
    },
    /// Without a signature.
    #[error(
        "the list is not signed: its signature belongs beside it, with `.sig` added to its name"
    )]
    Unsigned,
    /// We have no key to check it with.
    #[error("no key to check the list with: put its publisher's key into discovery.seed_keys")]
    NoKeys,
    /// The signature file is not what it should be.
    #[error("line {line} of the signature is neither `BASE64` nor `KEY-ID BASE64`")]
    SignatureForm {
        /// Which line, from 1.
        line: usize,
    },
    /// No configured key made any of the signatures.
    #[error("no key of discovery.seed_keys signed this list")]
    BadSignature,
    /// Signed by a key outside its time.
    #[error("the list is signed by key {key}, which was not in use when it was made")]
    KeyOutOfTime {
        /// The key's id.
        key: String,
    },
    /// Its time is over.
    #[error("the list expired at {at}: its publisher must renew it")]
    Expired {
        /// When.
        at: String,
    },
    /// Its time has not begun.
    #[error("the list was made at {at}, in the future: check this machine's clock")]
    NotYetValid {
        /// When it says it was made.
        at: String,
    },
    /// It would live longer than a list may.
    #[error("the list lives longer than 14 days, or ends before it begins")]
    Life,
    /// Older than the list we have from the same source.
    #[error("the list was made at {at}, and we have a newer one from the same source")]
    Older {
        /// When it was made.
        at: String,
    },
    /// Too much of it is in one place.
    #[error(
        "low diversity: {percent} % of the list is in {place}, more than 60: \
         whoever runs that place could surround a node"
    )]
    LowDiversity {
        /// The group of addresses, or the autonomous system.
        place: String,
        /// Its share, rounded down.
        percent: usize,
    },
    /// Nothing to dial is left.
    #[error("the list has no address that this node may dial ({dropped} were left out)")]
    Empty {
        /// How many addresses were private, relayed, unreadable or repeated.
        dropped: usize,
    },
}
