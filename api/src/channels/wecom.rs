//! WeCom 企业微信: messages of an application to a person, or a group's robot.

use std::sync::Arc;
use std::time::Duration;

use domain::notifications::model::{Parcel, Rate, Sender};
use domain::runtime::jobs::Outcome;
use futures::future::BoxFuture;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::outgoing::{Tokens, ask};
use super::{Secret, a_minute, denied, digest_of, later, plain, probed, refused};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub base_url: String,
    pub corp_id: String,
    pub agent_id: String,
    pub secret: Secret,
    pub robot_key: Secret,
}

/// Messages of a robot.
const ROBOT_A_MINUTE: u32 = 20;
/// api freq out of limit
const TOO_OFTEN: i64 = 45_009;
/// No robot has this key.
const UNKNOWN_ROBOT: i64 = 93_000;
/// The access token is over or unknown; the secret may have been reset.
const TOKEN_OVER: [i64; 3] = [40_014, 42_001, 42_007];

#[derive(Clone)]
pub struct Wecom {
    account: Account,
    name: String,
    http: Client,
    tokens: Arc<Tokens>,
}

impl Wecom {
    pub fn open(account: &Account, http: &Client) -> Option<Self> {
        let robot = !account.robot_key.is_empty();
        if !robot && account.corp_id.is_empty() {
            return None;
        }
        let name =
            if robot { "wecom:robot".to_owned() } else { format!("wecom:{}:{}", account.corp_id, account.agent_id) };
        Some(Self { account: account.clone(), name, http: http.clone(), tokens: Arc::default() })
    }

    fn is_robot(&self) -> bool {
        !self.account.robot_key.is_empty()
    }

    async fn by_robot(&self, parcel: &Parcel) -> Outcome {
        let url = format!("{}/cgi-bin/webhook/send", self.account.base_url);
        let digits = parcel.address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+');
        let mentioned = if digits { "mentioned_mobile_list" } else { "mentioned_list" };
        let body = json!({ "msgtype": "text", "text": { "content": plain(parcel), mentioned: [parcel.address] } });
        let query = [("key", self.account.robot_key.expose())];
        match ask(self.http.post(url).query(&query).json(&body)).await {
            Ok(answer) => outcome(&answer),
            Err(outcome) => outcome,
        }
    }

    fn token(&self) -> RequestBuilder {
        let Account { base_url, corp_id, secret, .. } = &self.account;
        let query = [("corpid", corp_id.as_str()), ("corpsecret", secret.expose())];
        self.http.get(format!("{base_url}/cgi-bin/gettoken")).query(&query)
    }

    async fn by_application(&self, parcel: &Parcel) -> Outcome {
        let Account { base_url, agent_id, .. } = &self.account;
        let token = match self.tokens.get(|| self.token(), "access_token").await {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let agent: Json = agent_id.parse::<i64>().map_or_else(|_| json!(agent_id), Into::into);
        let body = json!({
            "touser": parcel.address,
            "msgtype": "text",
            "agentid": agent,
            "text": { "content": plain(parcel) },
            // The same text to the same person within half an hour is one message.
            "enable_duplicate_check": 1,
            "duplicate_check_interval": 1_800,
        });
        let request = self.http.post(format!("{base_url}/cgi-bin/message/send")).query(&[("access_token", token)]);
        match ask(request.json(&body)).await {
            Ok(answer) => {
                if answer["errcode"].as_i64().is_some_and(|code| TOKEN_OVER.contains(&code)) {
                    self.tokens.forget();
                }
                outcome(&answer)
            }
            Err(outcome) => outcome,
        }
    }
}

fn outcome(answer: &Json) -> Outcome {
    let said = || format!("WeCom {}: {}", answer["errcode"], answer["errmsg"].as_str().unwrap_or_default());
    match answer["errcode"].as_i64() {
        Some(0) => match answer["invaliduser"].as_str().filter(|users| !users.is_empty()) {
            Some(users) => refused(format!("WeCom knows no user {users}")),
            None => Outcome::Sent { id: answer["msgid"].as_str().map(str::to_owned) },
        },
        Some(TOO_OFTEN) => Outcome::Later { why: said(), after: Duration::from_secs(60) },
        Some(code) if TOKEN_OVER.contains(&code) || code == -1 => later(said()),
        Some(UNKNOWN_ROBOT) => denied(said()),
        Some(_) => refused(said()),
        None => later("WeCom answered without an errcode"),
    }
}

impl Sender for Wecom {
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
        digest_of(&[self.account.secret.expose(), self.account.robot_key.expose()])
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
            if this.is_robot() { this.by_robot(&parcel).await } else { this.by_application(&parcel).await }
        })
    }
}
