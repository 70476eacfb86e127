//! SMS: any HTTP gateway by a template, Alibaba Cloud 阿里云, Tencent Cloud 腾讯云.

use domain::kernel::{Clock as _, SystemClock, Timestamp};
use domain::notifications::model::{Parcel, Rate, Sender};
use domain::runtime::jobs::Outcome;
use futures::future::BoxFuture;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::outgoing::{ask, unsent};
use super::signing::{Acs3, Tc3};
use super::{Secret, a_minute, denied, digest_of, later, plain, refused};

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
    http: Client,
}

impl Gateway {
    pub fn open(account: &Account, http: &Client) -> Result<Option<Self>, String> {
        if account.provider == Provider::None {
            return Ok(None);
        }
        if account.url.is_empty() {
            return Err("channels.sms.url: say where the gateway is".to_owned());
        }
        let name = format!("sms:{:?}:{}", account.provider, account.url).to_lowercase();
        Ok(Some(Self { account: account.clone(), name, http: http.clone() }))
    }

    /// `{to}`, `{text}`, `{title}`, `{number}` and `{id}` in the template stand for the message; values are JSON strings.
    async fn by_http(&self, parcel: &Parcel) -> Outcome {
        let quoted = |text: &str| json!(text).to_string();
        let number = parcel.number.map(|number| number.to_string()).unwrap_or_default();
        let body = filled(
            &self.account.body,
            &[
                ("{to}", &quoted(&parcel.address)),
                ("{text}", &quoted(&plain(parcel))),
                ("{title}", &quoted(&parcel.title)),
                ("{number}", &quoted(&number)),
                ("{id}", &quoted(&parcel.id.to_string())),
            ],
        );
        let mut request = self.http.post(&self.account.url).header("content-type", "application/json").body(body);
        if !self.account.bearer.is_empty() {
            request = request.bearer_auth(self.account.bearer.expose());
        }
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Outcome::Sent { id: None },
            Ok(answer) if answer.status().as_u16() == 429 || answer.status().is_server_error() => {
                later(format!("HTTP {}", answer.status().as_u16()))
            }
            Ok(answer) if matches!(answer.status().as_u16(), 401 | 403) => {
                denied(format!("HTTP {}", answer.status().as_u16()))
            }
            Ok(answer) => refused(format!("HTTP {}", answer.status().as_u16())),
            Err(error) => unsent(error),
        }
    }

    /// <https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms>
    async fn by_aliyun(&self, parcel: &Parcel) -> Outcome {
        let Account { url, key_id, key_secret, sign_name, template, .. } = &self.account;
        let Some(host) = host_of(url) else { return refused("channels.sms.url has no host") };
        let params = json!({ "title": clip(&parcel.title, 35), "number": number(parcel) }).to_string();
        let mut query = [
            ("PhoneNumbers", parcel.address.trim_start_matches('+').to_owned()),
            ("SignName", sign_name.clone()),
            ("TemplateCode", template.clone()),
            ("TemplateParam", params),
            ("OutId", parcel.id.to_string()),
        ];
        query.sort_unstable();
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        let (query, date) = (query.join("&"), utc(SystemClock.now(), "%Y-%m-%dT%H:%M:%SZ"));
        let signed = Acs3 {
            method: "POST",
            query: &query,
            host: &host,
            action: "SendSms",
            version: "2017-05-25",
            date: &date,
            nonce: &parcel.id.to_string(),
            body: b"",
        };
        let mut request = self.http.post(format!("{url}/?{query}"));
        for (name, value) in signed.headers(key_id, key_secret.expose()) {
            request = request.header(name, value);
        }
        match ask(request).await {
            Ok(answer) => match answer["Code"].as_str() {
                Some("OK") => Outcome::Sent { id: answer["BizId"].as_str().map(str::to_owned) },
                Some(
                    code @ ("isv.BUSINESS_LIMIT_CONTROL" | "Throttling" | "Throttling.User" | "ServiceUnavailable"),
                ) => later(said("Alibaba Cloud", code, &answer["Message"])),
                Some(code) if code.starts_with("InvalidAccessKey") || code == "SignatureDoesNotMatch" => {
                    denied(said("Alibaba Cloud", code, &answer["Message"]))
                }
                Some(code) => refused(said("Alibaba Cloud", code, &answer["Message"])),
                None => later("Alibaba Cloud answered without a code"),
            },
            Err(outcome) => outcome,
        }
    }

    /// <https://cloud.tencent.com/document/api/382/55981>
    async fn by_tencent(&self, parcel: &Parcel) -> Outcome {
        let Account { url, key_id, key_secret, sign_name, template, app_id, region, .. } = &self.account;
        let Some(host) = host_of(url) else { return refused("channels.sms.url has no host") };
        // Without a country it is China's.
        let to =
            if parcel.address.starts_with('+') { parcel.address.clone() } else { format!("+86{}", parcel.address) };
        let body = json!({
            "PhoneNumberSet": [to],
            "SmsSdkAppId": app_id,
            "SignName": sign_name,
            "TemplateId": template,
            "TemplateParamSet": [clip(&parcel.title, 12), number(parcel)],
            "SessionContext": parcel.id.to_string(),
        })
        .to_string();
        let now = SystemClock.now();
        let signed = Tc3 {
            service: "sms",
            host: &host,
            content_type: "application/json",
            timestamp_secs: now.millis() / 1_000,
            day: &utc(now, "%Y-%m-%d"),
            body: body.as_bytes(),
        };
        let request = self
            .http
            .post(url)
            .header("authorization", signed.authorization(key_id, key_secret.expose()))
            .header("content-type", signed.content_type)
            .header("x-tc-action", "SendSms")
            .header("x-tc-version", "2021-01-11")
            .header("x-tc-region", region)
            .header("x-tc-timestamp", signed.timestamp_secs.to_string())
            .body(body);
        match ask(request).await {
            Ok(answer) => {
                let answer = &answer["Response"];
                let status = &answer["SendStatusSet"][0];
                let code = status["Code"].as_str().or_else(|| answer["Error"]["Code"].as_str());
                let message = if status.is_null() { &answer["Error"]["Message"] } else { &status["Message"] };
                match code {
                    Some("Ok") => Outcome::Sent { id: status["SerialNo"].as_str().map(str::to_owned) },
                    Some(code) if code.starts_with("LimitExceeded") || code.starts_with("InternalError") => {
                        later(said("Tencent Cloud", code, message))
                    }
                    Some(code) if code.starts_with("AuthFailure") => denied(said("Tencent Cloud", code, message)),
                    Some(code) => refused(said("Tencent Cloud", code, message)),
                    None => later("Tencent Cloud answered without a code"),
                }
            }
            Err(outcome) => outcome,
        }
    }
}

fn said(who: &str, code: &str, message: &Json) -> String {
    format!("{who} {code}: {}", message.as_str().unwrap_or_default())
}

/// Places in a template, each filled once: what is filled in is no template.
fn filled(template: &str, places: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    'next: while let Some(first) = rest.chars().next() {
        for (place, value) in places {
            if let Some(behind) = rest.strip_prefix(place) {
                out.push_str(value);
                rest = behind;
                continue 'next;
            }
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

fn number(parcel: &Parcel) -> String {
    parcel.number.map(|number| number.to_string()).unwrap_or_default()
}

fn clip(text: &str, chars: usize) -> String {
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

/// RFC 3986: all but letters, digits and `-_.~`.
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

impl Sender for Gateway {
    fn account(&self) -> &str {
        &self.name
    }

    fn rate(&self) -> Option<Rate> {
        a_minute(self.account.messages_a_minute)
    }

    fn digest(&self) -> String {
        let Account { bearer, key_id, key_secret, .. } = &self.account;
        digest_of(&[bearer.expose(), key_id, key_secret.expose()])
    }

    fn send(&self, parcel: Parcel) -> BoxFuture<'static, Outcome> {
        let this = self.clone();
        Box::pin(async move {
            match this.account.provider {
                Provider::None => refused("no provider"),
                Provider::Http => this.by_http(&parcel).await,
                Provider::Aliyun => this.by_aliyun(&parcel).await,
                Provider::Tencent => this.by_tencent(&parcel).await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_no_template() {
        let body = filled(r#"{"to":{to},"m":{text}}"#, &[("{to}", "\"1\""), ("{text}", "\"{to} 你好\"")]);
        assert_eq!(body, r#"{"to":"1","m":"{to} 你好"}"#);
    }

    #[test]
    fn a_query_is_encoded_to_the_letter() {
        assert_eq!(percent("工单 #1~_-.*"), "%E5%B7%A5%E5%8D%95%20%231~_-.%2A");
    }
}
