//! Expiry warnings and validation of parts.

use super::decide::{check, warning};
use super::model::{CredentialKind, Parts};
use crate::kernel::{Code, Locale, Timestamp, days, hours};

#[test]
fn an_owner_is_warned_at_seven_three_one_and_no_days() {
    let end = Timestamp::parse("2026-03-31T00:00:00Z").unwrap();
    let mut warned = None;
    let mut given = Vec::new();
    let mut now = end - days(10);
    while now <= end + days(2) {
        let (due, next) = warning(&[7, 3, 1, 0], now, end, warned);
        if let Some(days) = due {
            given.push((days, end.seconds_since(now) / 86_400));
            warned = Some(days);
        }
        assert_eq!(next.is_some(), now < end);
        assert!(next.is_none_or(|next| next > now));
        now = now + hours(6);
    }
    assert_eq!(given, [(7, 7), (3, 3), (1, 1), (0, 0)]);
    // Of several missed warnings only the latest is sent, once.
    assert_eq!(warning(&[7, 3, 1, 0], end - hours(30), end, None), (Some(3), Some(end - days(1))));
    assert_eq!(warning(&[7, 3, 1, 0], end - hours(30), end, Some(3)).0, None);
    assert_eq!(warning(&[7, 3, 1, 0], end + days(9), end, Some(7)), (Some(0), None));
}

#[test]
fn missing_and_unknown_parts_are_refused() {
    let parts = |names: &[&str]| Parts(names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect());
    let code = |kind, names: &[&str]| check(kind, &parts(names)).map(drop).map_err(|refusal| refusal.code);
    assert_eq!(code(CredentialKind::FeishuCallback, &["encryptKey", "verificationToken"]), Ok(()));
    assert_eq!(code(CredentialKind::FeishuCallback, &["encryptKey"]), Err(Code::Required));
    assert_eq!(code(CredentialKind::ApiSignature, &["secret", "token"]), Err(Code::UnknownKey));
    assert_eq!(code(CredentialKind::DingtalkCallback, &["appSecret", "token"]), Ok(()));
    assert_eq!(format!("{:?}", parts(&["secret"])), "(secret)");
}

#[test]
fn a_secret_that_cannot_verify_is_refused() {
    let saved = |kind, name: &str, value: &str| {
        let mut parts = match kind {
            CredentialKind::WecomCallback => vec![("token", "t"), ("receiveId", "ww1")],
            CredentialKind::DingtalkCallback => vec![("appSecret", "s")],
            _ => Vec::new(),
        };
        parts.push((name, value));
        let parts = parts.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        check(kind, &Parts(parts)).map(drop).map_err(|refusal| {
            let message = refusal.message.text(Locale::En);
            assert!(message.contains(name), "{message}");
            (refusal.code, refusal.field.join("."))
        })
    };
    let invalid = || Err((Code::Invalid, "parts".to_owned()));
    let key = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
    for (kind, name, value, expected) in [
        (CredentialKind::ApiSignature, "secret", "whsec_AAECAwQFBgcICQoLDA0ODw==", Ok(())),
        (CredentialKind::ApiSignature, "secret", " whsec_AAAA ", Ok(())),
        (CredentialKind::ApiSignature, "secret", "a plain secret", Ok(())),
        (CredentialKind::ApiSignature, "secret", "whsec_", invalid()),
        (CredentialKind::ApiSignature, "secret", "whsec_ ", invalid()),
        (CredentialKind::ApiSignature, "secret", "whsec_AAECAwQFBgcICQoLDA0ODw", invalid()),
        (CredentialKind::ApiSignature, "secret", "whsec_AAECAwQFBgcICQoLDA0ODw=", invalid()),
        (CredentialKind::ApiSignature, "secret", "whsec_=", invalid()),
        (CredentialKind::ApiSignature, "secret", "whsec_AA-_", invalid()),
        (CredentialKind::ApiSignature, "secret", "whsec_AA AA", invalid()),
        (CredentialKind::ApiSignature, "secret", "whsec_secret!", invalid()),
        // Buoy verifies nothing with it.
        (CredentialKind::Other, "secret", "whsec_", Ok(())),
        (CredentialKind::WecomCallback, "encodingAesKey", key, Ok(())),
        (CredentialKind::WecomCallback, "encodingAesKey", &key[1..], invalid()),
        (CredentialKind::WecomCallback, "encodingAesKey", &*key.replace('j', "-"), invalid()),
        (CredentialKind::DingtalkCallback, "aesKey", key, Ok(())),
        (CredentialKind::DingtalkCallback, "aesKey", "short", invalid()),
    ] {
        assert_eq!(saved(kind, name, value), expected, "{kind:?} {name} {value}");
    }
}
