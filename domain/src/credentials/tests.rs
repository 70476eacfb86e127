//! Expiry warnings and validation of parts.

use super::decide::{check, warning};
use super::model::{CredentialKind, Parts};
use crate::kernel::{Code, Timestamp, days, hours};

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
