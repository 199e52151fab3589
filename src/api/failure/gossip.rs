//! Errors of what is published and sent as failures with a stable code.

use crate::{
    api::code::{ErrorCode, Failure},
    envelope::SealError,
    gossip::{Ignored, app::ComposeError},
    network::direct::{Refusal, SendError},
    node::{BlobPublishError, PublishError},
    pool::PoolError,
};

impl From<PublishError> for Failure {
    fn from(e: PublishError) -> Self {
        let code = match &e {
            PublishError::Message(ComposeError::Refused(Ignored::Full)) => ErrorCode::Busy,
            PublishError::Message(ComposeError::Seal(SealError::Sign(_))) => ErrorCode::Failed,
            PublishError::Stopped => ErrorCode::ShuttingDown,
            _ => ErrorCode::Rejected,
        };
        Self::new(code, e.to_string())
    }
}

impl From<BlobPublishError> for Failure {
    fn from(e: BlobPublishError) -> Self {
        let message = e.to_string();
        match e {
            BlobPublishError::Store(e) => e.into(),
            BlobPublishError::Stopped => Self::new(ErrorCode::ShuttingDown, message),
            _ => Self::new(ErrorCode::Rejected, message),
        }
    }
}

impl From<PoolError> for Failure {
    fn from(e: PoolError) -> Self {
        let message = e.to_string();
        match e {
            PoolError::Full => {
                Self::new(ErrorCode::Busy, message).hint("a block makes room: `publish headers`")
            }
            _ => Self::new(ErrorCode::Rejected, message),
        }
    }
}

impl From<SendError> for Failure {
    fn from(e: SendError) -> Self {
        let message = e.to_string();
        match e {
            SendError::NotConnected => Self::new(ErrorCode::PeerUnknown, message)
                .hint("`animica-p2p peer list` shows who is connected"),
            SendError::Refused(Refusal::NoHandler) => Self::new(ErrorCode::NotReceived, message)
                .hint("a node started by `listen` takes the kinds `text` and `file`"),
            SendError::Unsupported | SendError::Refused(_) | SendError::Disconnected => {
                Self::new(ErrorCode::NotReceived, message)
            }
            SendError::QueueFull => Self::new(ErrorCode::Busy, message),
            SendError::Deadline => Self::new(ErrorCode::Timeout, message),
            SendError::Source(_) => Self::new(ErrorCode::FileFailed, message),
            SendError::Kind | SendError::Empty => Self::new(ErrorCode::Rejected, message),
        }
    }
}
