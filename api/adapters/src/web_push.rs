//! Web Push (RFC 8030) with encrypted payloads (RFC 8291) and VAPID (RFC 8292). An address is a browser's push subscription; it
//! comes from users, so its endpoint is guarded.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::kernel::Timestamp;
use domain::msg;
use domain::runtime::ports::{HttpClient, HttpRequest, OutboundMessage, Outcome, Sender};
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
use web_push_native::p256::pkcs8::EncodePrivateKey as _;
use web_push_native::p256::{PublicKey, SecretKey};
use web_push_native::{Auth, encrypt};

use super::outgoing::{Guard, Http, outcome_of_error};
use super::{auth_failed, http_status, rejected, retry_later, secrets_digest};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub subject: String,
}

/// How long a push service keeps a message for a device that is offline.
const MESSAGE_TTL: Duration = Duration::from_secs(12 * 60 * 60);
/// RFC 8292 allows at most a day.
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// Characters of a body. The whole payload stays below the 4,096 bytes that every push service accepts.
const BODY_CHARS_MAX: usize = 700;

/// The server's VAPID key pair, derived from the master key, so that all nodes share it.
pub struct KeyPair(SecretKey);

impl KeyPair {
    pub fn of(secret: [u8; 32]) -> Self {
        // About one of 2^32 values is no valid key; then the next one is tried.
        let tries = (0_u8..).filter_map(|n| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&secret).ok()?;
            mac.update(&[n]);
            SecretKey::from_slice(&mac.finalize().into_bytes()).ok()
        });
        Self(tries.into_iter().next().expect("one of 256 tries is a key"))
    }

    /// The `applicationServerKey` with which browsers subscribe.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().to_encoded_point(false).as_bytes())
    }
}

#[derive(Clone)]
pub struct WebPush {
    subject: String,
    public: String,
    signing: EncodingKey,
    http: Arc<dyn HttpClient>,
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
        Ok(Some(Self { subject, public: keys.public(), signing, http: Arc::new(Http::guarded(guard)) }))
    }

    async fn push(&self, message: &OutboundMessage, now: Timestamp) -> Outcome {
        let Ok(Subscription { endpoint, keys }) = serde_json::from_str(&message.address) else {
            return rejected(msg!("delivery-push-address-invalid"));
        };
        let Ok(endpoint) = endpoint.parse::<Url>() else { return rejected(msg!("delivery-push-endpoint-invalid")) };
        let body: String = message.body.chars().take(BODY_CHARS_MAX).collect();
        let payload = json!({
            "id": message.id, "title": message.title, "body": body, "cause": message.cause,
            "number": message.number, "url": message.url,
        });
        let Some(encrypted) = encrypt_payload(payload.to_string(), &keys) else {
            return rejected(msg!("delivery-push-keys-invalid"));
        };
        let Some(authorization) = self.authorization(&endpoint, now) else {
            return rejected(msg!("delivery-push-signing-failed"));
        };
        let request = HttpRequest::post(endpoint, encrypted)
            .header("ttl", MESSAGE_TTL.as_secs().to_string())
            .header("urgency", if message.is_critical { "high" } else { "normal" })
            // A repeated message replaces an undelivered one of the same topic.
            .header("topic", URL_SAFE_NO_PAD.encode(message.id.0.as_bytes()))
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/octet-stream")
            .header("authorization", authorization);
        match self.http.send(request).await.map(|response| response.status) {
            Ok(200..300) => Outcome::Sent { id: None },
            Ok(404 | 410) => rejected(msg!("delivery-push-subscription-ended")),
            Ok(status @ (429 | 500..)) => retry_later(http_status(status)),
            Ok(401) => auth_failed(http_status(401)),
            Ok(status) => rejected(http_status(status)),
            Err(error) => outcome_of_error(error),
        }
    }

    /// <https://www.rfc-editor.org/rfc/rfc8292#section-3>
    fn authorization(&self, endpoint: &Url, now: Timestamp) -> Option<String> {
        let claims = json!({
            "aud": endpoint.origin().ascii_serialization(),
            "exp": (now + TOKEN_LIFETIME).millis() / 1_000,
            "sub": self.subject,
        });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.signing).ok()?;
        Some(format!("vapid t={token}, k={}", self.public))
    }
}

fn encrypt_payload(payload: String, keys: &SubscriptionKeys) -> Option<Vec<u8>> {
    // Browsers and libraries encode keys with or without padding.
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let public = PublicKey::from_sec1_bytes(&bytes(&keys.p256dh)?).ok()?;
    let auth: [u8; 16] = bytes(&keys.auth)?.try_into().ok()?;
    encrypt(payload.into_bytes(), &public, &Auth::from(auth)).ok()
}

impl Sender for WebPush {
    fn account(&self) -> &'static str {
        "web_push"
    }

    fn secret_digest(&self) -> String {
        secrets_digest(&[&self.public])
    }

    fn send(&self, message: OutboundMessage, now: Timestamp) -> BoxFuture<'static, Outcome> {
        let this = self.clone();
        Box::pin(async move { this.push(&message, now).await })
    }
}
