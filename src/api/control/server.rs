//! The answering side.

use std::{future::Future, io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Answer, IDLE_SECS, MAX_CONNECTIONS, MAX_REQUEST_BYTES, Request, Step};
use crate::api::code::{ErrorCode, Failure};

/// How long a client may take to read one line of an answer.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// What answers requests; the node's dispatcher, or a stand-in in tests.
pub trait Control: Send + Sync + 'static {
    /// Carries out one request.
    fn handle(
        &self,
        request: Request,
        progress: Progress,
    ) -> impl Future<Output = Result<serde_json::Value, Failure>> + Send;
}

/// Where a long command says how far it has come. Steps that the client is too slow to read are
/// skipped: only the latest matters. Items are not: whoever tells them waits.
#[derive(Clone, Debug)]
pub struct Progress(mpsc::Sender<Answer>);

impl Progress {
    /// A progress whose steps and items the receiver gets.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Answer>) {
        let (tx, rx) = mpsc::channel(1);
        (Self(tx), rx)
    }

    /// Tells one step.
    pub fn tell(&self, done: u64, total: Option<u64>) {
        // A full channel means a step is waiting to be written already.
        drop(self.0.try_send(Answer::Progress(Step { done, total })));
    }

    /// Gives one item, and says whether anybody still waits for more.
    pub async fn item(&self, item: serde_json::Value) -> bool {
        self.0.send(Answer::Item(item)).await.is_ok()
    }

    /// Tells one step, and whether anybody still waits for the answer.
    pub fn step(&self, done: u64, total: Option<u64>) -> bool {
        self.tell(done, total);
        !self.0.is_closed()
    }
}

/// Serves the socket until `stop`.
///
/// # Errors
/// When the listener cannot be used by the runtime.
pub async fn serve<C: Control>(
    listener: std::os::unix::net::UnixListener,
    control: Arc<C>,
    stop: CancellationToken,
) -> io::Result<()> {
    serve_with_idle(listener, control, stop, Duration::from_secs(IDLE_SECS)).await
}

/// [`serve`] with another limit for silent connections.
pub(super) async fn serve_with_idle<C: Control>(
    listener: std::os::unix::net::UnixListener,
    control: Arc<C>,
    stop: CancellationToken,
    idle: Duration,
) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let slot = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
        let Ok(slot) = slot else { return Ok(()) };
        let stream = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, most likely: try again when some are free.
                    tracing::warn!(%error, "control socket cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let control = Arc::clone(&control);
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                result = connection(stream, control, idle) => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "control connection ended");
                    }
                }
            }
            drop(slot);
        });
    }
}

async fn connection<C: Control>(
    stream: UnixStream,
    control: Arc<C>,
    idle: Duration,
) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut reader = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(MAX_REQUEST_BYTES as u64 + 1);
        let read = limited.read_until(b'\n', &mut line);
        let Ok(read) = timeout(idle, read).await else {
            return Ok(());
        };
        if read? == 0 {
            return Ok(());
        }
        if line.len() > MAX_REQUEST_BYTES {
            let failure = Failure::new(
                ErrorCode::TooLarge,
                format!("a request has at most {MAX_REQUEST_BYTES} bytes"),
            );
            return answer(&mut write, &Answer::Error(failure)).await;
        }
        if line.last() != Some(&b'\n') {
            // The client went away in the middle of a line.
            return Ok(());
        }
        let request = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => request,
            Err(e) => {
                let failure = Failure::new(ErrorCode::BadRequest, e.to_string());
                answer(&mut write, &Answer::Error(failure)).await?;
                continue;
            }
        };
        serve_one(&mut write, &*control, request).await?;
    }
}

/// Answers one request; progress and items go out while it runs.
async fn serve_one<C: Control>(
    write: &mut OwnedWriteHalf,
    control: &C,
    request: Request,
) -> io::Result<()> {
    let (progress, mut lines) = Progress::channel();
    let work = control.handle(request, progress);
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            Some(line) = lines.recv() => answer(write, &line).await?,
        }
    };
    while let Ok(line) = lines.try_recv() {
        answer(write, &line).await?;
    }
    let last = match result {
        Ok(value) => Answer::Ok(value),
        Err(failure) => Answer::Error(failure),
    };
    answer(write, &last).await
}

async fn answer(write: &mut OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    timeout(WRITE_DEADLINE, write.write_all(&line))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
