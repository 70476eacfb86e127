//! Addresses of channels: which are valid, and the code that proves one.

use serde_json::Value;
use uuid::Uuid;

use crate::kernel::{Code, Refusal, refuse, text};
use crate::msg;
use crate::notifications::model::{Channel, Medium};
use crate::runtime::Vault;
use crate::runtime::vault::mac;

const CHAT_CHARS_MAX: usize = 64;
const SUBSCRIPTION_BYTES_MAX: usize = 4_000;

/// Validates and normalises an address that a person gives. An address names one person: what a provider reads as a list, as
/// everybody or as markup is refused.
pub fn valid_address(channel: Channel, given: &str) -> Result<String, Refusal> {
    let invalid = |message| Err(refuse(Code::Invalid, "address", message));
    match channel.medium() {
        Medium::Web => Ok(String::new()),
        Medium::Mail => text::email("address", given),
        Medium::Phone => {
            let number: String = given.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
            if is_telephone(&number) { Ok(number) } else { invalid(msg!("notification-telephone-invalid")) }
        }
        Medium::Push => {
            // The endpoint is checked when a message is sent.
            if is_subscription(given) {
                Ok(given.to_owned())
            } else {
                invalid(msg!("notification-push-subscription-invalid"))
            }
        }
        Medium::Chat => {
            let address = text::line("address", given, CHAT_CHARS_MAX)?;
            if is_chat_id(channel, &address) { Ok(address) } else { invalid(msg!("notification-chat-id-invalid")) }
        }
    }
}

/// Whether a message may be sent to the address; the sender asks again, because rows may be older than the rule.
pub fn is_valid(channel: Channel, address: &str) -> bool {
    valid_address(channel, address).is_ok_and(|valid| valid == address)
}

/// WeCom takes 1 to 64 letters, digits and `_-@.`, of which the first is a letter or digit; `@all` is everybody and `|` separates
/// people: <https://developer.work.weixin.qq.com/document/path/90195>. DingTalk separates people by commas. Robots mention by
/// mobile number. Feishu's ids contain neither `@` nor dots.
fn is_chat_id(channel: Channel, address: &str) -> bool {
    let more: &[u8] = if channel == Channel::Feishu { b"_-" } else { b"_-@." };
    let starts = address.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let valid = starts && address.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte));
    valid || (address.starts_with('+') && is_telephone(address))
}

fn is_telephone(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number);
    (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_subscription(given: &str) -> bool {
    given.len() <= SUBSCRIPTION_BYTES_MAX
        && serde_json::from_str::<Value>(given).is_ok_and(|json| {
            let endpoint = json.get("endpoint").and_then(Value::as_str);
            let key = |name: &str| json.get("keys").and_then(|keys| keys.get(name)).is_some_and(Value::is_string);
            endpoint.is_some() && key("p256dh") && key("auth")
        })
}

/// The six digits of a code. They are derived, so that none is stored.
pub fn code_digits(vault: &Vault, id: Uuid) -> String {
    let mac = mac(&vault.subkey("address-code"), &[id.as_bytes()]);
    let [a, b, c, d, ..] = mac;
    format!("{:06}", u32::from_be_bytes([a, b, c, d]) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_one_person() {
        use Channel::{Dingtalk, Email, Feishu, Sms, Web, Wecom};
        let cases = [
            (Wecom, "zhang.san", true),
            (Wecom, "13800000001", true),
            (Wecom, "+8613800000001", true),
            (Wecom, "li-si_2@corp", true),
            (Wecom, "@all", false),
            (Wecom, "a|b", false),
            (Wecom, "a,b", false),
            (Wecom, "张三", false),
            (Wecom, &"x".repeat(65), false),
            (Dingtalk, "manager4220", true),
            (Dingtalk, "u1,u2", false),
            (Dingtalk, "@manager", false),
            (Feishu, "ou_7d8a6e6df7621556ce0d21922b676706", true),
            (Feishu, "x\"></at><at user_id=\"all", false),
            (Feishu, "all@", false),
            (Email, "li@corp.example", true),
            (Email, "li@corp.example, wang@corp.example", false),
            (Email, "<li@corp.example>", false),
            (Sms, "+86 138-0000-0001", true),
            (Sms, "1380000000a", false),
            (Sms, "13800000001,13800000002", false),
            (Web, "", true),
        ];
        for (channel, given, valid) in cases {
            let found = valid_address(channel, given);
            assert_eq!(found.is_ok(), valid, "{channel:?} {given}");
            if let Ok(address) = found {
                assert!(is_valid(channel, &address), "{channel:?} {given}");
            }
        }
        assert!(!is_valid(Email, "Li@Corp.example"), "an address that is not normalised");
    }
}
