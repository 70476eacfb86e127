//! The language of an answer, from `Accept-Language`.

use domain::kernel::Message;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    #[default]
    En,
    ZhCn,
}

impl Language {
    /// The first language of the header that Buoy speaks, by weight; English where there is none.
    pub fn of(accept: Option<&str>) -> Self {
        let mut best = (0.0, Self::En);
        for part in accept.unwrap_or_default().split(',') {
            let (tag, params) = part.split_once(';').unwrap_or((part, ""));
            let weight = params.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            let language = match tag.trim().split(['-', '_']).next() {
                Some(primary) if primary.eq_ignore_ascii_case("zh") => Self::ZhCn,
                Some(primary) if primary.eq_ignore_ascii_case("en") => Self::En,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    pub fn say(self, message: &Message) -> String {
        match self {
            Self::En => message.en.clone(),
            Self::ZhCn => message.zh.clone(),
        }
    }

    /// A name in this language, where there is one.
    pub fn name<'n>(self, en: &'n str, zh: Option<&'n str>) -> &'n str {
        match (self, zh) {
            (Self::ZhCn, Some(zh)) => zh,
            _ => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_known_language_wins() {
        for (accept, language) in [
            (None, Language::En),
            (Some("zh-CN,zh;q=0.9,en;q=0.8"), Language::ZhCn),
            (Some("en-GB, zh;q=0.5"), Language::En),
            (Some("fr, zh-TW;q=0.3, en;q=0.2"), Language::ZhCn),
            (Some("de"), Language::En),
            (Some("zh;q=0"), Language::En),
            (Some(";;,=q"), Language::En),
        ] {
            assert_eq!(Language::of(accept), language, "{accept:?}");
        }
    }
}
