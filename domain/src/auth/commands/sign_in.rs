//! Sign-in attempts are counted, and a network from which an account signed in is remembered.

use sha2::{Digest as _, Sha256};

use super::super::decide::{Counter, Throttle, minutes_to_wait, throttles};
use super::super::model::{KNOWN_DEVICE_TTL, KNOWN_DEVICES_PER_ACCOUNT_MAX, SIGN_IN_WINDOW};
use super::super::store::{self, known_device};
use crate::kernel::{Error, Result, Timestamp, TopCode};
use crate::msg;
use crate::runtime::vault::mac;
use crate::runtime::{App, Ctx, Tx, Vault};

/// What one attempt was counted by; a successful sign-in takes it back.
pub struct SignInAttempt {
    counted: Vec<(Throttle, String)>,
    device: Option<Device>,
}

/// The network that an attempt comes from, as it is stored for the account. The digests have a key: addresses could be guessed.
struct Device {
    key: String,
    account: String,
}

impl Device {
    fn of(app: &App, account: &str, address: &str) -> Self {
        let secret = app.state::<Vault>().subkey("known-device");
        let digest = |parts: &[&[u8]]| hex::encode(&mac(&secret, parts)[..16]);
        Self { key: digest(&[account.as_bytes(), address.as_bytes()]), account: digest(&[account.as_bytes()]) }
    }
}

fn throttle_key(throttle: Throttle, account: &str, address: Option<&str>) -> Option<String> {
    // Digests, so that a password typed into the wrong field is not stored.
    let key = |kind: &str, text: &str| format!("{kind}:{}", hex::encode(&Sha256::digest(text)[..16]));
    match throttle {
        Throttle::Pair => Some(key("pair", &format!("{account}\n{}", address.unwrap_or_default()))),
        Throttle::Account => Some(key("account", account)),
        Throttle::Address => address.map(|address| key("address", address)),
    }
}

fn refuse_throttled(counters: &[Counter], now: Timestamp) -> Result<()> {
    let Some(minutes) = minutes_to_wait(counters, now) else { return Ok(()) };
    Err(Error::Top { code: TopCode::RateLimited, message: msg!("auth-sign-in-throttled", minutes = minutes) })
}

/// Counts a sign-in attempt before the password is checked, so that concurrent attempts cannot bypass the limits; rejects
/// attempts beyond them. A successful sign-in calls [`clear_sign_in_failures`].
pub async fn count_sign_in_attempt(cx: &Ctx, account: &str, address: Option<&str>) -> Result<SignInAttempt> {
    let device = address.map(|address| Device::of(&cx.app, account, address));
    let is_known = match &device {
        Some(device) => store::is_known_device(cx.read(), &device.key, cx.now() - KNOWN_DEVICE_TTL).await?,
        None => false,
    };
    let throttles = throttles(is_known).iter();
    let counted: Vec<(Throttle, String)> =
        throttles.filter_map(|throttle| Some((*throttle, throttle_key(*throttle, account, address)?))).collect();
    // A refused attempt writes nothing.
    let rows = store::throttles(cx.read(), counted.iter().map(|(_, key)| key.clone()).collect()).await?;
    let before = counted.iter().filter_map(|(throttle, key)| {
        let row = rows.iter().find(|row| row.key == *key)?;
        Some(Counter { throttle: *throttle, failures: row.failures, window_from: row.window_from })
    });
    refuse_throttled(&before.collect::<Vec<_>>(), cx.now())?;
    let tx = cx.begin().await?;
    let (now, mut before) = (tx.now, Vec::new());
    for (throttle, key) in &counted {
        let row = store::increment_throttle(tx.conn(), key.clone(), now, now - SIGN_IN_WINDOW).await?;
        before.push(Counter { throttle: *throttle, failures: row.failures - 1, window_from: row.window_from });
    }
    tx.commit().await?;
    refuse_throttled(&before, now)?;
    Ok(SignInAttempt { counted, device })
}

/// After a successful sign-in: the attempt was no failure, and its network is known from now on.
pub async fn clear_sign_in_failures(tx: &Tx, attempt: &SignInAttempt) -> Result<()> {
    for (throttle, key) in &attempt.counted {
        match throttle {
            Throttle::Pair => store::delete_throttle(tx.conn(), key.clone()).await?,
            Throttle::Account | Throttle::Address => store::decrement_throttle(tx.conn(), key.clone()).await?,
        }
    }
    let Some(Device { key, account }) = &attempt.device else { return Ok(()) };
    let row = known_device::Model { key: key.clone(), account: account.clone(), seen_at: tx.now };
    store::save_known_device(tx.conn(), row, KNOWN_DEVICES_PER_ACCOUNT_MAX).await
}
