//! The asking side: what the command line uses. Blocking, because a command waits for one answer.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde::de::DeserializeOwned;

use super::{Answer, MAX_ANSWER_BYTES, Request, Step, socket};
use crate::api::code::{ErrorCode, Failure};

/// A connection to a running node.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the node that runs on `data_dir`.
    ///
    /// # Errors
    /// `node_not_running`, `permission_denied` or `node_unreachable`.
    pub fn connect(data_dir: &Path) -> Result<Self, Failure> {
        let stream = socket::connect(data_dir).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::new(
                ErrorCode::NodeNotRunning,
                format!("no node runs on {}", data_dir.display()),
            )
            .hint("start one with `animica-p2p listen`, or name its --data-dir"),
            io::ErrorKind::PermissionDenied => Failure::new(
                ErrorCode::PermissionDenied,
                format!("the node on {} belongs to another user", data_dir.display()),
            ),
            _ => unreachable(&e),
        })?;
        Ok(Self {
            reader: BufReader::new(stream),
        })
    }

    /// Asks and waits at most `patience` for each line of the answer.
    ///
    /// # Errors
    /// What the node answered, or `node_unreachable` when it did not.
    pub fn call<T: DeserializeOwned>(
        &mut self,
        request: &Request,
        patience: Duration,
        mut progress: impl FnMut(&Step),
    ) -> Result<T, Failure> {
        self.ask(request, patience)?;
        loop {
            match self.answer()? {
                Answer::Progress(step) => progress(&step),
                Answer::Item(_) => {}
                Answer::Error(failure) => return Err(failure),
                Answer::Ok(value) => return read(value),
            }
        }
    }

    /// Asks for many items, each of which `item` gets. False from it ends the stream early, and
    /// then there is no answer.
    ///
    /// # Errors
    /// As for [`Client::call`], and those of `item`.
    pub fn stream<I: DeserializeOwned, T: DeserializeOwned>(
        mut self,
        request: &Request,
        patience: Duration,
        mut item: impl FnMut(I) -> Result<bool, Failure>,
    ) -> Result<Option<T>, Failure> {
        self.ask(request, patience)?;
        loop {
            match self.answer()? {
                Answer::Progress(_) => {}
                Answer::Item(value) => {
                    if !item(read(value)?)? {
                        return Ok(None);
                    }
                }
                Answer::Error(failure) => return Err(failure),
                Answer::Ok(value) => return read(value).map(Some),
            }
        }
    }

    fn ask(&mut self, request: &Request, patience: Duration) -> Result<(), Failure> {
        let stream = self.reader.get_mut();
        let mut line = serde_json::to_vec(request)
            .map_err(|e| Failure::new(ErrorCode::BadRequest, e.to_string()))?;
        line.push(b'\n');
        stream
            .set_read_timeout(Some(patience))
            .and_then(|()| stream.set_write_timeout(Some(patience)))
            .and_then(|()| stream.write_all(&line))
            .map_err(|e| unreachable(&e))
    }

    fn answer(&mut self) -> Result<Answer, Failure> {
        let mut line = String::new();
        let read = (&mut self.reader)
            .take(MAX_ANSWER_BYTES as u64)
            .read_line(&mut line)
            .map_err(|e| unreachable(&e))?;
        if read == 0 || !line.ends_with('\n') {
            return Err(Failure::new(
                ErrorCode::NodeUnreachable,
                "the node closed the connection before it answered",
            ));
        }
        serde_json::from_str(&line).map_err(|e| other(&e))
    }
}

fn read<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|e| other(&e))
}

fn other(e: &serde_json::Error) -> Failure {
    let message = format!("the node answered something else: {e}");
    Failure::new(ErrorCode::NodeUnreachable, message)
        .hint("is it another version? compare `animica-p2p version`")
}

fn unreachable(e: &io::Error) -> Failure {
    let late = matches!(
        e.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    );
    let message = if late {
        "the node did not answer in time".to_owned()
    } else {
        format!("the node's control socket failed: {e}")
    };
    Failure::new(ErrorCode::NodeUnreachable, message)
}
