//! The handshake once more, from the words of `specs/handshake.md` and without the engine.

use serde_json::{Value, json};

use super::replay::{array, hex};
use crate::{
    cbor::Writer,
    crypto::{
        aead::{AeadAlg, AeadKey},
        hash::sha3_256_parts,
        kdf::{expand, extract},
        secret::Secret,
    },
    ids::Hash32,
};

/// `lp(x) = u32be len || x`.
fn lp(x: &[u8]) -> Vec<u8> {
    [&u32::try_from(x.len()).unwrap().to_be_bytes(), x].concat()
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    [vec![kind], lp(body)].concat()
}

/// `D(s, label, ctx, n)`.
pub(super) fn d(s: &Secret<32>, label: &str, ctx: &[u8]) -> Secret<32> {
    let mut out = Secret::from([0; 32]);
    d_into(s, label, ctx, out.as_mut_bytes());
    out
}

fn d_into(s: &Secret<32>, label: &str, ctx: &[u8], out: &mut [u8]) {
    let n = (out.len() as u16).to_be_bytes();
    let label_len = [label.len() as u8];
    expand(s, &[&n, &label_len, label.as_bytes(), ctx], out);
}

/// Key and IV of a secret, and what seals with them.
pub(super) struct Keys {
    key: Secret<32>,
    iv: [u8; 12],
    seal: AeadKey,
}

pub(super) fn keys(alg: AeadAlg, s: &Secret<32>) -> Keys {
    let key = d(s, "key", b"");
    let mut iv = [0; 12];
    d_into(s, "iv", b"", &mut iv);
    Keys {
        seal: AeadKey::new(alg, &key, iv),
        key,
        iv,
    }
}

impl Keys {
    pub(super) fn seal(&self, n: u64, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut out = plain.to_vec();
        let tag = self.seal.seal(n, aad, &mut out);
        out.extend(tag);
        out
    }
}

/// A whole record.
pub(super) fn record(keys: &Keys, n: u64, content: &[u8], kind: u8) -> Vec<u8> {
    let len = u32::try_from(content.len() + 17).unwrap().to_be_bytes();
    let sealed = keys.seal(n, &len, &[content, &[kind]].concat());
    [len.to_vec(), sealed].concat()
}

fn record_json(keys: &Keys, n: u64, content: &[u8], kind: u8) -> Value {
    json!({
        "content": hex::encode(content),
        "type": kind,
        "record": hex::encode(record(keys, n, content, kind)),
    })
}

/// An identity as it stands in messages.
struct Who {
    alg: u64,
    public: Vec<u8>,
    delegation: Option<Vec<u8>>,
}

impl Who {
    fn read(file: &Value, side: &Value) -> Self {
        let key_file = &file["identities"][side["identity"].as_str().unwrap()];
        let alg = match key_file["identity"]["alg"].as_str().unwrap() {
            "dilithium3" => 0x1001,
            "ml-dsa-65" => 0x1003,
            "slh-dsa-shake-128s" => 0x1004,
            other => panic!("{other}"),
        };
        Self {
            alg,
            public: hex(&key_file["identity"]["public"]),
            delegation: key_file["delegation"]
                .as_str()
                .map(|d| hex::decode(d).unwrap()),
        }
    }

    fn digest(&self) -> Hash32 {
        let alg = u16::try_from(self.alg).unwrap();
        sha3_256_parts(&[&alg.to_be_bytes(), &self.public])
    }

    fn delegation(&self, w: &mut Writer) {
        match &self.delegation {
            Some(item) => w.raw(item),
            None => w.null(),
        };
    }

    fn signed(&self, case: &Value, th: &Hash32, responder: Option<Hash32>) -> Vec<u8> {
        let mut w = Writer::new();
        w.array(if responder.is_some() { 8 } else { 7 });
        w.bytes(&th.0).uint(case["chain_id"].as_u64().unwrap());
        w.bytes(&hex(&case["genesis"]))
            .bytes(&hex(&case["policy_root"]));
        w.uint(self.alg).bytes(&self.public);
        self.delegation(&mut w);
        if let Some(digest) = responder {
            w.bytes(&digest.0);
        }
        w.finish()
    }

    fn auth(&self, signature: &[u8]) -> Vec<u8> {
        let mut w = Writer::new();
        w.map(4)
            .uint(1)
            .uint(self.alg)
            .uint(2)
            .bytes(&self.public)
            .uint(3);
        self.delegation(&mut w);
        w.uint(4).bytes(signature);
        w.finish()
    }
}

fn client_hello(case: &Value) -> Vec<u8> {
    let i = &case["initiator"];
    let mut w = Writer::new();
    w.map(9)
        .uint(1)
        .uint(1)
        .uint(2)
        .uint(case["chain_id"].as_u64().unwrap());
    w.uint(3).bytes(&hex(&case["genesis"]));
    w.uint(4).bytes(&hex(&case["policy_root"]));
    w.uint(5).bytes(&hex(&i["x25519_public"]));
    w.uint(6).bytes(&hex(&i["kem_public"]));
    let aeads = i["aeads"].as_array().unwrap();
    w.uint(7).array(aeads.len());
    for aead in aeads {
        w.uint(aead.as_u64().unwrap());
    }
    w.uint(8).bytes(&hex(&i["random"]));
    w.uint(9).uint(i["features"].as_u64().unwrap());
    frame(1, w.as_slice())
}

fn server_hello(case: &Value, aead: AeadAlg) -> Vec<u8> {
    let r = &case["responder"];
    let mut w = Writer::new();
    w.map(7)
        .uint(1)
        .uint(1)
        .uint(2)
        .bytes(&hex(&case["policy_root"]));
    w.uint(3).bytes(&hex(&r["x25519_public"]));
    w.uint(4).bytes(&hex(&r["kem_ct"]));
    w.uint(5).uint(aead.id());
    w.uint(6).bytes(&hex(&r["random"]));
    w.uint(7).uint(r["features"].as_u64().unwrap());
    frame(2, w.as_slice())
}

/// A sealed frame: header, and the AEAD of `plain` with `th || header`.
fn auth_frame(kind: u8, keys: &Keys, th: &Hash32, plain: &[u8]) -> Vec<u8> {
    let len = u32::try_from(plain.len() + 16).unwrap().to_be_bytes();
    let header = [&[kind][..], &len].concat();
    let sealed = keys.seal(0, &[&th.0, &header[..]].concat(), plain);
    [header, sealed].concat()
}

fn put_keys(out: &mut Value, name: &str, secret: &Secret<32>, keys: &Keys) {
    out[name] = hex::encode(secret.as_bytes()).into();
    out[format!("{name}_key")] = hex::encode(keys.key.as_bytes()).into();
    out[format!("{name}_iv")] = hex::encode(keys.iv).into();
}

/// Everything that follows from the inputs of `case`.
pub(super) fn compute(file: &Value, case: &Value) -> Value {
    let alg = AeadAlg::ALL
        .iter()
        .find(|a| case["aead"] == a.name())
        .unwrap();
    let (i, r) = (
        Who::read(file, &case["initiator"]),
        Who::read(file, &case["responder"]),
    );
    let mut out = json!({});
    let mut put = |name: &str, bytes: &[u8]| out[name] = hex::encode(bytes).into();

    let (ch, sh) = (client_hello(case), server_hello(case, *alg));
    let protocol = case["protocol"].as_str().unwrap().as_bytes();
    let th0 = sha3_256_parts(&[b"animica/pq/1 th0", &lp(protocol), &lp(&ch), &lp(&sh)]);
    let x25519_ss: [u8; 32] = array(&case["x25519_ss"]);
    let kem_ss: [u8; 32] = array(&case["kem_ss"]);
    let ck = extract(&th0.0, &[&x25519_ss, &kem_ss]);
    put("client_hello", &ch);
    put("server_hello", &sh);
    put("th0", &th0.0);
    put("ck", ck.as_bytes());

    let hs_r = d(&ck, "hs r", &th0.0);
    let hs_r_keys = keys(*alg, &hs_r);
    let r_plain = r.auth(&hex(&case["responder"]["signature"]));
    let r_auth = auth_frame(3, &hs_r_keys, &th0, &r_plain);
    put("r_signed", &r.signed(case, &th0, None));
    put("r_auth_plain", &r_plain);
    put("r_auth", &r_auth);

    let th1 = sha3_256_parts(&[b"animica/pq/1 th1", &th0.0, &lp(&r_auth)]);
    let hs_i = d(&ck, "hs i", &th1.0);
    let hs_i_keys = keys(*alg, &hs_i);
    let i_plain = i.auth(&hex(&case["initiator"]["signature"]));
    let i_auth = auth_frame(4, &hs_i_keys, &th1, &i_plain);
    put("th1", &th1.0);
    put("i_signed", &i.signed(case, &th1, Some(r.digest())));
    put("i_auth_plain", &i_plain);
    put("i_auth", &i_auth);

    let th2 = sha3_256_parts(&[b"animica/pq/1 th2", &th1.0, &lp(&i_auth)]);
    let ms = d(&ck, "master", &th2.0);
    put("th2", &th2.0);
    put("ms", ms.as_bytes());
    put("exporter", d(&ms, "exporter", &th2.0).as_bytes());
    put_keys(&mut out, "hs_r", &hs_r, &hs_r_keys);
    put_keys(&mut out, "hs_i", &hs_i, &hs_i_keys);
    for (name, label) in [("app_i", "app i"), ("app_r", "app r")] {
        let secret = d(&ms, label, &th2.0);
        let now = keys(*alg, &secret);
        put_keys(&mut out, name, &secret, &now);
        let later = d(&secret, "ratchet", b"");
        put_keys(
            &mut out,
            &format!("{name}_ratchet"),
            &later,
            &keys(*alg, &later),
        );
        out[format!("{name}_records")] = json!([
            record_json(&now, 0, name.as_bytes(), 0x17),
            record_json(&now, 1, &[0xa5; 300], 0x17),
            record_json(&now, 2, if name == "app_i" { &[] } else { &[0, 4] }, 0x00),
        ]);
    }
    out
}
