//! Chat providers: a group's robot, or an application that writes to a person with an access token. A provider describes its
//! requests and its codes; the sender does the rest.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::kernel::Timestamp;
use domain::msg;
use domain::notifications::model::Channel;
use domain::runtime::ports::{HttpClient, HttpRequest, OutboundMessage, Outcome, Rate, Sender};
use futures::future::BoxFuture;
use serde_json::Value as Json;

use super::outgoing::request_json;
use super::{Secret, auth_failed, per_minute, rejected, retry_later, secrets_digest};

/// The fields and codes of a provider's responses, and its limits.
pub struct Protocol {
    pub channel: Channel,
    /// The provider's name in failures.
    pub name: &'static str,
    pub code_field: &'static str,
    pub text_field: &'static str,
    pub token_field: &'static str,
    pub robot_per_minute: u32,
    /// Codes of a message: too many of them; try again after the pause.
    pub rate_limited: &'static [i64],
    pub pause: Duration,
    /// Codes of a message: the system is busy.
    pub busy: &'static [i64],
    /// Codes of a message: the access token is expired or unknown.
    pub token_expired: &'static [i64],
    /// Codes of a message: the robot's token is unknown, or the signature does not match.
    pub unknown_robot: &'static [i64],
    /// Codes of a request for an access token that say nothing about the secret: busy, or too many requests.
    pub token_busy: &'static [i64],
}

/// A provider with an account: builds its requests, and knows neither the network nor a clock.
pub trait Provider: Send + Sync {
    fn protocol(&self) -> &'static Protocol;

    /// The token of a group's robot, which is used if it is not empty.
    fn robot(&self) -> &Secret;

    /// The name of the application's account; `None` if none is configured.
    fn application(&self) -> Option<String>;

    /// All secrets, always in the same order.
    fn secrets(&self) -> Vec<&str>;

    fn robot_request(&self, message: &OutboundMessage, now: Timestamp) -> HttpRequest;

    fn token_request(&self) -> HttpRequest;

    fn application_request(&self, message: &OutboundMessage, token: &str) -> HttpRequest;

    /// The outcome of a response with the code 0.
    fn accepted(&self, response: &Json) -> Outcome;
}

impl Protocol {
    fn outcome(&self, response: &Json, accepted: impl FnOnce(&Json) -> Outcome) -> Outcome {
        let Self { name, code_field, text_field, .. } = self;
        let reason = || {
            let text = response[text_field].as_str().unwrap_or_default();
            msg!("delivery-provider-error", provider = name, code = response[code_field], text = text)
        };
        let Some(code) = response[code_field].as_i64() else {
            return retry_later(msg!("delivery-provider-code-missing", provider = name, field = code_field));
        };
        let is_in = |codes: &[i64]| codes.contains(&code);
        if code == 0 {
            accepted(response)
        } else if is_in(self.rate_limited) {
            Outcome::RetryLater { why: reason(), after: self.pause }
        } else if is_in(self.token_expired) || is_in(self.busy) {
            retry_later(reason())
        } else if is_in(self.unknown_robot) {
            auth_failed(reason())
        } else {
            rejected(reason())
        }
    }

    /// The token of a response and until when it is used.
    fn token(&self, response: &Json, now: Timestamp) -> Result<(String, Timestamp), Outcome> {
        let Some(token) = response[self.token_field].as_str().filter(|token| !token.is_empty()) else {
            let (code, text) = (&response[self.code_field], response[self.text_field].as_str().unwrap_or_default());
            let why = msg!("delivery-provider-token-missing", code = code, text = text);
            let is_busy = code.as_i64().is_none_or(|code| self.token_busy.contains(&code));
            return Err(if is_busy { retry_later(why) } else { auth_failed(why) });
        };
        let lifetime = [&response["expires_in"], &response["expire"]].into_iter().find_map(Json::as_u64);
        let lifetime = Duration::from_secs(lifetime.unwrap_or(7_200));
        Ok((token.to_owned(), now + lifetime.saturating_sub(TOKEN_MARGIN)))
    }
}

/// How long before its expiry a token is renewed.
const TOKEN_MARGIN: Duration = Duration::from_secs(300);

/// The sender of every chat provider.
#[derive(Clone)]
pub struct ChatSender {
    provider: Arc<dyn Provider>,
    account: String,
    is_robot: bool,
    http: Arc<dyn HttpClient>,
    /// The cached access token, and until when it is used.
    token: Arc<Mutex<Option<(String, Timestamp)>>>,
}

impl ChatSender {
    /// `None` if the provider has no account.
    pub fn open(provider: Arc<dyn Provider>, http: &Arc<dyn HttpClient>) -> Option<Self> {
        let is_robot = !provider.robot().is_empty();
        let account = if is_robot { "robot".to_owned() } else { provider.application()? };
        let account = format!("{}:{account}", provider.protocol().channel.queue());
        Some(Self { provider, account, is_robot, http: http.clone(), token: Arc::default() })
    }

    async fn token(&self, now: Timestamp) -> Result<String, Outcome> {
        let cached = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((token, _)) = cached.filter(|(_, until)| now < *until) {
            return Ok(token);
        }
        let response = request_json(&*self.http, self.provider.token_request()).await;
        let response = response.map_err(|outcome| match outcome {
            // No message was sent yet, so the outcome is not ambiguous.
            Outcome::Ambiguous { why } => retry_later(why),
            outcome => outcome,
        })?;
        let (token, until) = self.provider.protocol().token(&response, now)?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some((token.clone(), until));
        Ok(token)
    }

    fn forget_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn try_send(&self, message: &OutboundMessage, now: Timestamp) -> Result<Outcome, Outcome> {
        let (provider, protocol) = (&self.provider, self.provider.protocol());
        let request = if self.is_robot {
            provider.robot_request(message, now)
        } else {
            provider.application_request(message, &self.token(now).await?)
        };
        let response = request_json(&*self.http, request).await?;
        if response[protocol.code_field].as_i64().is_some_and(|code| protocol.token_expired.contains(&code)) {
            self.forget_token();
        }
        Ok(protocol.outcome(&response, |response| provider.accepted(response)))
    }
}

impl Sender for ChatSender {
    fn account(&self) -> &str {
        &self.account
    }

    fn is_shared(&self) -> bool {
        self.is_robot
    }

    fn rate(&self) -> Option<Rate> {
        if self.is_robot { per_minute(self.provider.protocol().robot_per_minute) } else { None }
    }

    fn secret_digest(&self) -> String {
        secrets_digest(&self.provider.secrets())
    }

    fn probe(&self, now: Timestamp) -> Option<BoxFuture<'static, Outcome>> {
        let this = self.clone();
        // A robot cannot be probed without a message to its group.
        (!self.is_robot).then(|| {
            Box::pin(async move {
                // A cached token does not prove that the secret is valid.
                this.forget_token();
                this.token(now).await.map_or_else(|outcome| outcome, |_| Outcome::Sent { id: None })
            }) as _
        })
    }

    fn send(&self, message: OutboundMessage, now: Timestamp) -> BoxFuture<'static, Outcome> {
        let this = self.clone();
        Box::pin(async move { this.try_send(&message, now).await.unwrap_or_else(|outcome| outcome) })
    }
}

/// Whether an address is a mobile number rather than a user id.
pub fn is_mobile(address: &str) -> bool {
    address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+')
}

#[cfg(test)]
mod tests {
    use domain::kernel::{Locale, Message, hours, seconds};
    use domain::runtime::ports::{HttpError, HttpResponse};
    use serde_json::json;

    use super::*;
    use crate::{dingtalk, feishu, wecom};

    const NOW: Timestamp = Timestamp::from_millis(1_772_442_000_000);

    fn dingtalk(robot_token: &str) -> dingtalk::Account {
        dingtalk::Account {
            base_url: "http://dingtalk.test".to_owned(),
            robot_token: robot_token.into(),
            robot_secret: "SEC-of-the-robot".into(),
            app_key: "key".to_owned(),
            app_secret: "secret".into(),
            agent_id: "1".to_owned(),
        }
    }

    fn feishu() -> feishu::Account {
        feishu::Account {
            base_url: "http://feishu.test".to_owned(),
            app_id: String::new(),
            app_secret: Secret::default(),
            receive_id_type: "user_id".to_owned(),
            robot_token: "hook".into(),
            robot_secret: "feishu-secret".into(),
        }
    }

    fn wecom() -> wecom::Account {
        wecom::Account {
            base_url: "http://wecom.test".to_owned(),
            corp_id: "corp".to_owned(),
            agent_id: "1000002".to_owned(),
            secret: "app".into(),
            robot_key: Secret::default(),
        }
    }

    fn message() -> OutboundMessage {
        OutboundMessage {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            address: "13800000001".to_owned(),
            locale: Locale::En,
            title: "title".to_owned(),
            body: String::new(),
            url: None,
            cause: "ASSIGNED",
            is_critical: false,
            thread: None,
            number: None,
        }
    }

    #[test]
    fn robots_sign_with_the_given_time() {
        let request = dingtalk("robot").robot_request(&message(), NOW);
        let sign = "WLFdFVaWQox4FpV%2Bo7NM0END41Y4W3JAB0rzzPAdXFE%3D";
        let url = "http://dingtalk.test/robot/send?access_token=robot&timestamp=1772442000000&sign=";
        assert_eq!(request.url, format!("{url}{sign}"));
        let request = feishu().robot_request(&message(), NOW);
        let body: Json = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(request.url, "http://feishu.test/open-apis/bot/v2/hook/hook");
        assert_eq!(
            (&body["timestamp"], &body["sign"]),
            (&json!("1772442000"), &json!("R5suiqEoNQALh8crDaXboUnZWCBR5668mOQ32Ere1O4="))
        );
    }

    #[test]
    fn an_account_is_named_by_its_channel() {
        let http: Arc<dyn HttpClient> = Arc::new(StubHttp::default());
        let name = |provider: Arc<dyn Provider>| ChatSender::open(provider, &http).map(|sender| sender.account);
        assert_eq!(name(Arc::new(dingtalk("robot"))).as_deref(), Some("dingtalk:robot"));
        assert_eq!(name(Arc::new(dingtalk(""))).as_deref(), Some("dingtalk:key"));
        assert_eq!(name(Arc::new(feishu())).as_deref(), Some("feishu:robot"));
        assert_eq!(name(Arc::new(wecom())).as_deref(), Some("wecom:corp:1000002"));
        assert_eq!(name(Arc::new(dingtalk::Account { app_key: String::new(), ..dingtalk("") })), None);
    }

    #[test]
    fn a_code_has_an_outcome() {
        let (dingtalk, feishu, wecom) = (dingtalk("robot"), feishu(), wecom());
        let outcome = |provider: &dyn Provider, response: Json| {
            provider.protocol().outcome(&response, |response| provider.accepted(response))
        };
        let id = |id: &str| Outcome::Sent { id: Some(id.to_owned()) };
        let later = |why, secs| Outcome::RetryLater { why, after: seconds(secs) };
        let error = |provider: &str, code: i64, text: &str| {
            msg!("delivery-provider-error", provider = provider, code = code, text = text)
        };
        let code_missing =
            |provider: &str, field: &str| msg!("delivery-provider-code-missing", provider = provider, field = field);
        let user_unknown = msg!("delivery-provider-user-unknown", provider = "WeCom", users = "x");
        for (provider, response, expected) in [
            (&dingtalk as &dyn Provider, json!({ "errcode": 0, "task_id": 7 }), id("7")),
            (&dingtalk, json!({ "errcode": 0 }), Outcome::Sent { id: None }),
            (
                &dingtalk,
                json!({ "errcode": 130_101, "errmsg": "fast" }),
                later(error("DingTalk", 130_101, "fast"), 600),
            ),
            (&dingtalk, json!({ "errcode": -1, "errmsg": "busy" }), later(error("DingTalk", -1, "busy"), 0)),
            (&dingtalk, json!({ "errcode": 42_001, "errmsg": "old" }), later(error("DingTalk", 42_001, "old"), 0)),
            (&dingtalk, json!({ "errcode": 310_000 }), auth_failed(error("DingTalk", 310_000, ""))),
            (&dingtalk, json!({ "errcode": 1 }), rejected(error("DingTalk", 1, ""))),
            (&dingtalk, Json::Null, later(code_missing("DingTalk", "errcode"), 0)),
            (&feishu, json!({ "code": 0, "data": { "message_id": "om_1" } }), id("om_1")),
            (&feishu, json!({ "code": 9_499, "msg": "fast" }), later(error("Feishu", 9_499, "fast"), 60)),
            (&feishu, json!({ "code": -1 }), rejected(error("Feishu", -1, ""))),
            (&feishu, Json::Null, later(code_missing("Feishu", "code"), 0)),
            (&wecom, json!({ "errcode": 0, "msgid": "m" }), id("m")),
            (&wecom, json!({ "errcode": 0, "invaliduser": "x" }), rejected(user_unknown)),
            (&wecom, json!({ "errcode": 93_000 }), auth_failed(error("WeCom", 93_000, ""))),
        ] {
            assert_eq!(outcome(provider, response.clone()), expected, "{response}");
        }
    }

    /// Gives a new token on each request for one, and accepts every message.
    #[derive(Clone, Default)]
    struct StubHttp {
        urls: Arc<Mutex<Vec<String>>>,
    }

    impl HttpClient for StubHttp {
        fn check_url(&self, _: &str) -> Result<(), Message> {
            Ok(())
        }

        fn send(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>> {
            let mut urls = self.urls.lock().unwrap();
            let token = format!("T{}", urls.iter().filter(|url| url.contains("/gettoken")).count());
            urls.push(request.url);
            let body = json!({ "errcode": 0, "access_token": token, "expires_in": 7_200 });
            let response = HttpResponse { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() };
            Box::pin(std::future::ready(Ok(response)))
        }
    }

    #[tokio::test]
    async fn an_access_token_is_used_until_shortly_before_its_expiry() {
        let stub = StubHttp::default();
        let http: Arc<dyn HttpClient> = Arc::new(stub.clone());
        let sender = ChatSender::open(Arc::new(dingtalk("")), &http).unwrap();
        for at in [NOW, NOW + seconds(6_899), NOW + seconds(6_900), NOW + hours(4)] {
            assert!(matches!(sender.send(message(), at).await, Outcome::Sent { .. }));
        }
        let urls = stub.urls.lock().unwrap().clone();
        let used: Vec<_> =
            urls.iter().filter_map(|url| url.split_once("?access_token=").map(|(_, token)| token)).collect();
        assert_eq!(used, ["T0", "T0", "T1", "T2"]);
    }
}
