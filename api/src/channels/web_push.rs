//! Web Push: RFC 8030 with payloads sealed by RFC 8291 and the server named by VAPID (RFC 8292). An address is what the browser
//! calls a push subscription; it comes from users, so what it leads to is guarded.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::kernel::{Clock as _, SystemClock};
use domain::notifications::model::{Parcel, Sender};
use domain::runtime::jobs::Outcome;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
use web_push_native::p256::pkcs8::EncodePrivateKey as _;
use web_push_native::p256::{PublicKey, SecretKey};
use web_push_native::{Auth, encrypt};

use super::outgoing::{Guard, status_of};
use super::{denied, digest_of, later, refused};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub subject: String,
}

/// A push service keeps a message for a device that is off for so long.
const KEPT: Duration = Duration::from_secs(12 * 60 * 60);
/// By RFC 8292 at most a day.
const TOKEN_LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// Characters of a body: with everything else, below the 4,096 bytes that every push service takes.
const BODY_CHARS_MAX: usize = 700;

/// The server's own key pair: the same on every node that has the same master key.
pub struct KeyPair(SecretKey);

impl KeyPair {
    pub fn of(secret: [u8; 32]) -> Self {
        // All but one of 2^32 secrets is a key; the next try is another.
        let tries = (0_u8..).filter_map(|n| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&secret).ok()?;
            mac.update(&[n]);
            SecretKey::from_slice(&mac.finalize().into_bytes()).ok()
        });
        Self(tries.into_iter().next().expect("one of 256 tries is a key"))
    }

    /// What a browser subscribes with (applicationServerKey).
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().to_encoded_point(false).as_bytes())
    }
}

#[derive(Clone)]
pub struct WebPush {
    subject: String,
    public: String,
    signing: EncodingKey,
    guard: Guard,
    http: Client,
}

#[derive(Deserialize)]
struct Subscription {
    endpoint: String,
    keys: SubscriptionKeys,
}

#[derive(Deserialize)]
struct SubscriptionKeys {
    p256dh: String,
    auth: String,
}

impl WebPush {
    pub fn open(account: &Account, keys: &KeyPair, guard: &Guard) -> Result<Option<Self>, String> {
        let subject = account.subject.clone();
        if subject.is_empty() {
            return Ok(None);
        }
        if !(subject.starts_with("mailto:") || subject.starts_with("https://")) {
            return Err(
                "channels.web_push.subject: write mailto:… or https://…, where a push service can reach you".to_owned()
            );
        }
        let key = keys.0.to_pkcs8_der().map_err(|error| error.to_string())?;
        let signing = EncodingKey::from_ec_der(key.as_bytes());
        Ok(Some(Self { subject, public: keys.public(), signing, guard: guard.clone(), http: guard.client() }))
    }

    async fn push(&self, parcel: &Parcel) -> Outcome {
        let Ok(Subscription { endpoint, keys }) = serde_json::from_str(&parcel.address) else {
            return refused("the address is no push subscription");
        };
        let Ok(endpoint) = endpoint.parse::<Url>() else { return refused("the endpoint is no address") };
        if let Err(why) = self.guard.permits(&endpoint) {
            return refused(why);
        }
        let body: String = parcel.body.chars().take(BODY_CHARS_MAX).collect();
        let message = json!({
            "id": parcel.id, "title": parcel.title, "body": body, "cause": parcel.cause.word(),
            "number": parcel.number, "url": parcel.url,
        });
        let Some(sealed) = sealed(message.to_string(), &keys) else {
            return refused("the subscription's keys are no keys");
        };
        let Some(authorization) = self.authorization(&endpoint) else { return refused("VAPID could not be signed") };
        let request = self
            .http
            .post(endpoint)
            .header("ttl", KEPT.as_secs())
            .header("urgency", if parcel.cause.is_critical() { "high" } else { "normal" })
            // Sent again, it takes the place of the first where that has not arrived.
            .header("topic", URL_SAFE_NO_PAD.encode(parcel.id.0.as_bytes()))
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/octet-stream")
            .header("authorization", authorization)
            .body(sealed);
        match status_of(request).await {
            Ok(status) if status.is_success() => Outcome::Sent { id: None },
            Ok(StatusCode::NOT_FOUND | StatusCode::GONE) => {
                refused("the subscription has ended: bind the device again")
            }
            Ok(status) if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                later(format!("HTTP {}", status.as_u16()))
            }
            Ok(status) if status == StatusCode::UNAUTHORIZED => denied("HTTP 401"),
            Ok(status) => refused(format!("HTTP {}", status.as_u16())),
            Err(outcome) => outcome,
        }
    }

    /// <https://www.rfc-editor.org/rfc/rfc8292#section-3>
    fn authorization(&self, endpoint: &Url) -> Option<String> {
        let claims = json!({
            "aud": endpoint.origin().ascii_serialization(),
            "exp": (SystemClock.now() + TOKEN_LIFE).millis() / 1_000,
            "sub": self.subject,
        });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.signing).ok()?;
        Some(format!("vapid t={token}, k={}", self.public))
    }
}

fn sealed(message: String, keys: &SubscriptionKeys) -> Option<Vec<u8>> {
    // With or without padding, as browsers and libraries give them.
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let public = PublicKey::from_sec1_bytes(&bytes(&keys.p256dh)?).ok()?;
    let auth: [u8; 16] = bytes(&keys.auth)?.try_into().ok()?;
    encrypt(message.into_bytes(), &public, &Auth::from(auth)).ok()
}

impl Sender for WebPush {
    fn account(&self) -> &'static str {
        "web_push"
    }

    fn digest(&self) -> String {
        digest_of(&[&self.public])
    }

    fn send(&self, parcel: Parcel) -> BoxFuture<'static, Outcome> {
        let this = self.clone();
        Box::pin(async move { this.push(&parcel).await })
    }
}
