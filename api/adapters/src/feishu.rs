//! Feishu 飞书: messages of an application to a person, or a group's robot (signed).

use domain::kernel::{Timestamp, seconds};
use domain::notifications::model::Channel;
use domain::runtime::ports::{HttpRequest, OutboundMessage, Outcome};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::chat::{Protocol, Provider};
use super::outgoing::with_query;
use super::{Secret, plain_text, signing};

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

static PROTOCOL: Protocol = Protocol {
    channel: Channel::Feishu,
    name: "Feishu",
    code_field: "code",
    text_field: "msg",
    token_field: "tenant_access_token",
    robot_per_minute: 100,
    // "frequency limited"
    rate_limited: &[9_499, 11_232, 99_991_400],
    pause: seconds(60),
    busy: &[],
    token_expired: &[99_991_663, 99_991_661],
    unknown_robot: &[19_001, 19_021],
    token_busy: &[-1, 9_499, 99_991_400],
};

impl Provider for Account {
    fn protocol(&self) -> &'static Protocol {
        &PROTOCOL
    }

    fn robot(&self) -> &Secret {
        &self.robot_token
    }

    fn application(&self) -> Option<String> {
        (!self.app_id.is_empty()).then(|| self.app_id.clone())
    }

    fn secrets(&self) -> Vec<&str> {
        vec![self.app_secret.expose(), self.robot_token.expose(), self.robot_secret.expose()]
    }

    fn robot_request(&self, message: &OutboundMessage, now: Timestamp) -> HttpRequest {
        let url = format!("{}/open-apis/bot/v2/hook/{}", self.base_url, self.robot_token.expose());
        let text = format!("{}\n<at user_id=\"{}\"></at>", plain_text(message), message.address);
        let mut body = json!({ "msg_type": "text", "content": { "text": text } });
        if !self.robot_secret.is_empty() {
            let timestamp = now.millis() / 1_000;
            body["timestamp"] = json!(timestamp.to_string());
            body["sign"] = json!(signing::feishu(timestamp, self.robot_secret.expose()));
        }
        HttpRequest::post_json(url, &body)
    }

    fn token_request(&self) -> HttpRequest {
        let credential = json!({ "app_id": self.app_id, "app_secret": self.app_secret.expose() });
        HttpRequest::post_json(format!("{}/open-apis/auth/v3/tenant_access_token/internal", self.base_url), &credential)
    }

    fn application_request(&self, message: &OutboundMessage, token: &str) -> HttpRequest {
        let url = format!("{}/open-apis/im/v1/messages", self.base_url);
        let body = json!({
            "receive_id": message.address,
            "msg_type": "text",
            "content": json!({ "text": plain_text(message) }).to_string(),
            // Feishu drops duplicates of a uuid within an hour.
            "uuid": message.id.to_string(),
        });
        HttpRequest::post_json(with_query(&url, &[("receive_id_type", self.receive_id_type.as_str())]), &body)
            .bearer(token)
    }

    fn accepted(&self, response: &Json) -> Outcome {
        Outcome::Sent { id: response["data"]["message_id"].as_str().map(str::to_owned) }
    }
}
