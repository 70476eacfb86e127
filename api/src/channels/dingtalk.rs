//! DingTalk 钉钉: a group's robot (signed), or work notices to a person.

use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Clock as _, SystemClock, minutes};
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
    pub robot_token: Secret,
    pub robot_secret: Secret,
    pub app_key: String,
    pub app_secret: Secret,
    pub agent_id: String,
}

/// A robot that sends more is silenced for ten minutes.
const ROBOT_A_MINUTE: u32 = 20;
const SILENCED_FOR: Duration = minutes(10);
/// send too fast
const TOO_FAST: [i64; 2] = [130_101, 410_100];
/// No robot has this token, or its signature is by another secret.
const UNKNOWN_ROBOT: [i64; 2] = [300_001, 310_000];
/// The access token is over or unknown.
const TOKEN_OVER: [i64; 3] = [40_001, 40_014, 42_001];

#[derive(Clone)]
pub struct Dingtalk {
    account: Account,
    name: String,
    http: Client,
    tokens: Arc<Tokens>,
}

impl Dingtalk {
    pub fn open(account: &Account, http: &Client) -> Option<Self> {
        let robot = !account.robot_token.is_empty();
        if !robot && account.app_key.is_empty() {
            return None;
        }
        let name = if robot { "dingtalk:robot".to_owned() } else { format!("dingtalk:{}", account.app_key) };
        Some(Self { account: account.clone(), name, http: http.clone(), tokens: Arc::default() })
    }

    fn is_robot(&self) -> bool {
        !self.account.robot_token.is_empty()
    }

    async fn by_robot(&self, parcel: &Parcel) -> Outcome {
        let url = format!("{}/robot/send", self.account.base_url);
        let timestamp = SystemClock.now().millis();
        let mut query = vec![("access_token", self.account.robot_token.expose().to_owned())];
        if !self.account.robot_secret.is_empty() {
            query.push(("timestamp", timestamp.to_string()));
            query.push(("sign", signing::dingtalk(timestamp, self.account.robot_secret.expose())));
        }
        // A mobile number is digits; anything else is a user id.
        let digits = parcel.address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+');
        let at = if digits { "atMobiles" } else { "atUserIds" };
        let body = json!({
            "msgtype": "text",
            "text": { "content": format!("{}\n@{}", plain(parcel), parcel.address) },
            "at": { at: [parcel.address], "isAtAll": false },
        });
        match ask(self.http.post(url).query(&query).json(&body)).await {
            Ok(answer) => outcome(&answer, None),
            Err(outcome) => outcome,
        }
    }

    async fn by_work_notice(&self, parcel: &Parcel) -> Outcome {
        let token = match self.tokens.get(|| self.token(), "access_token").await {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let url = format!("{}/topapi/message/corpconversation/asyncsend_v2", self.account.base_url);
        let body = json!({
            "agent_id": self.account.agent_id,
            "userid_list": parcel.address,
            "msg": { "msgtype": "text", "text": { "content": plain(parcel) } },
        });
        match ask(self.http.post(url).query(&[("access_token", token)]).json(&body)).await {
            Ok(answer) => {
                if answer["errcode"].as_i64().is_some_and(|code| TOKEN_OVER.contains(&code)) {
                    self.tokens.forget();
                }
                outcome(&answer, answer["task_id"].as_i64().map(|id| id.to_string()))
            }
            Err(outcome) => outcome,
        }
    }

    fn token(&self) -> RequestBuilder {
        let Account { base_url, app_key, app_secret, .. } = &self.account;
        let query = [("appkey", app_key.as_str()), ("appsecret", app_secret.expose())];
        self.http.get(format!("{base_url}/gettoken")).query(&query)
    }
}

fn outcome(answer: &Json, id: Option<String>) -> Outcome {
    let said = || format!("DingTalk {}: {}", answer["errcode"], answer["errmsg"].as_str().unwrap_or_default());
    match answer["errcode"].as_i64() {
        Some(0) => Outcome::Sent { id },
        Some(code) if TOO_FAST.contains(&code) => Outcome::Later { why: said(), after: SILENCED_FOR },
        Some(code) if TOKEN_OVER.contains(&code) || code == -1 => later(said()),
        Some(code) if UNKNOWN_ROBOT.contains(&code) => denied(said()),
        Some(_) => refused(said()),
        None => later("DingTalk answered without an errcode"),
    }
}

impl Sender for Dingtalk {
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
        let Account { robot_token, robot_secret, app_secret, .. } = &self.account;
        digest_of(&[robot_token.expose(), robot_secret.expose(), app_secret.expose()])
    }

    fn probe(&self) -> Option<BoxFuture<'static, Outcome>> {
        let this = self.clone();
        // A robot can only be asked by writing to its group.
        (!self.is_robot())
            .then(|| Box::pin(async move { probed(this.tokens.probe(|| this.token(), "access_token").await) }) as _)
    }

    fn send(&self, parcel: Parcel) -> BoxFuture<'static, Outcome> {
        let this = self.clone();
        Box::pin(async move {
            if this.is_robot() { this.by_robot(&parcel).await } else { this.by_work_notice(&parcel).await }
        })
    }
}
