//! A peer without a node behind it that says what no honest peer says: to see what becomes of one.
//!
//! ```sh
//! cargo run --example misbehave -- /ip4/11.3.0.1/tcp/41000 --key villain.key --say lie
//! ```
//!
//! It connects, is accepted, publishes one message and waits for what the node does about it. `--say`
//! is `malformed` (what a faulty build might send), `lie` (what cannot happen by accident) or
//! `nothing`. Its last line is `dropped`, `refused`, or, after `nothing`, `accepted`. The identity in
//! the key file is made where there is none, so that the same peer can come again.

// Its lines are for whoever reads its output.
#![allow(clippy::print_stdout)]

use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use animica_p2p::{
    Multiaddr,
    chain::Genesis,
    clock::{Rng, SystemClock},
    crypto::sign::SigAlg,
    identity::{Policy, key_file},
    ids::ChainId,
    network::{
        self, Event, identify,
        pubsub::{self, Topics},
    },
    registry::Topic,
    secure, transport,
};
use futures::StreamExt as _;
use libp2p::{Swarm, swarm::SwarmEvent};
use rand::SeedableRng as _;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The router does not say when somebody listens to a topic.
const RETRY: Duration = Duration::from_millis(20);

struct Args {
    address: Multiaddr,
    key: PathBuf,
    say: Option<Words>,
}

/// What is said.
#[derive(Clone, Copy)]
enum Words {
    /// Not a transaction, but a number.
    Malformed,
    /// A map whose key is longer than it needs to be: no encoder does that.
    Lie,
}

impl Words {
    /// Never the same twice: what came before is not looked at again.
    fn bytes(self) -> Vec<u8> {
        let (head, fresh): (&[u8], [u8; 7]) = match self {
            Self::Malformed => (&[0x1b, 0xff], rand::random()),
            Self::Lie => (&[0xa1, 0x18, 0x05], rand::random()),
        };
        [head, &fresh].concat()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = args()?;
    let (identity, _) = key_file::load_or_create(&args.key, SigAlg::MlDsa65, None)?;
    println!("id {}", identity.peer_id());
    let genesis = Genesis::of_chain(ChainId::DEVNET).ok_or("the devnet has a genesis")?;
    let (chain, hash) = (genesis.chain_id(), genesis.hash());
    let (own, me) = (identity.public().clone(), identity.peer_id());
    let policy = Arc::new(Policy::default_fips());
    let identify = identify::Config::new(chain, hash, policy.root());
    let secured = secure::Config::new(identity, policy, chain, hash)?;
    let transport = transport::build(secured, &transport::Options::default(), None);
    let behaviour = network::Behaviour::new(
        network::Config::new(identify),
        own,
        Arc::new(SystemClock),
        Rng::seed_from_u64(1),
        None,
    )?;
    let swarm = network::swarm(transport, behaviour, me);
    let last = tokio::time::timeout(PATIENCE, act(swarm, args)).await??;
    println!("{last}");
    Ok(())
}

fn args() -> Result<Args, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let address = words
        .next()
        .ok_or("misbehave ADDR [--key FILE] [--say WHAT]")?;
    let mut args = Args {
        address: address.parse()?,
        key: "villain.key".into(),
        say: None,
    };
    while let (Some(flag), value) = (words.next(), words.next()) {
        match (flag.as_str(), value.as_deref()) {
            ("--key", Some(file)) => args.key = file.into(),
            ("--say", Some("malformed")) => args.say = Some(Words::Malformed),
            ("--say", Some("lie")) => args.say = Some(Words::Lie),
            ("--say", Some("nothing")) => args.say = None,
            _ => return Err(format!("what is {flag}?").into()),
        }
    }
    Ok(args)
}

async fn act(
    mut swarm: Swarm<network::Behaviour>,
    args: Args,
) -> Result<&'static str, Box<dyn Error>> {
    let topic = Topics::of(ChainId::DEVNET).name(Topic::Txs);
    let (mut retry, mut accepted, mut said) = (tokio::time::interval(RETRY), false, false);
    swarm.dial(args.address)?;
    loop {
        tokio::select! {
            event = swarm.select_next_some() => match event {
                SwarmEvent::Behaviour(Event::Identify(identify::Event::Received { .. })) => {
                    if args.say.is_none() {
                        return Ok("accepted");
                    }
                    if !accepted {
                        println!("accepted");
                    }
                    accepted = true;
                }
                SwarmEvent::ConnectionClosed { cause, .. } => {
                    println!("closed: {cause:?}");
                    return Ok(if accepted { "dropped" } else { "refused" });
                }
                SwarmEvent::OutgoingConnectionError { error, .. } => {
                    println!("no connection: {error}");
                    return Ok("refused");
                }
                _ => {}
            },
            _ = retry.tick() => if let (Some(words), true, false) = (args.say, accepted, said) {
                let router = &mut swarm.behaviour_mut().pubsub;
                said = pubsub::publish(router, topic.clone(), words.bytes()).is_ok();
                if said {
                    println!("said");
                }
            },
        }
    }
}
