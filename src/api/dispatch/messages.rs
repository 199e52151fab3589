//! Application messages: those that came, those that come, and direct ones.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use libp2p::PeerId;
use serde_json::Value;
use tokio::{
    fs::File,
    io::{AsyncRead as _, ReadBuf},
    sync::broadcast::{Receiver, error::RecvError},
    time::MissedTickBehavior,
};

use super::{Dispatcher, value};
use crate::{
    api::{
        archive::file_failed,
        code::{ErrorCode, Failure},
        control::Progress,
        publish::unhex,
        talk::{
            MessageItem, MessageReport, MessagesReport, MessagesRequest, SendContent, SendReport,
            SendRequest,
        },
    },
    gossip::app::Delivery,
    ids::Hash32,
    network::direct::Receipt,
};

/// How often a line goes to whoever follows in silence: it notices that the node is there, and the
/// node that nobody listens any more. Less often than a client's patience.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// How often the sender of a file hears how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// What one request has been given.
struct Stream<'a> {
    request: &'a MessagesRequest,
    progress: &'a Progress,
    report: MessagesReport,
}

impl Stream<'_> {
    fn wants(&self, delivery: &Delivery) -> bool {
        let topic = self.request.topic.as_deref();
        topic.is_none_or(|topic| topic == delivery.topic)
    }

    fn is_full(&self) -> bool {
        let most = self.request.count;
        most.is_some_and(|most| self.report.messages >= most)
    }

    /// False when nobody wants more.
    async fn give(&mut self, delivery: &Delivery) -> Result<bool, Failure> {
        self.report.messages += 1;
        let item = MessageItem::Message(MessageReport::from(delivery));
        Ok(self.progress.item(value(&item)?).await && !self.is_full())
    }

    async fn missed(&mut self, lost: u64) -> Result<bool, Failure> {
        self.report.missed += lost;
        let item = value(&MessageItem::Missed(lost))?;
        Ok(self.progress.item(item).await)
    }
}

impl Dispatcher {
    /// Recent messages, and with `follow` all that come until the client goes away.
    pub(super) async fn messages(
        &self,
        request: &MessagesRequest,
        progress: &Progress,
    ) -> Result<Value, Failure> {
        let mut stream = Stream {
            request,
            progress,
            report: MessagesReport {
                messages: 0,
                missed: 0,
            },
        };
        // Before the recent ones are asked for, so that none falls between.
        let incoming = self.handle.deliveries();
        let recent = match &request.topic {
            Some(topic) => self.handle.recent(topic).await?,
            None => self.handle.recent_all().await?,
        };
        let mut given = HashSet::new();
        for delivery in &recent {
            given.insert(delivery.id);
            if stream.is_full() || !stream.give(delivery).await? {
                return value(&stream.report);
            }
        }
        drop(recent);
        if request.follow && !stream.is_full() {
            self.follow(&mut stream, incoming, given).await?;
        }
        value(&stream.report)
    }

    async fn follow(
        &self,
        stream: &mut Stream<'_>,
        mut incoming: Receiver<Delivery>,
        mut given: HashSet<Hash32>,
    ) -> Result<(), Failure> {
        let mut life = tokio::time::interval(SIGN_OF_LIFE);
        life.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let more = tokio::select! {
                () = self.handle.stopped() => false,
                _ = life.tick() => stream.progress.step(stream.report.messages, None),
                delivery = incoming.recv() => match delivery {
                    // What was both recent and incoming comes once; each id comes in only once.
                    Ok(delivery) if given.remove(&delivery.id) => true,
                    Ok(delivery) if stream.wants(&delivery) => stream.give(&delivery).await?,
                    Ok(_) => true,
                    Err(RecvError::Lagged(lost)) => stream.missed(lost).await?,
                    Err(RecvError::Closed) => false,
                },
            };
            if !more {
                return Ok(());
            }
        }
    }

    /// Sends a direct message and waits for its receipt.
    pub(super) async fn send_direct(
        &self,
        request: SendRequest,
        progress: &Progress,
    ) -> Result<Value, Failure> {
        let SendRequest {
            peer,
            kind,
            content,
        } = request;
        let to: PeerId = peer
            .parse()
            .map_err(|_| Failure::new(ErrorCode::BadRequest, "not a peer id"))?;
        let (bytes, receipt) = match content {
            SendContent::Payload(payload) => {
                let payload = unhex("the payload", &payload)?;
                let bytes = payload.len() as u64;
                (bytes, self.handle.send(to, &kind, payload).await?)
            }
            SendContent::Path(path) => self.stream_file(to, &kind, path, progress).await?,
        };
        value(&SendReport {
            peer_id: to.to_string(),
            kind,
            bytes,
            took_ms: receipt.took.as_secs_f64() * 1000.0,
        })
    }

    async fn stream_file(
        &self,
        to: PeerId,
        kind: &str,
        path: PathBuf,
        progress: &Progress,
    ) -> Result<(u64, Receipt), Failure> {
        let source = FileSource::open(&path)
            .await
            .map_err(|e| file_failed(&path, &e))?;
        let (len, read) = (source.len, Arc::clone(&source.read));
        let sending = self.handle.send_stream(to, kind, len, source);
        tokio::pin!(sending);
        let mut tick = tokio::time::interval(PROGRESS_EVERY);
        loop {
            tokio::select! {
                receipt = &mut sending => return Ok((len, receipt?)),
                _ = tick.tick() => {
                    if !progress.step(read.load(Ordering::Relaxed), Some(len)) {
                        return Err(Failure::new(ErrorCode::Failed, "sending was stopped"));
                    }
                }
            }
        }
    }
}

/// A file that is read as it is sent, and how much of it was.
struct FileSource {
    file: File,
    len: u64,
    read: Arc<AtomicU64>,
}

impl FileSource {
    async fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path).await?;
        let meta = file.metadata().await?;
        if !meta.is_file() {
            return Err(io::Error::other("not a file"));
        }
        Ok(Self {
            file,
            len: meta.len(),
            read: Arc::default(),
        })
    }
}

impl futures::AsyncRead for FileSource {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut out = ReadBuf::new(out);
        ready!(Pin::new(&mut self.file).poll_read(cx, &mut out))?;
        let read = out.filled().len();
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Poll::Ready(Ok(read))
    }
}
