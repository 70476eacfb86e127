//! WeCom 企业微信: messages of an application to a person, or a group's robot.

use domain::kernel::{Timestamp, seconds};
use domain::msg;
use domain::notifications::model::Channel;
use domain::runtime::ports::{HttpRequest, OutboundMessage, Outcome};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::chat::{Protocol, Provider, is_mobile};
use super::outgoing::with_query;
use super::{Secret, plain_text, rejected};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub base_url: String,
    pub corp_id: String,
    pub agent_id: String,
    pub secret: Secret,
    pub robot_key: Secret,
}

static PROTOCOL: Protocol = Protocol {
    channel: Channel::Wecom,
    name: "WeCom",
    code_field: "errcode",
    text_field: "errmsg",
    token_field: "access_token",
    robot_per_minute: 20,
    // "api freq out of limit"
    rate_limited: &[45_009],
    pause: seconds(60),
    busy: &[-1],
    // The last one: the secret may have been reset.
    token_expired: &[40_014, 42_001, 42_007],
    unknown_robot: &[93_000],
    token_busy: &[-1, 45_009],
};

impl Provider for Account {
    fn protocol(&self) -> &'static Protocol {
        &PROTOCOL
    }

    fn robot(&self) -> &Secret {
        &self.robot_key
    }

    fn application(&self) -> Option<String> {
        (!self.corp_id.is_empty()).then(|| format!("{}:{}", self.corp_id, self.agent_id))
    }

    fn secrets(&self) -> Vec<&str> {
        vec![self.secret.expose(), self.robot_key.expose()]
    }

    fn robot_request(&self, message: &OutboundMessage, _: Timestamp) -> HttpRequest {
        let url = format!("{}/cgi-bin/webhook/send", self.base_url);
        let mentioned = if is_mobile(&message.address) { "mentioned_mobile_list" } else { "mentioned_list" };
        let body =
            json!({ "msgtype": "text", "text": { "content": plain_text(message), mentioned: [message.address] } });
        HttpRequest::post_json(with_query(&url, &[("key", self.robot_key.expose())]), &body)
    }

    fn token_request(&self) -> HttpRequest {
        let query = [("corpid", self.corp_id.as_str()), ("corpsecret", self.secret.expose())];
        HttpRequest::get(with_query(&format!("{}/cgi-bin/gettoken", self.base_url), &query))
    }

    fn application_request(&self, message: &OutboundMessage, token: &str) -> HttpRequest {
        let agent: Json = self.agent_id.parse::<i64>().map_or_else(|_| json!(self.agent_id), Into::into);
        let body = json!({
            "touser": message.address,
            "msgtype": "text",
            "agentid": agent,
            "text": { "content": plain_text(message) },
            // WeCom drops the same text to the same person within half an hour.
            "enable_duplicate_check": 1,
            "duplicate_check_interval": 1_800,
        });
        let url = format!("{}/cgi-bin/message/send", self.base_url);
        HttpRequest::post_json(with_query(&url, &[("access_token", token)]), &body)
    }

    fn accepted(&self, response: &Json) -> Outcome {
        match response["invaliduser"].as_str().filter(|users| !users.is_empty()) {
            Some(users) => rejected(msg!("delivery-provider-user-unknown", provider = PROTOCOL.name, users = users)),
            None => Outcome::Sent { id: response["msgid"].as_str().map(str::to_owned) },
        }
    }
}
