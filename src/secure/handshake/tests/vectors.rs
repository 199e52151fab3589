//! The published vectors hold, for the words of the specification and for the engine.

use serde_json::Value;

use super::{
    replay::{Case, array, file, hex},
    spec::compute,
};
use crate::{
    crypto::{
        kem::{KemAlg, KemKeyPair},
        sign::SigAlg,
        x25519::PrivateKey,
    },
    identity::PublicIdentity,
    registry::SignContext,
    secure::{
        Alert,
        record::{Opened, Opener, Sealer},
    },
};

#[test]
fn every_value_follows_from_the_inputs() {
    let file = file();
    for case in file["cases"].as_array().unwrap() {
        assert_eq!(compute(&file, case), case["computed"], "{}", case["name"]);
    }
}

#[test]
fn the_secrets_follow_from_the_keys() {
    let file = file();
    for case in file["cases"].as_array().unwrap() {
        let (i, r) = (&case["initiator"], &case["responder"]);
        let key = |v| PrivateKey::from_bytes(&array(v).into()).unwrap();
        let (x, y) = (key(&i["x25519_secret"]), key(&r["x25519_secret"]));
        assert_eq!(x.public(), &array(&i["x25519_public"]));
        assert_eq!(y.public(), &array(&r["x25519_public"]));
        let shared = x.agree(y.public()).unwrap();
        assert_eq!(shared.as_bytes(), &array(&case["x25519_ss"]));
        let Some(alg) = KemAlg::from_name(case["kem"].as_str().unwrap()) else {
            continue;
        };
        let (public, secret) = (hex(&i["kem_public"]), hex(&i["kem_secret"]));
        let pair = KemKeyPair::from_bytes(alg, &public, &secret).unwrap();
        let shared = pair.decapsulate(&hex(&r["kem_ct"])).unwrap();
        assert_eq!(shared.as_bytes(), &array(&case["kem_ss"]));
    }
}

#[test]
fn the_signatures_verify_and_only_for_their_role() {
    use SignContext::{HandshakeInitiator as I, HandshakeResponder as R};
    for case in file()["cases"].as_array().unwrap() {
        for (side, signed, context, other) in [
            ("initiator", "i_signed", I, R),
            ("responder", "r_signed", R, I),
        ] {
            let file = &file()["identities"][case[side]["identity"].as_str().unwrap()];
            let alg = |v: &Value| SigAlg::from_name(v.as_str().unwrap()).unwrap();
            let key = match file["signer"].as_object() {
                Some(_) => &file["signer"],
                None => &file["identity"],
            };
            if !alg(&key["alg"]).is_available() {
                continue;
            }
            let signer = PublicIdentity::decode(alg(&key["alg"]).id(), &hex(&key["public"]));
            let signer = signer.unwrap();
            let body = hex(&case["computed"][signed]);
            let signature = hex(&case[side]["signature"]);
            assert_eq!(signer.verify(context, &body, &signature), Ok(()));
            assert!(signer.verify(other, &body, &signature).is_err());
        }
    }
}

#[test]
fn the_engine_makes_the_same_frames_and_records() {
    for case in Case::all() {
        let (hello, state) = case.start();
        assert_eq!(hello, case.client_hello, "{}", case.name);
        let (flight, r) = case.answer(&hello).unwrap();
        let sent = [&case.server_hello[..], &case.r_auth].concat();
        assert_eq!(flight, sent, "{}", case.name);
        let state = state.server_hello(&case.server_hello).unwrap();
        let (auth, i) = case.prove(state, &case.r_auth).unwrap();
        assert_eq!(auth, case.i_auth, "{}", case.name);
        let mut auth = auth;
        let r = r.initiator_auth(&mut auth, case.now()).unwrap();
        assert_eq!(i.peer.peer_id(), case.r.config.identity.peer_id());
        assert_eq!(r.peer.peer_id(), case.i.config.identity.peer_id());
        assert!(i.traffic.exporter.ct_eq(&r.traffic.exporter));
        assert_eq!((i.aead, i.kem), (r.aead, r.kem));

        let file = file();
        let cases = file["cases"].as_array().unwrap();
        let json = cases
            .iter()
            .find(|c| c["name"] == case.name.as_str())
            .unwrap();
        for (name, secret) in [
            ("app_i", i.traffic.initiator),
            ("app_r", r.traffic.responder),
        ] {
            let mut sealer = Sealer::new(i.aead, secret.clone());
            let mut opener = Opener::new(i.aead, secret);
            for record in json["computed"][format!("{name}_records")]
                .as_array()
                .unwrap()
            {
                let content = hex(&record["content"]);
                let mut out = Vec::new();
                let mut want = hex(&record["record"]);
                if record["type"] == 0x17 {
                    out.extend([0; 4]);
                    out.extend(&content);
                    sealer.data(&mut out, 0);
                    assert_eq!(out, want);
                    assert_eq!(opener.open(&mut want), Ok(Opened::Data(content.len())));
                    assert_eq!(want[4..4 + content.len()], content);
                } else {
                    let code = crate::secure::CloseCode::from_content(&content).unwrap();
                    sealer.close(&mut out, code);
                    assert_eq!(out, want);
                    assert_eq!(opener.open(&mut want), Ok(Opened::Close(code)));
                }
            }
        }
    }
}

#[test]
fn refused_client_hellos_get_their_alert() {
    let case = Case::default_suite();
    let file = file();
    let refused = file["refused_client_hellos"].as_array().unwrap();
    assert!(refused.len() > 8);
    for hello in refused {
        let error = case.answer(&hex(&hello["frame"])).err().unwrap();
        assert_eq!(error.label(), hello["label"], "{}", hello["why"]);
        let alert = Alert::from_code(u16::try_from(hello["alert"].as_u64().unwrap()).unwrap());
        assert_eq!(error.alert(), alert, "{}", hello["why"]);
        assert_eq!(alert.to_frame().to_vec(), hex(&hello["answer"]));
    }
}
