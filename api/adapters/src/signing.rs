//! Request signatures, as specified on each provider's page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

pub fn sha256_hex(message: &[u8]) -> String {
    hex::encode(Sha256::digest(message))
}

/// Signature of DingTalk robots: HMAC-SHA256 of `timestamp\nsecret` with the secret as key, in Base64.
/// The timestamp is in milliseconds.
/// <https://open.dingtalk.com/document/robots/customize-robot-security-settings>
pub fn dingtalk(timestamp_millis: i64, secret: &str) -> String {
    let message = format!("{timestamp_millis}\n{secret}");
    STANDARD.encode(hmac_sha256(secret.as_bytes(), message.as_bytes()))
}

/// Signature of Feishu robots: HMAC-SHA256 of an empty message with `timestamp\nsecret` as key, in Base64.
/// The timestamp is in seconds.
/// <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>
pub fn feishu(timestamp_secs: i64, secret: &str) -> String {
    let key = format!("{timestamp_secs}\n{secret}");
    STANDARD.encode(hmac_sha256(key.as_bytes(), b""))
}

/// A request of Alibaba Cloud, signed by ACS3-HMAC-SHA256.
/// <https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature>
pub struct Acs3<'r> {
    pub method: &'r str,
    /// Percent-encoded and sorted.
    pub query: &'r str,
    pub host: &'r str,
    pub action: &'r str,
    pub version: &'r str,
    /// Such as 2023-10-26T10:22:32Z.
    pub date: &'r str,
    pub nonce: &'r str,
    pub body: &'r [u8],
}

impl Acs3<'_> {
    /// The headers besides `host`, with the signature.
    pub fn headers(&self, key_id: &str, secret: &str) -> Vec<(&'static str, String)> {
        let body = sha256_hex(self.body);
        let mut headers = vec![
            ("x-acs-action", self.action.to_owned()),
            ("x-acs-content-sha256", body.clone()),
            ("x-acs-date", self.date.to_owned()),
            ("x-acs-signature-nonce", self.nonce.to_owned()),
            ("x-acs-version", self.version.to_owned()),
        ];
        let signed = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
        let mut canonical = format!("{}\n/\n{}\nhost:{}\n", self.method, self.query, self.host);
        for (name, value) in &headers {
            canonical.push_str(&format!("{name}:{value}\n"));
        }
        canonical.push_str(&format!("\n{signed}\n{body}"));
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(canonical.as_bytes()));
        let signature = hex::encode(hmac_sha256(secret.as_bytes(), to_sign.as_bytes()));
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={signed},Signature={signature}");
        headers.push(("authorization", authorization));
        headers
    }
}

/// A request of Tencent Cloud, signed by TC3-HMAC-SHA256, with the headers content-type and host.
/// <https://cloud.tencent.com/document/api/382/52072>
pub struct Tc3<'r> {
    pub service: &'r str,
    pub host: &'r str,
    pub content_type: &'r str,
    pub timestamp_secs: i64,
    /// The UTC day of the timestamp, such as 2019-02-25.
    pub day: &'r str,
    pub body: &'r [u8],
}

impl Tc3<'_> {
    pub fn authorization(&self, secret_id: &str, secret_key: &str) -> String {
        let Self { service, host, content_type, timestamp_secs, day, body } = self;
        let canonical =
            format!("POST\n/\n\ncontent-type:{content_type}\nhost:{host}\n\ncontent-type;host\n{}", sha256_hex(body));
        let scope = format!("{day}/{service}/tc3_request");
        let to_sign = format!("TC3-HMAC-SHA256\n{timestamp_secs}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
        let dated = hmac_sha256(format!("TC3{secret_key}").as_bytes(), day.as_bytes());
        let signing = hmac_sha256(&hmac_sha256(&dated, service.as_bytes()), b"tc3_request");
        let signature = hex::encode(hmac_sha256(&signing, to_sign.as_bytes()));
        format!(
            "TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders=content-type;host, Signature={signature}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the provider's page.
    #[test]
    fn alibaba_cloud_signs_as_on_its_page() {
        let request = Acs3 {
            method: "POST",
            query: "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
            host: "ecs.cn-shanghai.aliyuncs.com",
            action: "RunInstances",
            version: "2014-05-26",
            date: "2023-10-26T10:22:32Z",
            nonce: "3156853299f313e23d1673dc12e1703d",
            body: b"",
        };
        let headers = request.headers("YourAccessKeyId", "YourAccessKeySecret");
        let (_, authorization) = headers.last().unwrap();
        let signature = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
        assert!(authorization.ends_with(signature), "{authorization}");
    }

    /// The example of the provider's page.
    #[test]
    fn tencent_cloud_signs_as_on_its_page() {
        let request = Tc3 {
            service: "cvm",
            host: "cvm.tencentcloudapi.com",
            content_type: "application/json; charset=utf-8",
            timestamp_secs: 1_551_113_065,
            day: "2019-02-25",
            body: br#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#,
        };
        let authorization =
            request.authorization("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
        let signature = "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168";
        assert!(authorization.ends_with(signature), "{authorization}");
    }
}
