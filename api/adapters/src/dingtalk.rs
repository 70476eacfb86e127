//! DingTalk 钉钉: a group's robot (signed), or work notices to a person.

use domain::kernel::{Timestamp, minutes};
use domain::notifications::model::Channel;
use domain::runtime::ports::{HttpRequest, OutboundMessage, Outcome};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::chat::{Protocol, Provider, is_mobile};
use super::outgoing::with_query;
use super::{Secret, plain_text, signing};

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

static PROTOCOL: Protocol = Protocol {
    channel: Channel::Dingtalk,
    name: "DingTalk",
    code_field: "errcode",
    text_field: "errmsg",
    token_field: "access_token",
    robot_per_minute: 20,
    // "send too fast"
    rate_limited: &[130_101, 410_100],
    // Exceeding the limit suspends the robot for ten minutes.
    pause: minutes(10),
    busy: &[-1],
    token_expired: &[40_001, 40_014, 42_001],
    unknown_robot: &[300_001, 310_000],
    token_busy: &[-1, 88, 90_018],
};

impl Provider for Account {
    fn protocol(&self) -> &'static Protocol {
        &PROTOCOL
    }

    fn robot(&self) -> &Secret {
        &self.robot_token
    }

    fn application(&self) -> Option<String> {
        (!self.app_key.is_empty()).then(|| self.app_key.clone())
    }

    fn secrets(&self) -> Vec<&str> {
        vec![self.robot_token.expose(), self.robot_secret.expose(), self.app_secret.expose()]
    }

    fn robot_request(&self, message: &OutboundMessage, now: Timestamp) -> HttpRequest {
        let (timestamp, secret) = (now.millis().to_string(), self.robot_secret.expose());
        let sign = signing::dingtalk(now.millis(), secret);
        let query =
            [("access_token", self.robot_token.expose()), ("timestamp", timestamp.as_str()), ("sign", sign.as_str())];
        let query = if secret.is_empty() { &query[..1] } else { &query[..] };
        let at = if is_mobile(&message.address) { "atMobiles" } else { "atUserIds" };
        let body = json!({
            "msgtype": "text",
            "text": { "content": format!("{}\n@{}", plain_text(message), message.address) },
            "at": { at: [message.address], "isAtAll": false },
        });
        HttpRequest::post_json(with_query(&format!("{}/robot/send", self.base_url), query), &body)
    }

    fn token_request(&self) -> HttpRequest {
        let query = [("appkey", self.app_key.as_str()), ("appsecret", self.app_secret.expose())];
        HttpRequest::get(with_query(&format!("{}/gettoken", self.base_url), &query))
    }

    fn application_request(&self, message: &OutboundMessage, token: &str) -> HttpRequest {
        let url = format!("{}/topapi/message/corpconversation/asyncsend_v2", self.base_url);
        let body = json!({
            "agent_id": self.agent_id,
            "userid_list": message.address,
            "msg": { "msgtype": "text", "text": { "content": plain_text(message) } },
        });
        HttpRequest::post_json(with_query(&url, &[("access_token", token)]), &body)
    }

    fn accepted(&self, response: &Json) -> Outcome {
        Outcome::Sent { id: response["task_id"].as_i64().map(|id| id.to_string()) }
    }
}
