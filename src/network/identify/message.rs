//! The message: its layout on the wire, and what is accepted of it.

use libp2p::{Multiaddr, PeerId, StreamProtocol, multiaddr::Protocol};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::Head;
use crate::{
    cbor::{self, CborError},
    ids::{ChainId, Hash32, Height, Work},
    offence::Offence,
    registry::{
        MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_AGENT_BYTES, MAX_PROTOCOL_BYTES, MAX_PROTOCOLS,
    },
};

/// Bytes of a message that addresses may take, and as many again for protocols: together with the
/// fixed fields they fit the message limit.
const LIST_BUDGET: usize = 6 * 1024;

/// What a peer says about itself, checked and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Protocol version, safe to print.
    pub protocol_version: String,
    /// Software and version, safe to print.
    pub agent: String,
    /// Its chain.
    pub chain_id: ChainId,
    /// Its genesis.
    pub genesis: Hash32,
    /// Primary policy root of its channel.
    pub policy_root: Hash32,
    /// Where it can be dialled, without a trailing `/p2p`.
    pub addresses: Vec<Multiaddr>,
    /// The protocols it speaks.
    pub protocols: Vec<StreamProtocol>,
    /// The head it claims.
    pub head: Head,
    /// Where it sees us.
    pub observed_addr: Option<Multiaddr>,
}

impl Info {
    /// The message that says this.
    ///
    /// Lists are cut to the limits, so that what we send is always acceptable.
    ///
    /// # Errors
    /// It is not what canonical CBOR can say, which no value of this type is.
    pub fn encode(&self) -> Result<Vec<u8>, CborError> {
        let mut fits = within(MAX_ADDRESS_BYTES);
        let listen = self.addresses.iter().map(Multiaddr::to_vec);
        let listen = listen.filter(|a| fits(a.len())).map(ByteBuf::from);
        let mut fits = within(MAX_PROTOCOL_BYTES);
        let protocols = self.protocols.iter().map(|p| p.as_ref().to_owned());
        let protocols = protocols.filter(|p| fits(p.len()));
        cbor::to_vec(&Wire {
            version: self.protocol_version.clone(),
            agent: self.agent.clone(),
            chain_id: self.chain_id,
            genesis: self.genesis,
            policy_root: self.policy_root,
            listen: listen.take(MAX_ADDRESSES).collect(),
            protocols: protocols.take(MAX_PROTOCOLS).collect(),
            head_height: self.head.height,
            head_hash: self.head.hash,
            head_work: self.head.work,
            observed: self
                .observed_addr
                .as_ref()
                .map(|a| ByteBuf::from(a.to_vec())),
        })
    }

    /// What `peer` says in `bytes`, whose length the caller has bounded.
    ///
    /// Addresses of a format this build does not know are left out, and so are those that end in
    /// the id of another peer.
    ///
    /// # Errors
    /// The offence, with what is wrong.
    pub fn decode(bytes: &[u8], peer: &PeerId) -> Result<Self, (Offence, String)> {
        let wire: Wire = cbor::from_slice(bytes).map_err(|e| {
            let offence = match e.is_non_canonical() {
                true => Offence::NonCanonicalCbor,
                false => Offence::MalformedMessage,
            };
            (offence, e.to_string())
        })?;
        let malformed = |what: &str| (Offence::MalformedMessage, what.to_owned());
        if wire.agent.len() > MAX_AGENT_BYTES || wire.version.len() > MAX_AGENT_BYTES {
            return Err(malformed("a version string is too long"));
        }
        if wire.listen.len() > MAX_ADDRESSES || wire.protocols.len() > MAX_PROTOCOLS {
            return Err(malformed("too many addresses or protocols"));
        }
        let observed = wire.observed.as_ref();
        if wire
            .listen
            .iter()
            .chain(observed)
            .any(|a| a.len() > MAX_ADDRESS_BYTES)
        {
            return Err(malformed("an address is too long"));
        }
        let mut protocols = Vec::with_capacity(wire.protocols.len());
        for name in wire.protocols {
            if name.len() > MAX_PROTOCOL_BYTES {
                return Err(malformed("a protocol name is too long"));
            }
            let name = StreamProtocol::try_from_owned(name)
                .map_err(|_| malformed("a protocol name does not start with a slash"))?;
            protocols.push(name);
        }
        let addresses = wire.listen.iter().filter_map(parse);
        let mut addresses: Vec<_> = addresses.filter_map(|a| without_peer(a, peer)).collect();
        addresses.dedup();
        Ok(Self {
            protocol_version: printable(&wire.version),
            agent: printable(&wire.agent),
            chain_id: wire.chain_id,
            genesis: wire.genesis,
            policy_root: wire.policy_root,
            addresses,
            protocols,
            head: Head {
                height: wire.head_height,
                hash: wire.head_hash,
                work: wire.head_work,
            },
            observed_addr: observed.and_then(parse),
        })
    }
}

/// The map on the wire, with these text keys.
#[derive(Serialize, Deserialize)]
struct Wire {
    version: String,
    agent: String,
    chain_id: ChainId,
    genesis: Hash32,
    policy_root: Hash32,
    listen: Vec<ByteBuf>,
    protocols: Vec<String>,
    head_height: Height,
    head_hash: Hash32,
    head_work: Work,
    observed: Option<ByteBuf>,
}

/// Says which items, each at most `max` bytes, still fit the list budget.
fn within(max: usize) -> impl FnMut(usize) -> bool {
    let mut room = LIST_BUDGET;
    move |len| {
        let fits = len <= max && len <= room;
        room -= if fits { len } else { 0 };
        fits
    }
}

fn parse(bytes: &ByteBuf) -> Option<Multiaddr> {
    Multiaddr::try_from(bytes.to_vec())
        .ok()
        .filter(|a| !a.is_empty())
}

/// `address` without a trailing `/p2p/{peer}`; `None` if it ends in another id.
fn without_peer(mut address: Multiaddr, peer: &PeerId) -> Option<Multiaddr> {
    match address.iter().last() {
        Some(Protocol::P2p(id)) if id == *peer => {
            address.pop();
            (!address.is_empty()).then_some(address)
        }
        Some(Protocol::P2p(_)) | None => None,
        Some(_) => Some(address),
    }
}

/// `text` with everything but printable ASCII escaped, so that a peer cannot write to a terminal
/// or forge a log line.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::MAX_IDENTIFY_BYTES;

    fn info() -> Info {
        Info {
            protocol_version: "animica/1".into(),
            agent: "test/1".into(),
            chain_id: ChainId::DEVNET,
            genesis: Hash32([1; 32]),
            policy_root: Hash32([2; 32]),
            addresses: vec!["/ip4/1.2.3.4/tcp/41000".parse().unwrap()],
            protocols: vec![StreamProtocol::new("/animica/1337/sync/1")],
            head: Head {
                height: Height(7),
                hash: Hash32([3; 32]),
                work: Work(u128::MAX),
            },
            observed_addr: Some("/ip4/5.6.7.8/tcp/9".parse().unwrap()),
        }
    }

    #[test]
    fn what_is_said_is_understood() {
        let peer = PeerId::random();
        let bytes = info().encode().unwrap();
        assert_eq!(Info::decode(&bytes, &peer).unwrap(), info());
        assert!(
            bytes
                .windows(39)
                .any(|w| w == u128::MAX.to_string().as_bytes())
        );
    }

    #[test]
    fn the_longest_message_fits_its_limit_whatever_we_have() {
        let mut big = info();
        let address: Multiaddr = format!("/dns/{}/tcp/1", "a".repeat(240)).parse().unwrap();
        big.addresses = vec![address; 100];
        big.protocols = (0..500)
            .map(|i| StreamProtocol::try_from_owned(format!("/{i}{}", "p".repeat(110))).unwrap())
            .collect();
        let bytes = big.encode().unwrap();
        assert!(bytes.len() <= MAX_IDENTIFY_BYTES, "{}", bytes.len());
        Info::decode(&bytes, &PeerId::random()).unwrap();
    }

    #[test]
    fn addresses_of_other_peers_are_left_out() {
        let (peer, other) = (PeerId::random(), PeerId::random());
        let mut said = info();
        said.addresses = vec![
            format!("/ip4/1.1.1.1/tcp/1/p2p/{peer}").parse().unwrap(),
            format!("/ip4/2.2.2.2/tcp/2/p2p/{other}").parse().unwrap(),
            format!("/ip4/3.3.3.3/tcp/3/p2p/{other}/p2p-circuit")
                .parse()
                .unwrap(),
            format!("/p2p/{peer}").parse().unwrap(),
        ];
        let heard = Info::decode(&said.encode().unwrap(), &peer).unwrap();
        let heard: Vec<_> = heard.addresses.iter().map(ToString::to_string).collect();
        let circuit = format!("/ip4/3.3.3.3/tcp/3/p2p/{other}/p2p-circuit");
        assert_eq!(heard, ["/ip4/1.1.1.1/tcp/1".to_owned(), circuit]);
    }

    #[test]
    fn agents_cannot_write_to_the_terminal() {
        let mut said = info();
        said.agent = "a\u{1b}[2J\n\u{202e}é\\".into();
        let heard = Info::decode(&said.encode().unwrap(), &PeerId::random()).unwrap();
        assert_eq!(heard.agent, r"a\u{1b}[2J\u{a}\u{202e}\u{e9}\\");
    }

    #[test]
    fn malformed_messages_name_their_offence() {
        let peer = PeerId::random();
        let offence = |bytes: &[u8]| Info::decode(bytes, &peer).unwrap_err().0;
        let good = info().encode().unwrap();
        assert_eq!(offence(&good[..good.len() - 1]), Offence::NonCanonicalCbor);
        assert_eq!(offence(&[0xa0]), Offence::MalformedMessage);
        let mut long = info();
        long.agent = "x".repeat(MAX_AGENT_BYTES + 1);
        assert_eq!(offence(&long.encode().unwrap()), Offence::MalformedMessage);
    }
}
