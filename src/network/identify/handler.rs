//! One connection's share of identify: what we push, what we read, at which pace.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{AsyncWriteExt, FutureExt, future::BoxFuture};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::upgrade::ReadyUpgrade,
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
        SupportedProtocols,
        handler::{ConnectionEvent, ProtocolSupport},
    },
};
use tokio::time::{Sleep, sleep, timeout};

use super::{Head, Info, PROTOCOL_VERSION, READ_INTERVAL};
use crate::{
    ids::{ChainId, Hash32},
    network::prefixed::{self, PrefixedError},
    offence::Offence,
    registry::MAX_IDENTIFY_BYTES,
};

/// Before a failed push is tried again. A peer that is never told who we are does not serve us.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// How often that pause doubles: to about a minute, where a try costs the peer next to nothing.
const MAX_DOUBLINGS: u32 = 6;

/// What the behaviour tells every handler: our side of the message, but for what differs between
/// connections.
#[derive(Clone, Debug)]
pub struct Local {
    pub(super) protocol: StreamProtocol,
    pub(super) agent: String,
    pub(super) chain_id: ChainId,
    pub(super) genesis: Hash32,
    pub(super) policy_root: Hash32,
    pub(super) addresses: Vec<Multiaddr>,
    pub(super) head: Head,
    pub(super) timeout: Duration,
}

/// What a handler reports to the behaviour.
#[derive(Debug)]
pub enum Heard {
    /// The peer's message.
    Info(Box<Info>),
    /// No honest peer says this.
    Offence(Offence, String),
    /// Nobody's fault.
    Failure(String),
}

/// The handler of one connection.
pub struct Handler {
    peer: PeerId,
    remote: Multiaddr,
    local: Arc<Local>,
    protocols: SupportedProtocols,
    reported: HashSet<StreamProtocol>,
    /// Something changed since the last push began.
    due: bool,
    push: Push,
    /// Pushes that failed in a row, and when the next one is tried.
    failed: u32,
    retry: Option<Pin<Box<Sleep>>>,
    reading: Option<BoxFuture<'static, Result<Info, Heard>>>,
    /// The newest substream that waits for its turn; an older one it replaces was out of date.
    waiting: Option<Stream>,
    pause: Option<Pin<Box<Sleep>>>,
    events: VecDeque<Event>,
}

type Event = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, (), Heard>;

enum Push {
    Idle,
    Opening,
    Writing(BoxFuture<'static, Result<(), String>>),
}

impl Handler {
    pub(super) fn new(peer: PeerId, remote: Multiaddr, local: Arc<Local>) -> Self {
        Self {
            peer,
            remote,
            local,
            protocols: SupportedProtocols::default(),
            reported: HashSet::new(),
            due: true,
            push: Push::Idle,
            failed: 0,
            retry: None,
            reading: None,
            waiting: None,
            pause: None,
            events: VecDeque::new(),
        }
    }

    fn message(&self) -> Info {
        Info {
            protocol_version: PROTOCOL_VERSION.to_owned(),
            agent: self.local.agent.clone(),
            chain_id: self.local.chain_id,
            genesis: self.local.genesis,
            policy_root: self.local.policy_root,
            addresses: self.local.addresses.clone(),
            protocols: self.protocols.iter().cloned().collect(),
            head: self.local.head,
            observed_addr: Some(self.remote.clone()),
        }
    }

    fn write(&self, mut stream: Stream) -> BoxFuture<'static, Result<(), String>> {
        stream.ignore_for_keep_alive();
        let (message, limit) = (self.message().encode(), self.local.timeout);
        async move {
            let message = message.map_err(|e| e.to_string())?;
            let write = async {
                prefixed::write(&mut stream, &message).await?;
                stream.close().await
            };
            let done = timeout(limit, write).await;
            done.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
        }
        .boxed()
    }

    fn read(&self, mut stream: Stream) -> BoxFuture<'static, Result<Info, Heard>> {
        let (peer, local) = (self.peer, Arc::clone(&self.local));
        async move {
            let read = prefixed::read(&mut stream, MAX_IDENTIFY_BYTES);
            let bytes = match timeout(local.timeout, read).await {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(e @ PrefixedError::TooLong { .. })) => {
                    return Err(Heard::Offence(Offence::OversizedMessage, e.to_string()));
                }
                Ok(Err(e)) => return Err(Heard::Failure(e.to_string())),
                Err(e) => return Err(Heard::Failure(e.to_string())),
            };
            let info = Info::decode(&bytes, &peer).map_err(|(o, why)| Heard::Offence(o, why))?;
            if (info.chain_id, info.genesis) != (local.chain_id, local.genesis) {
                let theirs = format!("chain {}, genesis {}", info.chain_id, info.genesis);
                return Err(Heard::Offence(Offence::WrongNetwork, theirs));
            }
            Ok(info)
        }
        .boxed()
    }

    /// Tells the swarm which protocols came and went, and the behaviour the rest.
    fn heard(&mut self, info: Info) {
        let now: HashSet<_> = info.protocols.iter().cloned().collect();
        let before = mem::replace(&mut self.reported, now.clone());
        let report = |s| ConnectionHandlerEvent::ReportRemoteProtocols(s);
        let (added, removed): (HashSet<_>, HashSet<_>) = (&now - &before, &before - &now);
        if !added.is_empty() {
            self.events.push_back(report(ProtocolSupport::Added(added)));
        }
        if !removed.is_empty() {
            self.events
                .push_back(report(ProtocolSupport::Removed(removed)));
        }
        self.tell(Heard::Info(Box::new(info)));
    }

    fn tell(&mut self, heard: Heard) {
        let event = ConnectionHandlerEvent::NotifyBehaviour(heard);
        self.events.push_back(event);
    }

    /// Nobody heard us: we try again, later each time.
    fn push_failed(&mut self, why: String) {
        let pause = FIRST_RETRY * 2_u32.saturating_pow(self.failed.min(MAX_DOUBLINGS));
        self.failed = self.failed.saturating_add(1);
        self.retry = Some(Box::pin(sleep(pause)));
        self.tell(Heard::Failure(why));
    }

    /// Drives the substream we write. Returns a request for one when something is due.
    fn poll_push(&mut self, cx: &mut Context<'_>) -> Option<Event> {
        if let Push::Writing(writing) = &mut self.push
            && let Poll::Ready(done) = writing.poll_unpin(cx)
        {
            self.push = Push::Idle;
            match done {
                Ok(()) => self.failed = 0,
                Err(why) => self.push_failed(why),
            }
        }
        if let Some(retry) = &mut self.retry
            && retry.poll_unpin(cx).is_ready()
        {
            (self.retry, self.due) = (None, true);
        }
        if !self.due || !matches!(self.push, Push::Idle) {
            return None;
        }
        (self.due, self.push) = (false, Push::Opening);
        let upgrade = ReadyUpgrade::new(self.local.protocol.clone());
        Some(ConnectionHandlerEvent::OutboundSubstreamRequest {
            protocol: SubstreamProtocol::new(upgrade, ()).with_timeout(self.local.timeout),
        })
    }

    /// Drives the substream we read, the next one only after a pause.
    fn poll_read(&mut self, cx: &mut Context<'_>) {
        loop {
            if let Some(reading) = &mut self.reading {
                let Poll::Ready(done) = reading.poll_unpin(cx) else {
                    return;
                };
                self.reading = None;
                self.pause = Some(Box::pin(sleep(READ_INTERVAL)));
                match done {
                    Ok(info) => self.heard(info),
                    Err(heard) => self.tell(heard),
                }
            }
            if let Some(pause) = &mut self.pause {
                if pause.poll_unpin(cx).is_pending() {
                    return;
                }
                self.pause = None;
            }
            let Some(stream) = self.waiting.take() else {
                return;
            };
            self.reading = Some(self.read(stream));
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Arc<Local>;
    type ToBehaviour = Heard;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.local.protocol.clone()), ())
    }

    fn on_behaviour_event(&mut self, local: Arc<Local>) {
        (self.local, self.due) = (local, true);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        self.poll_read(cx);
        if let Some(open) = self.poll_push(cx) {
            return Poll::Ready(open);
        }
        match self.events.pop_front() {
            Some(event) => Poll::Ready(event),
            None => Poll::Pending,
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(inbound) => {
                let mut stream = inbound.protocol;
                stream.ignore_for_keep_alive();
                self.waiting = Some(stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(outbound) => {
                self.push = Push::Writing(self.write(outbound.protocol));
            }
            ConnectionEvent::DialUpgradeError(failed) => {
                self.push = Push::Idle;
                self.push_failed(match failed.error {
                    StreamUpgradeError::NegotiationFailed => "not spoken by the peer".to_owned(),
                    e => e.to_string(),
                });
            }
            ConnectionEvent::LocalProtocolsChange(change) => {
                self.due |= self.protocols.on_protocols_change(change);
            }
            ConnectionEvent::AddressChange(change) => {
                self.remote = change.new_address.clone();
                self.due = true;
            }
            _ => {}
        }
    }
}
