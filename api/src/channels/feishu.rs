//! Feishu 飞书: messages of an application to a person, or a group's robot (signed).

use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Clock as _, SystemClock};
use domain::notifications::model::{Parcel, Rate, Sender};
use domain::runtime::jobs::Outcome;
use futures::future::BoxFuture;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::outgoing::{Tokens, ask};
use super::{Secret, a_minute, denied, digest_of, later, plain, probed, refused, signing};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub base_url: String,
    pub app_id: String,
    pub app_secret: Secret,
    pub receive_id_type: String,
    pub robot_token: Secret,
    pub robot_secret: Secret,
}

/// Messages of a robot.
const ROBOT_A_MINUTE: u32 = 100;
/// frequency limited
const TOO_OFTEN: [i64; 3] = [9_499, 11_232, 99_991_400];
/// No robot has this token, or its signature is by another secret.
const UNKNOWN_ROBOT: [i64; 2] = [19_001, 19_021];
/// The access token is over or unknown.
const TOKEN_OVER: [i64; 2] = [99_991_663, 99_991_661];

#[derive(Clone)]
pub struct Feishu {
    account: Account,
    name: String,
    http: Client,
    tokens: Arc<Tokens>,
}

impl Feishu {
    pub fn open(account: &Account, http: &Client) -> Option<Self> {
        let robot = !account.robot_token.is_empty();
        if !robot && account.app_id.is_empty() {
            return None;
        }
        let name = if robot { "feishu:robot".to_owned() } else { format!("feishu:{}", account.app_id) };
        Some(Self { account: account.clone(), name, http: http.clone(), tokens: Arc::default() })
    }

    fn is_robot(&self) -> bool {
        !self.account.robot_token.is_empty()
    }

    async fn by_robot(&self, parcel: &Parcel) -> Outcome {
        let url = format!("{}/open-apis/bot/v2/hook/{}", self.account.base_url, self.account.robot_token.expose());
        let text = format!("{}\n<at user_id=\"{}\"></at>", plain(parcel), parcel.address);
        let mut body = json!({ "msg_type": "text", "content": { "text": text } });
        if !self.account.robot_secret.is_empty() {
            let timestamp = SystemClock.now().millis() / 1_000;
            body["timestamp"] = json!(timestamp.to_string());
            body["sign"] = json!(signing::feishu(timestamp, self.account.robot_secret.expose()));
        }
        match ask(self.http.post(url).json(&body)).await {
            Ok(answer) => outcome(&answer),
            Err(outcome) => outcome,
        }
    }

    fn token(&self) -> RequestBuilder {
        let Account { base_url, app_id, app_secret, .. } = &self.account;
        let credential = json!({ "app_id": app_id, "app_secret": app_secret.expose() });
        self.http.post(format!("{base_url}/open-apis/auth/v3/tenant_access_token/internal")).json(&credential)
    }

    async fn by_application(&self, parcel: &Parcel) -> Outcome {
        let Account { base_url, receive_id_type, .. } = &self.account;
        let token = match self.tokens.get(|| self.token(), "tenant_access_token").await {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let body = json!({
            "receive_id": parcel.address,
            "msg_type": "text",
            "content": json!({ "text": plain(parcel) }).to_string(),
            // Within an hour the same is sent once.
            "uuid": parcel.id.to_string(),
        });
        let request = self.http.post(format!("{base_url}/open-apis/im/v1/messages"));
        let request = request.query(&[("receive_id_type", receive_id_type)]).bearer_auth(token).json(&body);
        match ask(request).await {
            Ok(answer) => {
                if answer["code"].as_i64().is_some_and(|code| TOKEN_OVER.contains(&code)) {
                    self.tokens.forget();
                }
                outcome(&answer)
            }
            Err(outcome) => outcome,
        }
    }
}

fn outcome(answer: &Json) -> Outcome {
    let said = || format!("Feishu {}: {}", answer["code"], answer["msg"].as_str().unwrap_or_default());
    match answer["code"].as_i64() {
        Some(0) => Outcome::Sent { id: answer["data"]["message_id"].as_str().map(str::to_owned) },
        Some(code) if TOO_OFTEN.contains(&code) => Outcome::Later { why: said(), after: Duration::from_secs(60) },
        Some(code) if TOKEN_OVER.contains(&code) => later(said()),
        Some(code) if UNKNOWN_ROBOT.contains(&code) => denied(said()),
        Some(_) => refused(said()),
        None => later("Feishu answered without a code"),
    }
}

impl Sender for Feishu {
    fn account(&self) -> &str {
        &self.name
    }

    fn is_shared(&self) -> bool {
        self.is_robot()
    }

    fn rate(&self) -> Option<Rate> {
        if self.is_robot() { a_minute(ROBOT_A_MINUTE) } else { None }
    }

    fn digest(&self) -> String {
        let Account { app_secret, robot_token, robot_secret, .. } = &self.account;
        digest_of(&[app_secret.expose(), robot_token.expose(), robot_secret.expose()])
    }

    fn probe(&self) -> Option<BoxFuture<'static, Outcome>> {
        let this = self.clone();
        // A robot can only be asked by writing to its group.
        (!self.is_robot()).then(|| {
            Box::pin(async move { probed(this.tokens.probe(|| this.token(), "tenant_access_token").await) }) as _
        })
    }

    fn send(&self, parcel: Parcel) -> BoxFuture<'static, Outcome> {
        let this = self.clone();
        Box::pin(async move {
            if this.is_robot() { this.by_robot(&parcel).await } else { this.by_application(&parcel).await }
        })
    }
}
