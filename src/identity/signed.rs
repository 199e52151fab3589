//! The form of objects that an identity signs: the canonical CBOR array `[body, identity_alg,
//! identity_pubkey, delegation | null, signature]`, where the signature is over the bytes of `body`.

use std::ops::Range;

use super::{Delegation, DelegationError, IdentityError, NodeIdentity, PublicIdentity};
use crate::{
    cbor::{CborError, Reader, Writer},
    crypto::sign::SignError,
    registry::SignContext,
};

/// Room for the key and the signature of the longest algorithm with a delegation.
const PROOF_BYTES: usize = 8192;

/// The parts of such an object. Where bytes of it are kept, a part is a range of them.
pub(crate) struct Signed<T> {
    pub(crate) body: T,
    pub(crate) body_at: Range<usize>,
    pub(crate) identity: PublicIdentity,
    pub(crate) delegation: Option<Delegation>,
    pub(crate) signature_at: Range<usize>,
}

impl<T> Signed<T> {
    /// Reads the form alone: whether the identity is the one that the body names is the caller's to
    /// check, and so is the signature.
    ///
    /// # Errors
    /// Not canonical CBOR, not of this form, or what `read_body` says.
    pub(crate) fn read<E>(
        bytes: &[u8],
        read_body: impl FnOnce(&mut Reader<'_>) -> Result<T, E>,
    ) -> Result<Self, E>
    where
        E: From<CborError> + From<IdentityError> + From<DelegationError>,
    {
        let mut reader = Reader::new(bytes);
        reader.array_of(5)?;
        let from = reader.position();
        let body = read_body(&mut reader)?;
        let body_at = from..reader.position();
        let alg = u16::try_from(reader.uint()?).map_err(|_| CborError::OutOfRange)?;
        let identity = PublicIdentity::decode(alg, reader.bytes()?)?;
        let delegation = if reader.take_null()? {
            None
        } else {
            Some(Delegation::decode(reader.item()?)?)
        };
        let len = reader.bytes()?.len();
        let signature_at = reader.position() - len..reader.position();
        reader.finish()?;
        Ok(Self {
            body,
            body_at,
            identity,
            delegation,
            signature_at,
        })
    }
}

impl NodeIdentity {
    /// Signs `body`, one item of canonical CBOR, and gives the whole object.
    ///
    /// # Errors
    /// As for [`NodeIdentity::sign`].
    pub(crate) fn sign_object(
        &self,
        context: SignContext,
        body: &[u8],
    ) -> Result<Vec<u8>, SignError> {
        let signature = self.sign(context, body)?;
        let key = self.public();
        let mut out = Writer::with_capacity(body.len() + PROOF_BYTES);
        out.array(5).raw(body);
        out.uint(key.alg().id().into()).bytes(key.as_bytes());
        match self.delegation() {
            Some(d) => out.raw(d.as_bytes()),
            None => out.null(),
        };
        out.bytes(&signature);
        Ok(out.finish())
    }
}
