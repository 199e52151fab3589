//! The kinds of channel that are compared: ours, Noise, and none.

use std::sync::Arc;

use animica_p2p::{
    crypto::sign::SigAlg,
    identity::{NodeIdentity, Policy},
    ids::{ChainId, Hash32},
    secure,
};
use libp2p::{
    PeerId, Transport as _,
    core::{
        muxing::StreamMuxerBox,
        transport::Boxed,
        upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo, Version},
    },
    identity::Keypair,
    noise, tcp, yamux,
};

/// TCP, a channel, yamux.
pub(super) type Transport = Boxed<(PeerId, StreamMuxerBox)>;

/// A kind of channel under yamux.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// The post-quantum channel.
    Pq(secure::AeadChoice),
    /// Stock `libp2p-noise`.
    Noise,
    /// No security at all: what sockets and the muxer take by themselves.
    Plain,
}

impl Kind {
    /// TCP with this channel.
    pub(super) fn transport(self) -> Transport {
        let tcp = tcp::tokio::Transport::new(tcp::Config::default());
        let builder = tcp.upgrade(Version::V1Lazy);
        match self {
            Self::Noise => builder
                .authenticate(noise::Config::new(&Keypair::generate_ed25519()).expect("keys sign"))
                .multiplex(yamux::Config::default())
                .boxed(),
            Self::Plain => builder
                .authenticate(Plain)
                .multiplex(yamux::Config::default())
                .boxed(),
            Self::Pq(aead) => builder
                .authenticate(secure::Upgrade::new(pq(aead)))
                .multiplex(yamux::Config::default())
                .boxed(),
        }
    }
}

/// Agrees on a name and nothing else.
#[derive(Clone)]
struct Plain;

impl UpgradeInfo for Plain {
    type Info = &'static str;
    type InfoIter = std::iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once("/plain")
    }
}

impl<C> InboundConnectionUpgrade<C> for Plain {
    type Output = (PeerId, C);
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, io: C, _: Self::Info) -> Self::Future {
        std::future::ready(Ok((PeerId::random(), io)))
    }
}

impl<C> OutboundConnectionUpgrade<C> for Plain {
    type Output = (PeerId, C);
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, io: C, _: Self::Info) -> Self::Future {
        std::future::ready(Ok((PeerId::random(), io)))
    }
}

fn pq(aead: secure::AeadChoice) -> secure::Config {
    let identity = NodeIdentity::generate(SigAlg::MlDsa65).expect("the machine has randomness");
    let policy = Arc::new(Policy::default_fips());
    let mut config = secure::Config::new(identity, policy, ChainId::DEVNET, Hash32::ZERO)
        .expect("the default policy allows the default identity");
    config.aead = aead;
    config.budgets = Arc::new(secure::Budgets::new(secure::BudgetLimits::unlimited()));
    config
}
