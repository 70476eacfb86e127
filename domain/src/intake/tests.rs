//! The schemes of the providers, on the vectors of their own pages.

use super::decide::callback::{decrypt, encrypt, signature};
use super::decide::check;
use super::model::{Gateway, Raw, Reason};
use crate::credentials::model::Parts;
use crate::kernel::{Timestamp, hours, minutes};

const NONCE: [u8; 16] = [7; 16];

fn parts(given: &[(&str, &str)]) -> Parts {
    Parts(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// <https://github.com/sbzhu/weworkapi_python/blob/master/callback/Sample.py>
fn wecom() -> Parts {
    let key = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
    parts(&[("token", "QDG6eK"), ("encodingAesKey", key), ("receiveId", "wx5823bf96d3bd56c7")])
}

const ECHO: &str = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==";

fn verifying() -> Raw {
    let query = [
        ("msg_signature", "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"),
        ("timestamp", "1409659589"),
        ("nonce", "263014780"),
        ("echostr", ECHO),
    ];
    Raw {
        gateway: Gateway::Wecom,
        verifying: true,
        query: query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        headers: Vec::new(),
        body: Vec::new(),
        source: "203.0.113.1".to_owned(),
        at: Timestamp::from_millis(1_409_659_600_000),
    }
}

#[test]
fn wecom_verifies_its_address_as_its_own_sample_does() {
    let said = check(&[wecom()], &verifying(), &NONCE).unwrap();
    assert_eq!((said.reply.body.as_str(), said.message), ("1616140317555161061", None));
    // By the secret before, too, while the two overlap.
    let newer = parts(&[("token", "another"), ("encodingAesKey", "x"), ("receiveId", "y")]);
    assert!(check(&[newer.clone(), wecom()], &verifying(), &NONCE).is_ok());
    assert_eq!(check(&[newer], &verifying(), &NONCE), Err(Reason::SignatureInvalid));
    assert_eq!(check(&[], &verifying(), &NONCE), Err(Reason::NoCredential));
    let other_corp = parts(&[
        ("token", "QDG6eK"),
        ("encodingAesKey", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"),
        ("receiveId", "wx0000000000000000"),
    ]);
    assert_eq!(check(&[other_corp], &verifying(), &NONCE), Err(Reason::DecryptionFailed));
    // Judged by the time when it came.
    for (late, passes) in [(minutes(59), true), (hours(2), false)] {
        let raw = Raw { at: Timestamp::from_millis(1_409_659_589_000) + late, ..verifying() };
        assert_eq!(check(&[wecom()], &raw, &NONCE).is_ok(), passes, "{late:?}");
    }
    let mut changed = verifying();
    changed.query[3].1 = ECHO.replace('P', "Q");
    assert_eq!(check(&[wecom()], &changed, &NONCE), Err(Reason::SignatureInvalid));
}

#[test]
fn what_is_encrypted_is_decrypted_and_nothing_else_is() {
    let key = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
    for message in ["", "success", "泵站三号漏液，请尽快处理", &"长".repeat(500)] {
        let encrypted = encrypt(key, "corp", message, &NONCE).unwrap();
        assert_eq!(decrypt(key, "corp", &encrypted).as_deref(), Ok(message));
        assert_eq!(decrypt(key, "other", &encrypted), Err(Reason::DecryptionFailed));
        let mut broken = encrypted.clone().into_bytes();
        broken[10] ^= 1;
        let broken = String::from_utf8(broken).unwrap();
        assert_ne!(decrypt(key, "corp", &broken).as_deref(), Ok(message));
    }
    for nonsense in ["", "AAAA", "!!!!", ECHO] {
        assert_eq!(decrypt(key, "corp", nonsense), Err(Reason::DecryptionFailed), "{nonsense}");
    }
    assert_eq!(signature("QDG6eK", "1409659589", "263014780", ECHO), "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3");
}

/// The ciphertext of <https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case>.
#[test]
fn feishu_decrypts_as_its_own_sample_does() {
    let encrypted = "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=";
    assert_eq!(super::decide::feishu_decrypt("test key", encrypted).as_deref(), Ok("hello world"));
    assert_eq!(super::decide::feishu_decrypt("other key", encrypted), Err(Reason::DecryptionFailed));
}
