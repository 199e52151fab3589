//! The channel before anybody is trusted: handshake frames, the machines that read them, records.
//!
//! Keys, randomness and signatures are fixed values, so that a run is a function of its input.

use std::sync::{Arc, LazyLock};

use animica_p2p::{
    clock::{ManualClock, Now},
    crypto::{
        aead::AeadAlg,
        kem::{self, CIPHERTEXT_LEN, KemAlg, KemKeyPair, PUBLIC_LEN},
        secret::Secret,
        x25519,
    },
    identity::{KeyPair, NodeIdentity, Policy},
    ids::{ChainId, Hash32},
    registry::{CHANNEL_PROTOCOL, SignContext},
    secure::{
        AeadChoice, BudgetLimits, Budgets, Class, CloseCode, Config, FrameType, HandshakeError,
        handshake::{Initiator, Provider, Responder},
        record::{KeyLimits, Opened, Opener, PREFIX_LEN, RecordError, Sealer},
    },
};

/// Bytes of a handshake frame before its body.
const FRAME_HEADER: usize = 5;

/// One end: its configuration and everything else that its handshakes use.
#[derive(Clone)]
pub(super) struct End {
    config: Config,
    seed: u8,
    /// What it signs with, in place of a signature of the transcript.
    signature: Option<Vec<u8>>,
}

/// The KEM keys of the initiator, made once, and a ciphertext for them.
struct Kem {
    public: Vec<u8>,
    secret: Vec<u8>,
    ciphertext: Box<[u8; CIPHERTEXT_LEN]>,
    shared: [u8; 32],
}

static KEM: LazyLock<Kem> = LazyLock::new(|| {
    let keys = KemKeyPair::generate(KemAlg::MlKem768).expect("randomness");
    let (ciphertext, shared) =
        kem::encapsulate(KemAlg::MlKem768, keys.public()).expect("a public key");
    Kem {
        public: keys.public().to_vec(),
        secret: keys.secret_bytes().expect("a secret key").to_vec(),
        ciphertext: Box::new(ciphertext),
        shared: *shared.as_bytes(),
    }
});

static ENDS: LazyLock<[End; 2]> = LazyLock::new(|| [1, 2].map(End::new));

/// The end that dials.
fn initiator() -> &'static End {
    &ENDS[0]
}

/// The end that is dialled.
fn responder() -> &'static End {
    &ENDS[1]
}

impl End {
    fn new(seed: u8) -> Self {
        let identity = KeyPair::deterministic([seed; 32]).expect("a key");
        let identity = NodeIdentity::from_keypair(identity);
        let policy = Arc::new(Policy::default_fips());
        let genesis = Hash32([0x47; 32]);
        let config = Config::new(identity, policy, ChainId::DEVNET, genesis);
        let config = Config {
            aead: AeadChoice::Aes256Gcm,
            clock: Arc::new(ManualClock::at_wall_ms(1_800_000_000_000)),
            budgets: Arc::new(Budgets::new(BudgetLimits::unlimited())),
            ..config.expect("identity and policy go together")
        };
        Self {
            config,
            seed,
            signature: None,
        }
    }

    fn now(&self) -> Now {
        self.config.clock.now()
    }

    /// A forger: it holds every key of the handshake, but says `signature` where it should sign.
    fn signing(&self, signature: &[u8]) -> Self {
        Self {
            signature: Some(signature.to_vec()),
            ..self.clone()
        }
    }
}

impl Provider for End {
    fn random(&mut self) -> Result<[u8; 32], HandshakeError> {
        Ok([self.seed; 32])
    }

    fn x25519(&mut self) -> Result<x25519::PrivateKey, HandshakeError> {
        Ok(x25519::PrivateKey::from_bytes(&[self.seed; 32].into())?)
    }

    fn kem_keys(&mut self, alg: KemAlg) -> Result<KemKeyPair, HandshakeError> {
        Ok(KemKeyPair::from_bytes(alg, &KEM.public, &KEM.secret)?)
    }

    fn encapsulate(
        &mut self,
        _: KemAlg,
        public: &[u8; PUBLIC_LEN],
    ) -> Result<([u8; CIPHERTEXT_LEN], Secret<32>), HandshakeError> {
        kem::check_public(public)?;
        Ok((*KEM.ciphertext, KEM.shared.into()))
    }

    fn sign(
        &mut self,
        identity: &NodeIdentity,
        context: SignContext,
        body: &[u8],
    ) -> Result<Vec<u8>, HandshakeError> {
        match &self.signature {
            Some(forged) => Ok(forged.clone()),
            None => Ok(identity.sign(context, body)?),
        }
    }
}

/// The first frame that a responder reads. Whoever cannot go on from its answer is refused.
pub(super) fn client_hello(data: &[u8]) -> bool {
    let r = responder();
    let mut provider = r.signing(&[7; 64]);
    let frame = framed(FrameType::ClientHello, data);
    let (class, now) = (Class::Trusted, r.now());
    let answer = Responder::answer(
        &r.config,
        CHANNEL_PROTOCOL,
        &frame,
        class,
        now,
        &mut provider,
    );
    let (server_hello, state) = match answer {
        Ok(answer) => answer,
        Err(error) => {
            assert!(!error.label().is_empty());
            // The alert is a frame of a fixed length, whatever went wrong.
            assert_eq!(error.alert().to_frame().len(), FRAME_HEADER + 3);
            return false;
        }
    };
    within(FrameType::ServerHello, &server_hello);
    let (r_auth, state) = state.authenticate(&mut provider).expect("it signs");
    within(FrameType::ResponderAuth, &r_auth);
    let mut i_auth = framed(FrameType::InitiatorAuth, data);
    let state = state.sent(&r_auth);
    assert!(state.initiator_auth(&mut i_auth, now).is_err());
    true
}

/// What an initiator reads: one byte that says whether ServerHello or an alert follows, and the
/// body. Nobody gets to see our identity that way.
pub(super) fn server_hello(data: &[u8]) -> bool {
    let Some((kind, data)) = data.split_first() else {
        return false;
    };
    let i = initiator();
    let mut provider = i.clone();
    let started = Initiator::start(&i.config, CHANNEL_PROTOCOL, None, &mut provider);
    let (client_hello, state) = started.expect("it may start");
    within(FrameType::ClientHello, &client_hello);
    let kind = match kind % 2 {
        0 => FrameType::ServerHello,
        _ => FrameType::Alert,
    };
    match state.server_hello(&framed(kind, data)) {
        Ok(state) => {
            let mut r_auth = framed(FrameType::ResponderAuth, data);
            let proved = state.responder_auth(&mut r_auth, i.now(), &mut provider);
            assert!(proved.is_err());
            true
        }
        Err(error) => {
            assert!(!error.label().is_empty());
            matches!(error, HandshakeError::Alerted(_))
        }
    }
}

/// A peer that holds every key of the handshake and is not who it claims to be: the first byte
/// says which end it is, the rest is what it says for a signature.
pub(super) fn auth(data: &[u8]) -> bool {
    let Some((role, signature)) = data.split_first() else {
        return false;
    };
    if signature.len() > 8 * 1024 {
        return false;
    }
    let (mut i, mut r) = (initiator().clone(), responder().clone());
    let forges_responder = role % 2 == 0;
    let forger = if forges_responder { &mut r } else { &mut i };
    *forger = forger.signing(signature);
    let (configs, now) = ((i.config.clone(), r.config.clone()), i.now());
    let (hello, dialled) =
        Initiator::start(&configs.0, CHANNEL_PROTOCOL, None, &mut i).expect("it may start");
    let (answer, dialler) = Responder::answer(
        &configs.1,
        CHANNEL_PROTOCOL,
        &hello,
        Class::Trusted,
        now,
        &mut r,
    )
    .expect("a good hello");
    let (mut r_auth, dialler) = dialler.authenticate(&mut r).expect("it signs");
    let dialler = dialler.sent(&r_auth);
    let dialled = dialled.server_hello(&answer).expect("a good answer");
    match dialled.responder_auth(&mut r_auth, now, &mut i) {
        Err(_) => {
            assert!(forges_responder, "an honest responder was refused");
            false
        }
        Ok(_) if forges_responder => panic!("a responder was believed"),
        Ok((mut i_auth, _)) => {
            let rejected = dialler.initiator_auth(&mut i_auth, now);
            let rejected = rejected.expect_err("an initiator was believed");
            // It can read why, but for a frame that is not even of the right form.
            assert!(rejected.farewell.is_none_or(|record| record.len() < 64));
            false
        }
    }
}

/// Records, first read as they are, then sealed and tampered with: two bytes of position, one to
/// XOR there, and contents, each behind its length. Everything before the place arrives, nothing
/// behind it.
pub(super) fn record(data: &[u8]) -> bool {
    let mut raw = data.to_vec();
    assert!(opener().open(&mut raw).is_err(), "nobody sealed this");
    let Some((&[high, low, xor], mut rest)) = data.split_first_chunk() else {
        return false;
    };
    let mut sealer = Sealer::with_limits(AeadAlg::Aes256Gcm, [9; 32].into(), LIMITS);
    let (mut stream, mut contents, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    while let Some((&len, tail)) = rest.split_first() {
        let (content, tail) = tail.split_at(usize::from(len).min(tail.len()));
        rest = tail;
        if content.is_empty() {
            continue;
        }
        let at = stream.len();
        stream.extend([0; PREFIX_LEN]);
        stream.extend(content);
        sealer.data(&mut stream, at);
        contents.push(content);
        ends.push(stream.len());
    }
    sealer.close(&mut stream, CloseCode::Normal);
    let at = usize::from(u16::from_be_bytes([high, low])) % stream.len();
    stream[at] ^= xor;

    let whole = ends.iter().filter(|end| xor == 0 || **end <= at).count();
    let (got, end) = read(&mut stream);
    assert!(
        got.iter()
            .map(Vec::as_slice)
            .eq(contents.into_iter().take(whole))
    );
    assert_eq!(end == Ok(CloseCode::Normal), xor == 0);
    xor == 0
}

/// Small limits, so that short inputs pass changes of keys.
const LIMITS: KeyLimits = KeyLimits {
    records: 3,
    bytes: 512,
};

fn opener() -> Opener {
    Opener::with_limits(AeadAlg::Aes256Gcm, [9; 32].into(), LIMITS)
}

/// Reads a stream to its end: the contents, and how it ended. A stream that stops inside a record
/// ends as one that does not authenticate.
fn read(stream: &mut [u8]) -> (Vec<Vec<u8>>, Result<CloseCode, RecordError>) {
    let (mut opener, mut at, mut contents) = (opener(), 0, Vec::new());
    loop {
        let rest = &mut stream[at..];
        let len = match Opener::record_len(rest) {
            Ok(Some(len)) if len <= rest.len() => len,
            Ok(_) => return (contents, Err(RecordError::Seal)),
            Err(error) => return (contents, Err(error)),
        };
        match opener.open(&mut rest[..len]) {
            Ok(Opened::Data(n)) => contents.push(rest[PREFIX_LEN..PREFIX_LEN + n].to_vec()),
            Ok(Opened::Close(code)) => return (contents, Ok(code)),
            Err(error) => return (contents, Err(error)),
        }
        at += len;
    }
}

/// `u8 type || u32be len || body`.
fn framed(kind: FrameType, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&[kind as u8][..], &len.to_be_bytes(), body].concat()
}

/// What an end sends is within the limits it holds others to.
fn within(kind: FrameType, frame: &[u8]) {
    assert_eq!(frame[0], kind as u8);
    assert!(frame.len() <= FRAME_HEADER + kind.max_body());
}

/// The bodies of an honest exchange: ClientHello and its ServerHello.
pub(super) fn hellos() -> (Vec<u8>, Vec<u8>) {
    let (i, r) = (initiator(), responder());
    let (hello, _) =
        Initiator::start(&i.config, CHANNEL_PROTOCOL, None, &mut i.clone()).expect("it may start");
    let (answer, _) = Responder::answer(
        &r.config,
        CHANNEL_PROTOCOL,
        &hello,
        Class::Trusted,
        r.now(),
        &mut r.clone(),
    )
    .expect("a good hello");
    (
        hello[FRAME_HEADER..].to_vec(),
        answer[FRAME_HEADER..].to_vec(),
    )
}
