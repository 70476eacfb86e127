//! Texts for people. Code names a message of the catalogues by its id and gives its arguments; the text is made where it
//! leaves, in the language of whoever reads it. The catalogues are the Fluent files in `domain/locales`.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};

use super::Locale;

/// A text for people. Made by [`msg!`](crate::msg).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// A message of the catalogues.
    Catalogue { id: Cow<'static, str>, args: Vec<(Cow<'static, str>, Arg)> },
    /// What somebody has named in both languages, such as an entry of the catalogue.
    Literal { en: String, zh: String },
}

/// An argument of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// Selects a plural form.
    Number(i64),
    Text(String),
    Message(Message),
}

impl<T: Display + ?Sized> From<&T> for Arg {
    fn from(value: &T) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<&Message> for Arg {
    fn from(message: &Message) -> Self {
        Self::Message(message.clone())
    }
}

impl From<&Self> for Arg {
    fn from(arg: &Self) -> Self {
        arg.clone()
    }
}

/// `msg!("duration-hours", hours = hours)`: a message of the catalogues with its arguments. A number that selects a plural
/// form is given as `Arg::Number(count)`.
#[macro_export]
macro_rules! msg {
    ($id:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::kernel::Message::Catalogue {
            id: ::std::borrow::Cow::Borrowed($id),
            args: ::std::vec![
                $((::std::borrow::Cow::Borrowed(stringify!($name)), $crate::kernel::Arg::from(&$value))),*
            ],
        }
    };
}

impl Message {
    pub fn literal(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::Literal { en: en.into(), zh: zh.into() }
    }

    /// A text of another party, such as a provider's error message: the same in all languages.
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Literal { en: text.clone(), zh: text }
    }

    /// With at most so many characters of each text of another party.
    pub fn truncated(self, chars_max: usize) -> Self {
        let truncate = |text: String| text.chars().take(chars_max).collect::<String>();
        match self {
            Self::Literal { en, zh } => Self::Literal { en: truncate(en), zh: truncate(zh) },
            Self::Catalogue { id, args } => {
                let truncate_arg = |arg| match arg {
                    Arg::Text(text) => Arg::Text(truncate(text)),
                    Arg::Message(message) => Arg::Message(message.truncated(chars_max)),
                    number @ Arg::Number(_) => number,
                };
                Self::Catalogue { id, args: args.into_iter().map(|(name, arg)| (name, truncate_arg(arg))).collect() }
            }
        }
    }

    /// The value of a text column: JSON, or the text itself if it is the same in all languages.
    pub fn to_stored(&self) -> String {
        match self {
            Self::Literal { en, zh } if en == zh && serde_json::from_str::<Self>(en).is_err() => en.clone(),
            message => serde_json::to_string(message).unwrap_or_else(|_| message.text(Locale::En)),
        }
    }

    /// Reads a text column. Older programs stored plain texts.
    pub fn from_stored(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_else(|_| Self::plain(stored))
    }

    pub fn text(&self, locale: Locale) -> String {
        let (id, args) = match self {
            Self::Catalogue { id, args } => (id, args),
            Self::Literal { en, zh } => return if locale == Locale::ZhCn { zh.clone() } else { en.clone() },
        };
        let bundle = bundle(locale);
        let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
            tracing::error!(%id, "the catalogues have no such message");
            return id.to_string();
        };
        let args: FluentArgs<'_> = args.iter().map(|(name, arg)| (name.as_ref(), arg.value(locale))).collect();
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
        if !errors.is_empty() {
            tracing::error!(%id, ?errors, "a message lacks arguments");
        }
        text
    }
}

/// In a column, a message is its stored text.
impl From<Message> for sea_orm::Value {
    fn from(message: Message) -> Self {
        message.to_stored().into()
    }
}

impl sea_orm::TryGetable for Message {
    fn try_get_by<I: sea_orm::ColIdx>(row: &sea_orm::QueryResult, index: I) -> Result<Self, sea_orm::TryGetError> {
        <String as sea_orm::TryGetable>::try_get_by(row, index).map(|text| Self::from_stored(&text))
    }
}

impl sea_orm::sea_query::ValueType for Message {
    fn try_from(value: sea_orm::Value) -> Result<Self, sea_orm::sea_query::ValueTypeErr> {
        <String as sea_orm::sea_query::ValueType>::try_from(value).map(|text| Self::from_stored(&text))
    }

    fn type_name() -> String {
        "Message".to_owned()
    }

    fn array_type() -> sea_orm::sea_query::ArrayType {
        <String as sea_orm::sea_query::ValueType>::array_type()
    }

    fn column_type() -> sea_orm::sea_query::ColumnType {
        sea_orm::sea_query::ColumnType::Text
    }
}

impl sea_orm::sea_query::Nullable for Message {
    fn null() -> sea_orm::Value {
        <String as sea_orm::sea_query::Nullable>::null()
    }
}

impl Arg {
    fn value(&self, locale: Locale) -> FluentValue<'static> {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.clone().into(),
            Self::Message(message) => message.text(locale).into(),
        }
    }
}

/// The catalogue of each language; a third language is a file and a line here.
const CATALOGUES: [(Locale, &str); 2] =
    [(Locale::En, include_str!("../../locales/en.ftl")), (Locale::ZhCn, include_str!("../../locales/zh-CN.ftl"))];

type Bundle = FluentBundle<FluentResource>;

/// Read when the first text is made.
fn bundle(locale: Locale) -> &'static Bundle {
    static BUNDLES: LazyLock<Vec<(Locale, Bundle)>> =
        LazyLock::new(|| CATALOGUES.iter().map(|(locale, source)| (*locale, read(*locale, source))).collect());
    let found = BUNDLES.iter().find(|(of, _)| *of == locale);
    &found.expect("every language has a catalogue").1
}

fn read(locale: Locale, source: &str) -> Bundle {
    let tag = locale.as_str().parse().expect("a language tag");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // Isolation marks around arguments would show in e-mails and terminals.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(source.to_owned())
        .unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", locale.as_str()));
    bundle.add_resource(resource).unwrap_or_else(|errors| panic!("{}: {errors:?}", locale.as_str()));
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_rendered_in_the_language_of_its_reader() {
        let name = Message::literal("Printers", "打印机");
        assert_eq!(name.text(Locale::ZhCn), "打印机");
        let stored = serde_json::to_string(&msg!("not-found")).unwrap();
        let read: Message = serde_json::from_str(&stored).unwrap();
        assert_eq!(read.text(Locale::En), "Not found, or not visible to you.");
        assert_eq!(read.text(Locale::ZhCn), "不存在，或您无权查看。");
    }

    #[test]
    fn a_message_of_an_older_program_is_read() {
        let read: Message = serde_json::from_str(r#"{"en":"Yes","zh":"是"}"#).unwrap();
        assert_eq!(read, Message::literal("Yes", "是"));
    }
    #[test]
    fn a_stored_message_reads_as_it_was() {
        let inner = msg!("url-malformed", error = "invalid port");
        for (message, stored) in [
            (Message::plain("HTTP 500"), Some("HTTP 500")),
            (Message::plain(""), Some("")),
            (Message::plain("550 no such mailbox: 无此用户"), Some("550 no such mailbox: 无此用户")),
            (Message::plain(r#"{"errcode":1}"#), Some(r#"{"errcode":1}"#)),
            // A text that looks like a stored message.
            (Message::plain(r#"{"en":"Yes","zh":"是"}"#), None),
            (Message::literal("Yes", "是"), Some(r#"{"en":"Yes","zh":"是"}"#)),
            (msg!("not-found"), Some(r#"{"id":"not-found","args":[]}"#)),
            (msg!("expires-in-days", days = Arg::Number(3)), Some(r#"{"id":"expires-in-days","args":[["days",3]]}"#)),
            (msg!("webhooks-url-refused", field = "url", reason = inner), None),
        ] {
            let text = message.to_stored();
            assert!(stored.is_none_or(|stored| stored == text), "{text}");
            assert_eq!(Message::from_stored(&text), message, "{text}");
        }
    }

    #[test]
    fn the_texts_of_others_in_a_message_are_truncated() {
        let inner = msg!("url-malformed", error = "1234");
        for (message, expected) in [
            (Message::plain("12345"), Message::plain("123")),
            (msg!("not-found"), msg!("not-found")),
            (msg!("expires-in-days", days = Arg::Number(12_345)), msg!("expires-in-days", days = Arg::Number(12_345))),
            (
                msg!("webhooks-url-refused", field = "callbackUrl", reason = inner),
                msg!("webhooks-url-refused", field = "cal", reason = msg!("url-malformed", error = "123")),
            ),
        ] {
            assert_eq!(message.truncated(3), expected);
        }
    }
}
