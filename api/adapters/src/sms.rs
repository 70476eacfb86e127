//! SMS: any HTTP gateway with a body template, Alibaba Cloud 阿里云, Tencent Cloud 腾讯云.

use std::sync::Arc;

use domain::kernel::{Message, Timestamp};
use domain::msg;
use domain::runtime::ports::{HttpClient, HttpRequest, OutboundMessage, Outcome, Rate, Sender};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::outgoing::{outcome_of_error, request_json};
use super::signing::{Acs3, Tc3};
use super::{Secret, auth_failed, http_status, per_minute, plain_text, rejected, retry_later, secrets_digest};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    None,
    Http,
    Aliyun,
    Tencent,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub provider: Provider,
    pub url: String,
    pub body: String,
    pub bearer: Secret,
    pub key_id: String,
    pub key_secret: Secret,
    pub sign_name: String,
    pub template: String,
    pub app_id: String,
    pub region: String,
    pub messages_a_minute: u32,
}

#[derive(Clone)]
pub struct Gateway {
    account: Account,
    name: String,
    http: Arc<dyn HttpClient>,
}

impl Gateway {
    pub fn open(account: &Account, http: &Arc<dyn HttpClient>) -> Result<Option<Self>, String> {
        if account.provider == Provider::None {
            return Ok(None);
        }
        if account.url.is_empty() {
            return Err("channels.sms.url: say where the gateway is".to_owned());
        }
        let name = format!("sms:{:?}:{}", account.provider, account.url).to_lowercase();
        Ok(Some(Self { account: account.clone(), name, http: http.clone() }))
    }

    /// The template's placeholders are `{to}`, `{text}`, `{title}`, `{number}` and `{id}`; values are JSON strings.
    async fn send_by_http(&self, message: &OutboundMessage) -> Outcome {
        let quoted = |text: &str| json!(text).to_string();
        let number = message.number.map(|number| number.to_string()).unwrap_or_default();
        let body = fill_template(
            &self.account.body,
            &[
                ("{to}", &quoted(&message.address)),
                ("{text}", &quoted(&plain_text(message))),
                ("{title}", &quoted(&message.title)),
                ("{number}", &quoted(&number)),
                ("{id}", &quoted(&message.id.to_string())),
            ],
        );
        let mut request = HttpRequest::post(&self.account.url, body).header("content-type", "application/json");
        if !self.account.bearer.is_empty() {
            request = request.bearer(self.account.bearer.expose());
        }
        match self.http.send(request).await.map(|response| response.status) {
            Ok(200..300) => Outcome::Sent { id: None },
            Ok(status @ (429 | 500..)) => retry_later(http_status(status)),
            Ok(status @ (401 | 403)) => auth_failed(http_status(status)),
            Ok(status) => rejected(http_status(status)),
            Err(error) => outcome_of_error(error),
        }
    }

    /// <https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms>
    async fn send_by_aliyun(&self, message: &OutboundMessage, now: Timestamp) -> Outcome {
        let Account { url, key_id, key_secret, sign_name, template, .. } = &self.account;
        let Some(host) = host_of(url) else { return rejected(msg!("delivery-sms-url-invalid")) };
        let params = json!({ "title": truncate(&message.title, 35), "number": number(message) }).to_string();
        let mut query = [
            ("PhoneNumbers", message.address.trim_start_matches('+').to_owned()),
            ("SignName", sign_name.clone()),
            ("TemplateCode", template.clone()),
            ("TemplateParam", params),
            ("OutId", message.id.to_string()),
        ];
        query.sort_unstable();
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        let (query, date) = (query.join("&"), utc(now, "%Y-%m-%dT%H:%M:%SZ"));
        let signed = Acs3 {
            method: "POST",
            query: &query,
            host: &host,
            action: "SendSms",
            version: "2017-05-25",
            date: &date,
            nonce: &message.id.to_string(),
            body: b"",
        };
        let mut request = HttpRequest::post(format!("{url}/?{query}"), "");
        for (name, value) in signed.headers(key_id, key_secret.expose()) {
            request = request.header(name, value);
        }
        match request_json(&*self.http, request).await {
            Ok(response) => match response["Code"].as_str() {
                Some("OK") => Outcome::Sent { id: response["BizId"].as_str().map(str::to_owned) },
                Some(
                    code @ ("isv.BUSINESS_LIMIT_CONTROL" | "Throttling" | "Throttling.User" | "ServiceUnavailable"),
                ) => retry_later(reason("Alibaba Cloud", code, &response["Message"])),
                Some(code) if code.starts_with("InvalidAccessKey") || code == "SignatureDoesNotMatch" => {
                    auth_failed(reason("Alibaba Cloud", code, &response["Message"]))
                }
                Some(code) => rejected(reason("Alibaba Cloud", code, &response["Message"])),
                None => retry_later(code_missing("Alibaba Cloud")),
            },
            Err(outcome) => outcome,
        }
    }

    /// <https://cloud.tencent.com/document/api/382/55981>
    async fn send_by_tencent(&self, message: &OutboundMessage, now: Timestamp) -> Outcome {
        let Account { url, key_id, key_secret, sign_name, template, app_id, region, .. } = &self.account;
        let Some(host) = host_of(url) else { return rejected(msg!("delivery-sms-url-invalid")) };
        // A number without a country code is Chinese.
        let to =
            if message.address.starts_with('+') { message.address.clone() } else { format!("+86{}", message.address) };
        let body = json!({
            "PhoneNumberSet": [to],
            "SmsSdkAppId": app_id,
            "SignName": sign_name,
            "TemplateId": template,
            "TemplateParamSet": [truncate(&message.title, 12), number(message)],
            "SessionContext": message.id.to_string(),
        })
        .to_string();
        let signed = Tc3 {
            service: "sms",
            host: &host,
            content_type: "application/json",
            timestamp_secs: now.millis() / 1_000,
            day: &utc(now, "%Y-%m-%d"),
            body: body.as_bytes(),
        };
        let request = HttpRequest::post(url, body.as_str())
            .header("authorization", signed.authorization(key_id, key_secret.expose()))
            .header("content-type", signed.content_type)
            .header("x-tc-action", "SendSms")
            .header("x-tc-version", "2021-01-11")
            .header("x-tc-region", region)
            .header("x-tc-timestamp", signed.timestamp_secs.to_string());
        match request_json(&*self.http, request).await {
            Ok(response) => {
                let response = &response["Response"];
                let status = &response["SendStatusSet"][0];
                let code = status["Code"].as_str().or_else(|| response["Error"]["Code"].as_str());
                let message = if status.is_null() { &response["Error"]["Message"] } else { &status["Message"] };
                match code {
                    Some("Ok") => Outcome::Sent { id: status["SerialNo"].as_str().map(str::to_owned) },
                    Some(code) if code.starts_with("LimitExceeded") || code.starts_with("InternalError") => {
                        retry_later(reason("Tencent Cloud", code, message))
                    }
                    Some(code) if code.starts_with("AuthFailure") => {
                        auth_failed(reason("Tencent Cloud", code, message))
                    }
                    Some(code) => rejected(reason("Tencent Cloud", code, message)),
                    None => retry_later(code_missing("Tencent Cloud")),
                }
            }
            Err(outcome) => outcome,
        }
    }
}

fn reason(provider: &str, code: &str, message: &Json) -> Message {
    msg!("delivery-provider-error", provider = provider, code = code, text = message.as_str().unwrap_or_default())
}

fn code_missing(provider: &str) -> Message {
    msg!("delivery-provider-code-missing", provider = provider, field = "Code")
}

/// Fills the placeholders of a template in one pass, so that placeholders in a value are not filled.
fn fill_template(template: &str, placeholders: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    'next: while let Some(first) = rest.chars().next() {
        for (placeholder, value) in placeholders {
            if let Some(remainder) = rest.strip_prefix(placeholder) {
                out.push_str(value);
                rest = remainder;
                continue 'next;
            }
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

fn number(message: &OutboundMessage) -> String {
    message.number.map(|number| number.to_string()).unwrap_or_default()
}

fn truncate(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn host_of(url: &str) -> Option<String> {
    let url: reqwest::Url = url.parse().ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn utc(at: Timestamp, format: &str) -> String {
    at.to_jiff().strftime(format).to_string()
}

/// Percent-encodes by RFC 3986: everything but letters, digits and `-_.~`.
fn percent(text: &str) -> String {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes()
        .map(|byte| if is_unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

impl Sender for Gateway {
    fn account(&self) -> &str {
        &self.name
    }

    fn rate(&self) -> Option<Rate> {
        per_minute(self.account.messages_a_minute)
    }

    fn secret_digest(&self) -> String {
        let Account { bearer, key_id, key_secret, .. } = &self.account;
        secrets_digest(&[bearer.expose(), key_id, key_secret.expose()])
    }

    fn send(&self, message: OutboundMessage, now: Timestamp) -> BoxFuture<'static, Outcome> {
        let this = self.clone();
        Box::pin(async move {
            match this.account.provider {
                Provider::None => rejected(msg!("delivery-sms-provider-missing")),
                Provider::Http => this.send_by_http(&message).await,
                Provider::Aliyun => this.send_by_aliyun(&message, now).await,
                Provider::Tencent => this.send_by_tencent(&message, now).await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_in_a_value_are_not_filled() {
        let body = fill_template(r#"{"to":{to},"m":{text}}"#, &[("{to}", "\"1\""), ("{text}", "\"{to} 你好\"")]);
        assert_eq!(body, r#"{"to":"1","m":"{to} 你好"}"#);
    }

    #[test]
    fn a_query_is_percent_encoded() {
        assert_eq!(percent("工单 #1~_-.*"), "%E5%B7%A5%E5%8D%95%20%231~_-.%2A");
    }
}
